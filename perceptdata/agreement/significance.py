"""When a difference may be called one: exact tests of wins and losses, several at once, and how many are enough.

    sign_test(wins=14, losses=4)         # 0.0309, exact and two-sided; McNemar's where answers are 0 or 1
    holm([0.01, 0.04, 0.03])             # [0.03, 0.06, 0.06]
    enough(items=300, groups=8)          # False: eight scenes say little, whatever is asked of each
    widened(0.1, 0.02, 0.18, groups=12)  # a percentile interval, as far as Student's t reaches

Q. McNemar, Psychometrika 12 (1947), as the exact binomial test of the pairs that differ: under no difference each is a
win with probability 1/2. S. Holm, Scandinavian Journal of Statistics 6 (1979). Percentiles of a bootstrap over few
groups are too narrow: by G / (G - 1) in variance, and by the normal's tails instead of Student's.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from statistics import NormalDist

import numpy as np

FEWEST_ITEMS, FEWEST_GROUPS = 30, 10
"""With fewer of either an interval is shown, and nothing is concluded."""


def enough(items: int, groups: int) -> bool:
    """Whether anything may be concluded of so many items, whose pictures or scenes are so many."""
    return items >= FEWEST_ITEMS and groups >= FEWEST_GROUPS


def sign_test(wins: int, losses: int) -> float:
    """The exact two-sided probability of a split at least so uneven; 1 where nothing differs."""
    from scipy.special import bdtr

    if not wins + losses:
        return 1.0
    return float(min(1.0, 2 * bdtr(min(wins, losses), wins + losses, 0.5)))


def holm(p: Sequence[float]) -> list[float]:
    """Probabilities adjusted for being several: the chance of one false alarm among all stays below the level."""
    order = np.argsort(p, kind="stable")
    adjusted = np.empty(len(p))
    highest = 0.0
    for rank, at in enumerate(order):
        highest = max(highest, min(1.0, (len(p) - rank) * p[at]))
        adjusted[at] = highest
    return [float(value) for value in adjusted]


def widened(value: float, low: float, high: float, groups: int, most: float = 1.0) -> tuple[float, float]:
    """A 95 % percentile interval around `value` from so many groups, made as wide as it must be, within ±`most`."""
    from scipy.special import stdtrit

    if groups < 2:
        return -most, most
    reach = float(stdtrit(groups - 1, 0.975)) / NormalDist().inv_cdf(0.975) * sqrt(groups / (groups - 1))
    return max(-most, value - reach * (value - low)), min(most, value + reach * (high - value))
