"""Statistics of pairs: the same items answered by two models.

    difference(delta, group).estimate                # the mean of b - a with its 95 % interval
    verdict(items, groups, estimate, p)              # better

With several samples an item, an item wins where its mean is higher. Intervals are percentiles of a bootstrap that draws
whole groups again (B. Efron, Annals of Statistics 7, 1979), widened where groups are few. Groups that hold the same
numbers are alike to a sample, so it is enough to draw how many of each kind it has: the cost does not grow with the
number of items.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from perceptdata.agreement.bootstrap import interval
from perceptdata.agreement.comparison import Estimate
from perceptdata.agreement.significance import enough, widened

ROUNDS = 2000


class Difference(NamedTuple):
    """The mean difference, its interval, and the (rounds,) means it was made of."""

    estimate: Estimate
    samples: NDArray[np.float64]


def difference(delta: ArrayLike, group: ArrayLike, rounds: int = ROUNDS, seed: int = 0) -> Difference:
    """The mean of (n,) differences; `group` says which of them are drawn together. NaN where there are none."""
    each = np.asarray(delta, np.float64)
    if not len(each):
        nothing = float("nan")
        return Difference(Estimate(nothing, nothing, nothing), np.full(rounds, nothing))
    code = np.unique(np.asarray(group), return_inverse=True)[1].ravel()
    sums = np.stack([np.bincount(code, each), np.bincount(code).astype(np.float64)], axis=1)
    kinds, many = np.unique(sums.round(9), axis=0, return_counts=True)
    total = int(many.sum())
    drawn = np.random.default_rng(seed).multinomial(total, many / total, size=rounds) @ kinds
    samples = np.asarray(drawn[:, 0] / drawn[:, 1], np.float64)
    value = float(each.mean())
    return Difference(Estimate(value, *widened(value, *interval(samples), total)), samples)


def verdict(items: int, groups: int, estimate: Estimate, p: float, level: float = 0.05) -> str:
    """In a word: too_few, better, worse, or undecided. Both the interval and the test must speak."""
    if not enough(items, groups):
        return "too_few"
    if p < level and estimate.low > 0:
        return "better"
    if p < level and estimate.high < 0:
        return "worse"
    return "undecided"
