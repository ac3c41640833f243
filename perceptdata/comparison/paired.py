"""Statistics of pairs: the same items answered by two models.

    sign_test(wins=14, losses=4)                     # 0.0309, exact and two-sided; McNemar's where answers are 0 or 1
    difference(delta, group).estimate                # the mean of b - a with its 95 % interval
    holm([0.01, 0.04, 0.03])                         # [0.03, 0.06, 0.06]

Q. McNemar, Psychometrika 12 (1947), as the exact binomial test of the pairs that differ: under no difference each is a
win with probability 1/2. With several samples an item, an item wins where its mean is higher: the sign test. Intervals
are percentiles of a bootstrap that draws whole groups again (B. Efron, Annals of Statistics 7, 1979). Groups that hold
the same numbers are alike to a sample, so it is enough to draw how many of each kind it has: the cost does not grow
with the number of items. S. Holm, Scandinavian Journal of Statistics 6 (1979).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from perceptdata.agreement.bootstrap import interval
from perceptdata.agreement.comparison import Estimate

ROUNDS = 2000
LEAST = 30
"""Below so many items an interval is shown, and no verdict given."""


class Difference(NamedTuple):
    """The mean difference, its interval, and the (rounds,) means it was made of."""

    estimate: Estimate
    samples: NDArray[np.float64]


def sign_test(wins: int, losses: int) -> float:
    """The exact two-sided probability of a split at least so uneven; 1 where nothing differs."""
    from scipy.special import bdtr

    if not wins + losses:
        return 1.0
    return float(min(1.0, 2 * bdtr(min(wins, losses), wins + losses, 0.5)))


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
    return Difference(Estimate(float(each.mean()), *interval(samples)), samples)


def holm(p: Sequence[float]) -> list[float]:
    """Probabilities adjusted for being several: the chance of one false alarm among all stays below the level."""
    order = np.argsort(p, kind="stable")
    adjusted = np.empty(len(p))
    highest = 0.0
    for rank, at in enumerate(order):
        highest = max(highest, min(1.0, (len(p) - rank) * p[at]))
        adjusted[at] = highest
    return [float(value) for value in adjusted]


def verdict(items: int, estimate: Estimate, p: float, level: float = 0.05) -> str:
    """In a word: too_few, better, worse, or undecided. Both the interval and the test must speak."""
    if items < LEAST:
        return "too_few"
    if p < level and estimate.low > 0:
        return "better"
    if p < level and estimate.high < 0:
        return "worse"
    return "undecided"
