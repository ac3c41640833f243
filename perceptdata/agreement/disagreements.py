"""Where annotators differ, heaviest first, for people to look at.

for each in disagreements(coded, limit=20):
    print(each.weight, each.labels, each.text)          # 96 {'tags': 'reasoning', 'people': 'perception'} 'From …'
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from perceptdata.agreement.annotations import Coded
from perceptdata.agreement.units import Pieces, refine


class Disagreement(NamedTuple):
    """A clause `text` = [start, end) of the text at `text_id`, to which annotators give different labels.

    `weight` is its non-space characters; `labels` has every annotator that gives it one.
    """

    text_id: str
    start: int
    end: int
    weight: int
    labels: dict[str, str]
    text: str

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return self._asdict()


def disputed(pieces: Pieces) -> NDArray[np.int64]:
    """The clauses that have two labels or more, by falling weight and then in text order."""
    label = pieces.clauses().label
    highest = label.max(axis=1, initial=-1)
    lowest = np.where(label < 0, highest[:, None], label).min(axis=1, initial=np.iinfo(np.int8).max)
    found = np.flatnonzero(lowest < highest)
    return found[np.argsort(-pieces.clause_weight()[found], kind="stable")]


def disagreements(coded: Coded, limit: int | None = None, pieces: Pieces | None = None) -> list[Disagreement]:
    """The clauses in dispute by falling weight, then in text order; `limit` of them, or all."""
    cut = refine(coded) if pieces is None else pieces
    label, weight = cut.clauses().label, cut.clause_weight()
    found = []
    for clause in disputed(cut)[:limit].tolist():
        text, start, end = int(cut.clause_text[clause]), int(cut.clause_start[clause]), int(cut.clause_end[clause])
        codes = zip(coded.annotators, label[clause].tolist(), strict=True)
        labels = {name: coded.scheme.labels[code] for name, code in codes if code >= 0}
        shown = coded.texts[text][start:end]
        found.append(Disagreement(coded.ids[text], start, end, int(weight[clause]), labels, shown))
    return found
