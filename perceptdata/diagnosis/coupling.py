"""Coupling: how far the outcome reward speaks of perception, and how far of reasoning.

Over sampled answers, Pearson's r of `a` with `a_p` and with `a_r`; over all answers, and within the answers to one item
(each against their mean), which is all that group-normalised advantages see. Where r(a, a_r) is far above r(a, a_p),
reinforcement learning on outcomes teaches reasoning and hardly perception (arXiv 2605.29496 finds 0.65 to 1.00 against
0.34 to 0.43), and a reward for perception is worth having.

`a_r` of an answer is whether it solves the scene *as described* (`reasoned`), which is nearly `a` itself where one
misread cell makes a scene unsolvable; `by_item` is with an item's accuracy once the facts are given, which has no such
tie, and no within.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from perceptdata.diagnosis.measures import Numbers, matched, means, numbers
from perceptdata.diagnosis.rates import condition, reasoning
from perceptdata.records import Record
from perceptdata.rewards.reliability import Correlation, correlation

Texts = Sequence[str] | NDArray[np.str_]
NOTHING = Correlation(value=None, low=None, high=None)


class Coupling(Record):
    """r(a, ·) with intervals. `mixed` is the share of items with right and wrong answers, which alone teach a group."""

    answers: int
    items: int
    perception: Correlation
    reasoning: Correlation
    perception_within: Correlation
    reasoning_within: Correlation
    reasoning_by_item: Correlation
    mixed: float | None

    @property
    def lopsided(self) -> bool | None:
        """Whether the outcome surely speaks less of perception than of reasoning: their intervals do not meet."""
        if self.perception.high is None or self.reasoning.low is None:
            return None
        return self.perception.high < self.reasoning.low


def coupling(table: pa.Table, seed: int = 0) -> Coupling:
    """Of the answers to the picture itself."""
    image = condition(table, "image")
    a, a_p, a_r = (numbers(image, name) for name in ("right", "seen", "reasoned"))
    ids, groups = (np.asarray(image.column(name).to_pylist(), str) for name in ("id", "group"))
    (item_a, item_r), item_groups = matched(means(image, "right"), means(reasoning(table), "right"))
    mixed = [0 < value < 1 for value in means(image, "right").value]
    several = len(a) > len(set(ids.tolist()))
    return Coupling(
        answers=len(a),
        items=len(set(ids.tolist())),
        perception=_correlated(a, a_p, groups, seed),
        reasoning=_correlated(a, a_r, groups, seed),
        perception_within=_correlated(*centred(a, a_p, ids), groups, seed) if several else NOTHING,
        reasoning_within=_correlated(*centred(a, a_r, ids), groups, seed) if several else NOTHING,
        reasoning_by_item=_correlated(item_a, item_r, np.asarray(item_groups, str), seed),
        mixed=float(np.mean(mixed)) if several and mixed else None,
    )


def centred(one: Numbers, other: Numbers, ids: Texts) -> tuple[Numbers, Numbers]:
    """Each answer against the mean of its item's, over the answers that have both; NaN stays NaN."""
    there = np.isfinite(one) & np.isfinite(other)
    code = np.unique(np.asarray(ids, str), return_inverse=True)[1].ravel()
    count = np.maximum(np.bincount(code, there), 1)
    left = [
        np.where(there, each - (np.bincount(code, np.where(there, each, 0.0)) / count)[code], np.nan)
        for each in (one, other)
    ]
    return left[0], left[1]


def _correlated(one: Numbers, other: Numbers, groups: Texts, seed: int) -> Correlation:
    there = np.isfinite(one) & np.isfinite(other)
    if there.sum() < 2:
        return NOTHING
    return correlation(one[there], other[there], np.asarray(groups, str)[there], seed)
