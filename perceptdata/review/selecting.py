"""Selecting: which texts people read first, up to a budget; and who of them reads which.

    chosen = select(candidates, "disagreement", budget=200, seed=0)
    chosen.place, chosen.probability            # (k,) into the candidates, most wanted first; None where no chance
    turns = deal(len(chosen), people=3, overlap=2, shared=0.3, seed=0)

Everything follows from the addresses and the seed: the order of rows and the number of workers change nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perceptdata.review.candidates import Candidates
from perceptdata.review.plan import Select


@dataclass(frozen=True, slots=True, eq=False)
class Chosen:
    """k chosen texts: their `place` among the candidates, and the `probability` with which each was drawn, NaN where
    the worst were taken and nothing was left to chance.
    """

    place: NDArray[np.int64]
    probability: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.place)


def luck(seed: int, *parts: str) -> float:
    """A number in [0, 1) that depends on the seed and the parts alone."""
    told = hashlib.blake2b("\0".join((str(seed), *parts)).encode(), digest_size=7).digest()
    return int.from_bytes(told) / 2**56


def shares(population: Sequence[int], budget: int) -> list[int]:
    """How many to take of each stratum: in proportion, by largest remainders, and one of each where the budget allows.

    They add up to the budget, or to all there are.
    """
    total = sum(population)
    budget = min(budget, total)
    there = [at for at, many in enumerate(population) if many]
    least = 1 if budget >= len(there) else 0
    take = [least if many else 0 for many in population]
    left = budget - sum(take)
    room = [many - own for many, own in zip(population, take, strict=True)]
    wide = max(sum(room), 1)
    exact = [left * each / wide for each in room]
    take = [own + int(more) for own, more in zip(take, exact, strict=True)]
    rest = sorted(range(len(population)), key=lambda at: int(exact[at]) - exact[at])
    for at in rest[: budget - sum(take)]:
        take[at] += 1
    return take


def select(
    candidates: Candidates, how: Select, budget: int, seed: int, without: Collection[str] = frozenset()
) -> Chosen:
    """The budget's texts, without those `without`.

    By disagreement and uncertainty the highest scores of each stratum come, and nothing with a score of 0. An audit
    and a random choice draw each text of a stratum with the same probability: an audit takes of every stratum, a
    random choice knows none.
    """
    left_out = set(without)
    strata: dict[str, list[int]] = {}
    worst = how in ("disagreement", "uncertainty")
    for at, address in enumerate(candidates.text_id):
        if address in left_out or (worst and candidates.score[at] <= 0):
            continue
        strata.setdefault("" if how == "random" else candidates.stratum[at], []).append(at)
    chance = {at: luck(seed, candidates.text_id[at]) for members in strata.values() for at in members}
    names = sorted(strata)
    taken: list[tuple[float, float, int, float]] = []
    for name, many in zip(names, shares([len(strata[name]) for name in names], budget), strict=True):
        members = sorted(strata[name], key=lambda at: (-candidates.score[at] if worst else 0.0, chance[at]))
        probability = float("nan") if worst else many / len(members)
        taken += [(-candidates.score[at] if worst else 0.0, chance[at], at, probability) for at in members[:many]]
    taken.sort()
    return Chosen(np.array([each[2] for each in taken], np.int64), np.array([each[3] for each in taken], np.float64))


def deal(names: Sequence[str], people: int, overlap: int, shared: float, seed: int) -> list[tuple[int, ...]]:
    """Of each text, in the order in which they come, who reads it: `overlap` people a share `shared` of them, one each
    other. Whoever has least so far comes first, so that nobody reads more than one text more than another.
    """
    many = round(shared * len(names)) if overlap > 1 else 0
    order = sorted(range(len(names)), key=lambda at: luck(seed, "overlap", names[at]))
    twice = set(order[:many])
    load = [0] * people
    dealt = []
    for at, name in enumerate(names):
        tie = [luck(seed, "deal", name, str(person)) for person in range(people)]
        who = sorted(range(people), key=lambda person: (load[person], tie[person]))[: overlap if at in twice else 1]
        for person in who:
            load[person] += 1
        dealt.append(tuple(sorted(who)))
    return dealt


def mixed(regular: Sequence[str], traps: Sequence[str], seed: int, reader: str) -> list[str]:
    """A queue with traps at places of chance: everything else keeps its order."""
    slots = sorted(luck(seed, "trap", reader, name) * (len(regular) + 1) for name in traps)
    order = sorted(traps, key=lambda name: luck(seed, "trap order", reader, name))
    queue: list[str] = []
    waiting = list(zip(slots, order, strict=True))
    for at, name in enumerate(regular):
        while waiting and waiting[0][0] <= at:
            queue.append(waiting.pop(0)[1])
        queue.append(name)
    return queue + [name for _, name in waiting]
