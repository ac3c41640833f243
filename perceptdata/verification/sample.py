"""Samples: which accepted claims people read, drawn by stratum so that every one of them has a known chance.

    strata = stratify(slices, votes, judges)         # slice and panel score; those on which judges differ apart
    take = allocate(strata.population, size=235)     # claims of each stratum, as it is large
    take = add_disputed(take, strata, budget=60)     # plus the claims in dispute, up to a budget
    claims = pick(strata, take, image, seed=0)
    queue = assign(claims, traps=24, doubled=0.2, readers=2, seed=0)

Claims of one image say less than others, so that within a stratum every k-th claim is taken along the images in an
order of chance (systematic sampling, W. Madow, Ann. Math. Stat. 20, 1949): each claim is as likely as any, and an
image comes twice only where there are too few. Everything follows from the seed and the order of the claims.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from perceptdata.errors import UsageError
from perceptdata.verification.verdicts import Codes, checked, supports

TRAP = -1


@dataclass(frozen=True, slots=True, eq=False)
class Strata:
    """`code` (N,) of each accepted claim's stratum; of each stratum its `slice`, whether judges differ on it
    (`disputed`) and how many claims it has (`population`).
    """

    code: NDArray[np.int64]
    slice: tuple[str, ...]
    disputed: NDArray[np.bool_]
    population: NDArray[np.int64]


class Item(NamedTuple):
    """One reading to be done: by which reader, of which accepted claim (or `TRAP`) and which trap (or -1)."""

    reader: int
    claim: int
    trap: int


def stratify(
    slices: Sequence[str], verdicts: Codes, score: NDArray[np.floating] | None = None, bands: int = 1
) -> Strata:
    """Accepted claims by slice, by whether the judges (N, J) differ, and by quantile bands of the panel's score (N,).

    Empty strata are not made. Raises UsageError where lengths differ.
    """
    said = checked(verdicts)
    if len(slices) != len(said) or (score is not None and len(score) != len(said)):
        raise UsageError("slices, verdicts and scores need one entry for each accepted claim")
    named, of_slice = np.unique(np.asarray(slices, dtype=np.str_), return_inverse=True)
    votes, heard = supports(said).sum(axis=1), (said >= 0).sum(axis=1)
    differ = (votes > 0) & (votes < heard)
    band: NDArray[np.int64] = np.zeros(len(said), np.int64)
    if score is not None and bands > 1:
        edges = np.quantile(score, np.arange(1, bands) / bands)
        band = np.searchsorted(edges, score, side="right")
    cell = (of_slice * 2 + differ) * bands + band
    kept, code, population = np.unique(cell, return_inverse=True, return_counts=True)
    return Strata(
        code=code.astype(np.int64),
        slice=tuple(str(named[each // (2 * bands)]) for each in kept),
        disputed=kept // bands % 2 == 1,
        population=population.astype(np.int64),
    )


def allocate(population: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """(H,) claims to sample: in proportion and rounded up, so that rates are equal and none is without; at most all."""
    size = min(size, int(population.sum()))
    share = population * size / max(population.sum(), 1)
    return np.minimum(np.ceil(share - 1e-9).astype(np.int64), population)


def add_disputed(take: NDArray[np.int64], strata: Strata, budget: int) -> NDArray[np.int64]:
    """The same plus all claims in dispute, or as many as `budget` allows, spread in proportion to what is left."""
    left = np.where(strata.disputed, strata.population - take, 0)
    budget = min(budget, int(left.sum()))
    share = left * budget / max(left.sum(), 1)
    more = np.floor(share).astype(np.int64)
    order = np.argsort(more - share, kind="stable")  # the largest rests first
    more[order[: budget - more.sum()]] += 1
    return take + more


def pick(
    strata: Strata, take: NDArray[np.int64], image: NDArray[np.integer], seed: int, runs: int = 1
) -> NDArray[np.int64]:
    """(runs, take.sum()) places of the sampled claims, stratum by stratum; `image` (N,) is whose each claim is."""
    rng = np.random.default_rng(seed)
    _, code = np.unique(image, return_inverse=True)
    luck = rng.random((runs, int(code.max(initial=-1)) + 1), dtype=np.float32)
    chosen = []
    for stratum, many in enumerate(take.tolist()):
        members = np.nonzero(strata.code == stratum)[0]
        order = luck[:, code[members]].argsort(axis=1, kind="stable")
        step = len(members) / max(many, 1)
        place = (np.arange(many) + rng.random((runs, 1))) * step
        chosen.append(members[np.take_along_axis(order, np.minimum(place.astype(np.int64), len(members) - 1), axis=1)])
    return np.concatenate(chosen, axis=1)


def assign(claims: NDArray[np.integer], traps: int, doubled: float, readers: int, seed: int) -> list[Item]:
    """The readings to be done, in the order in which they are to be read: sampled claims and all traps, mixed.

    Readers take turns; a share `doubled` of the claims is read by the next reader too, and nobody learns which. Raises
    UsageError where claims shall be read twice by a single reader.
    """
    if readers < 1 or (doubled > 0 and readers < 2):
        raise UsageError(f"{readers} readers cannot read a share of {doubled} twice; name two, or read none twice")
    rng = np.random.default_rng(seed)
    turns = rng.permutation(claims).tolist()
    items = [Item(at % readers, claim, -1) for at, claim in enumerate(turns)]
    items += [
        Item((at + 1) % readers, claim, -1) for at, claim in enumerate(turns[: int(np.ceil(doubled * len(turns)))])
    ]
    items += [Item(at % readers, TRAP, trap) for at, trap in enumerate(rng.permutation(traps).tolist())]
    return [items[at] for at in rng.permutation(len(items))]
