"""Error attribution: of the answers that are wrong, what kind of step went wrong first.

    exact(row)          # "perception", from what was described and what follows from it
    exactly(table)      # the shares on items whose scenes are known, without any judge

Elsewhere judges are asked (`judging`), and their word is corrected by scenes that are known (`unfolding`), or people
read some (`audit`).

| kind          | the first wrong step                                      | on a scene that is known exactly |
|---------------|-----------------------------------------------------------|----------------------------------|
| `perception`  | states of the picture what it does not show, or misses it | the description is not the scene |
| `reasoning`   | does not follow                                           | it is, and the answer is wrong   |
| `knowledge`   | uses a theorem, unit or fact of the world that is not so  | (reasoning)                      |
| `calculation` | miscalculates                                             | (reasoning)                      |
| `extraction`  | none: the answer was not put where the format has it      | it is, and no answer can be read |
| `none`        | none: the answer is right, and was scored or keyed wrong  |                                  |

Perception comes first, so a wrong description is the first wrong step whatever follows it. A kind `none` is only told
of where somebody says it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from perceptdata.diagnosis.measures import FEWEST, Rate, rate
from perceptdata.diagnosis.rates import condition
from perceptdata.records import Record
from perceptdata.review.screens import ERROR_KINDS, NOTHING_WRONG, ErrorKind

EXACT: tuple[ErrorKind, ...] = ("perception", "reasoning", "extraction")


class Labelled(Record):
    """One wrong answer: what the judge says went wrong first, and what did (None where nobody knows)."""

    address: str
    group: str
    said: str | None
    truth: str | None = None


class KindShare(Record):
    """Of the wrong answers, the share of one kind: as the judge says, and corrected for what it mistakes."""

    kind: str
    said: float | None
    corrected: float | None
    low: float | None
    high: float | None


class Attribution(Record):
    """Shares by kind. `basis` says whose word they are; `unjudged` counts answers without a word.

    `confusion[truth][said]` counts the answers that calibrate; `accuracy` is how often the judge is right on them.
    `guessed` are kinds of which no answer of known truth is there: the judge is taken at its word.
    """

    basis: str
    wrong: int
    unjudged: int
    shares: tuple[KindShare, ...]
    confusion: dict[str, dict[str, int]]
    accuracy: Rate | None
    guessed: tuple[str, ...]
    enough: bool


def exact(row: Mapping[str, Any]) -> ErrorKind | None:
    """The kind of a wrong answer as far as its scene tells; None where the answer is right or no scene is known."""
    if row["state"] not in ("wrong", "unparsed") or not row["exact"] or row["seen"] is None:
        return None
    if row["seen"] < 1:
        return "perception"
    return "reasoning" if row["state"] == "wrong" else "extraction"


def exactly(table: pa.Table) -> Attribution:
    """The shares on items whose scenes are known, without any judge. Their intervals are those of rates."""
    image = condition(table, "image")
    rows = [row for row in image.to_pylist() if row["exact"] and row["state"] in ("wrong", "unparsed")]
    told = [(kind, row["group"]) for row in rows if (kind := exact(row)) is not None]
    return counted("exact", [kind for kind, _ in told], [group for _, group in told], len(rows), EXACT)


def counted(
    basis: str, truths: Sequence[str | None], groups: Sequence[str], wrong: int, kinds: Sequence[str]
) -> Attribution:
    """Shares of truths that are known, with the intervals of rates."""
    shares = []
    for kind in kinds:
        found = rate([float(each == kind) for each in truths], groups)
        low, high = (found.low, found.high) if truths else (None, None)
        shares.append(KindShare(kind=kind, said=None, corrected=found.value, low=low, high=high))
    return Attribution(
        basis=basis,
        wrong=wrong,
        unjudged=wrong - len(truths),
        shares=tuple(shares),
        confusion={},
        accuracy=None,
        guessed=(),
        enough=len(set(groups)) >= FEWEST,
    )


def kinds_of(kinds: Sequence[str], words: Sequence[str | None]) -> tuple[str, ...]:
    """These kinds, and `none` where somebody says it."""
    return (*(kind for kind in kinds if kind != NOTHING_WRONG), *([NOTHING_WRONG] if NOTHING_WRONG in words else []))


def confusion(pairs: Sequence[tuple[str, str]]) -> dict[str, dict[str, int]]:
    """How often which word was given for which truth, `[truth][word]`, in the order of kinds."""
    counts, kinds = Counter(pairs), tuple[str, ...](ERROR_KINDS)
    found = {kind: {word: counts[kind, word] for word in kinds if counts[kind, word]} for kind in kinds}
    return {kind: row for kind, row in found.items() if row}


def codes(groups: Sequence[str]) -> np.ndarray:
    """(n,) the groups as numbers from 0."""
    return np.unique(np.asarray(groups, str), return_inverse=True)[1].ravel()
