"""The whole comparison of some annotators, with intervals: over all texts, and over those of each source.

    found = compare(coded, bootstraps=200)
    found["all"].estimates["clauses", "alpha", "all"]             # Estimate(value=0.71, low=0.69, high=0.73)
    found["all"].estimates["spans", "tags~people", "exact", "perception"]

Everything is counted once, by text; a group of texts, or a bootstrap sample, is then a sum of rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, combinations, pairwise
from math import isfinite, prod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from perceptdata.agreement.annotations import Coded
from perceptdata.agreement.bootstrap import interval, resample
from perceptdata.agreement.coefficients import against_rest, alpha, coincidences, confusion, fleiss, kappa, label_f1
from perceptdata.agreement.matching import ERRORS, f1, match
from perceptdata.agreement.units import Pieces, Tokenize, Units, refine

ALL = "all"
Path = tuple[str, ...]
"""Where a number stands: `("clauses", "kappa", "tags~people", "perception")`."""


class Estimate(NamedTuple):
    """A number and its 95 % interval; NaN where there is none."""

    value: float
    low: float
    high: float

    def to_json(self) -> dict[str, float | None]:
        """Four digits each; None where there is none."""
        return {name: round(x, 4) if isfinite(x) else None for name, x in zip(self._fields, self, strict=True)}


@dataclass(frozen=True, slots=True)
class Agreement:
    """What was found over some texts. `confusion` has, by unit and pair, (L, L) counts: first's label by row."""

    texts: int
    clauses: int
    characters: int
    labels: tuple[str, ...]
    estimates: dict[Path, Estimate]
    confusion: dict[Path, NDArray[np.float64]]

    def to_json(self) -> dict[str, Any]:
        """Nested by path, beside the counts."""
        nested: dict[str, Any] = {"texts": self.texts, "clauses": self.clauses, "characters": self.characters}
        for path, estimate in self.estimates.items():
            room = nested.setdefault("agreement", {})
            for key in path[:-1]:
                room = room.setdefault(key, {})
            room[path[-1]] = estimate.to_json()
        nested["confusion"] = {
            unit: {pair: table.astype(int).tolist() for (kind, pair), table in self.confusion.items() if kind == unit}
            for unit, _ in self.confusion
        }
        return nested


@dataclass(frozen=True, slots=True)
class _Counts:
    """Blocks of counts by path, one row a text, side by side in one (T, K) table."""

    table: NDArray[np.float64]
    shapes: dict[Path, tuple[int, ...]]

    @classmethod
    def of(cls, blocks: Mapping[Path, NDArray[np.float64]], texts: int) -> _Counts:
        flat = [block.reshape(texts, prod(block.shape[1:])) for block in blocks.values()]
        return cls(np.concatenate(flat, axis=1), {path: block.shape[1:] for path, block in blocks.items()})

    def blocks(self, sums: NDArray[np.float64]) -> dict[Path, NDArray[np.float64]]:
        """(..., K) sums of rows as the blocks again."""
        cuts = list(accumulate((prod(shape) for shape in self.shapes.values()), initial=0))
        return {
            path: sums[..., start:end].reshape(*sums.shape[:-1], *shape)
            for (path, shape), (start, end) in zip(self.shapes.items(), pairwise(cuts), strict=True)
        }


def compare(
    coded: Coded,
    bootstraps: int = 200,
    seed: int = 0,
    groups: Sequence[str] | None = None,
    tokenize: Tokenize | None = None,
    pieces: Pieces | None = None,
) -> dict[str, Agreement]:
    """The agreement over `all` texts, and over those of each group where `groups` names one for every text.

    Clauses count once each; characters (and tokens, given a tokenizer) weigh by length. `pieces` spares cutting the
    texts again where that is done.
    """
    cut = refine(coded, tokenize) if pieces is None else pieces
    units = {"clauses": cut.clauses(), "characters": cut.characters()}
    if tokenize is not None:
        units["tokens"] = cut.tokens_of_clauses()
    counts = _Counts.of(_count(coded, cut, units), cut.texts)
    chosen: dict[str, NDArray[np.bool_]] = {ALL: np.ones(cut.texts, bool)}
    for group in sorted(set(groups or ())):
        chosen[group] = np.array([name == group for name in groups or ()])
    clauses = np.bincount(cut.clause_text, minlength=cut.texts)
    characters = np.bincount(cut.text, cut.weight, cut.texts)
    found = {}
    for name, texts in chosen.items():
        rows = counts.table[texts]
        sums = counts.blocks(rows.sum(axis=0))
        values = _measures(sums, coded.scheme.labels)
        samples = _measures(counts.blocks(resample(rows, bootstraps, seed)), coded.scheme.labels)
        found[name] = Agreement(
            texts=int(texts.sum()),
            clauses=int(clauses[texts].sum()),
            characters=int(characters[texts].sum()),
            labels=coded.scheme.labels,
            estimates={path: Estimate(float(value), *interval(samples[path])) for path, value in values.items()},
            confusion={(path[0], path[2]): table for path, table in sums.items() if path[1] == "confusion"},
        )
    return found


def _count(coded: Coded, pieces: Pieces, units: Mapping[str, Units]) -> dict[Path, NDArray[np.float64]]:
    """Every block, (T, …) each."""
    pairs = {
        (a, b): f"{coded.annotators[a]}~{coded.annotators[b]}" for a, b in combinations(range(len(coded.spans)), 2)
    }
    blocks: dict[Path, NDArray[np.float64]] = {}
    for kind, each in units.items():
        blocks[kind, "coincidences"] = coincidences(each)
        blocks[kind, "complete"] = coincidences(each, complete=True)
        for (a, b), pair in pairs.items():
            blocks[kind, "confusion", pair] = confusion(each, a, b)
    for (a, b), pair in pairs.items():
        matching = match(pieces, a, b)
        blocks["spans", "runs", pair] = matching.spans
        blocks["errors", "stretches", pair] = matching.errors
    return blocks


def _measures(blocks: Mapping[Path, NDArray[np.float64]], labels: Sequence[str]) -> dict[Path, NDArray[np.float64]]:
    """Every number, with the leading axes of the blocks."""
    found: dict[Path, NDArray[np.float64]] = {}
    with_pair = {"coincidences": ("alpha", alpha), "complete": ("fleiss", fleiss), "confusion": ("kappa", kappa)}
    for path, block in blocks.items():
        if path[1] in with_pair:
            name, coefficient = with_pair[path[1]]
            _by_label(found, (path[0], name, *path[2:]), block, labels, coefficient)
            if path[1] == "confusion":
                scores = {label: label_f1(block, at) for at, label in enumerate(labels)}
                found |= {(path[0], "f1", path[2], label): score for label, score in scores.items()}
        elif path[0] == "spans":
            for at, label in ((None, ALL), *enumerate(labels)):
                counts = block.sum(axis=-2) if at is None else block[..., at, :]
                for kind, score in f1(counts).items():
                    found["spans", path[2], kind, label] = score
        else:
            for at, label in enumerate((*labels, ALL)):
                found |= _errors(path[2], label, block[..., at, :])
    return found


def _by_label(
    found: dict[Path, NDArray[np.float64]],
    path: Path,
    table: NDArray[np.float64],
    labels: Sequence[str],
    coefficient: Callable[[NDArray[np.float64]], NDArray[np.float64]],
) -> None:
    found[*path, ALL] = coefficient(table)
    for at, label in enumerate(labels):
        found[*path, label] = coefficient(against_rest(table, at))


def _errors(pair: str, label: str, counts: NDArray[np.float64]) -> dict[Path, NDArray[np.float64]]:
    """Shares of the characters that both label, one of them at least so, and how far apart a border is drawn."""
    column = {name: counts[..., at] for at, name in enumerate(ERRORS)}
    total = column["agreed"] + column["border"] + column["label"]
    found: dict[Path, NDArray[np.float64]] = {}
    with np.errstate(invalid="ignore", divide="ignore"):  # no characters, no borders: NaN is the answer
        found |= {("errors", pair, name, label): column[name] / total for name in ("agreed", "border", "label")}
        found["errors", pair, "border_shift", label] = column["border"] / column["borders"]
    return found
