"""Bounds: the least precision that an audit proves, with all that its readers may have got wrong carried in it.

    errors = Errors(missed=2, traps=40, alarmed=3, controls=60)
    precision(passed=231, size=235, errors=errors)           # (q - m) / (1 - m - f): what was true of the claims read
    carried_lower(passed=231, size=235, errors=errors)       # its lower bound at 95 %

A reader passes a false claim with probability m (a miss) and fails a true one with probability f (a false alarm), so
the share that passes is q = p (1 - f) + (1 - p) m, and p = (q - m) / (1 - m - f): W. Rogan and B. Gladen, Am. J.
Epidemiology 107 (1978). Reading q for p is what makes lenient readers certify bad captions. m and f are counted, on
known-false claims (traps) and on claims read twice, so they too are uncertain.

The bound melds the exact one-sided confidence distributions of all three: M. Fay, M. Proschan and E. Brittain,
Biometrics 71 (2015), for this very formula D. Bayer, M. Fay and B. Graubard, Statistics in Medicine 42 (2023). p
grows with q and f and falls with m, so take Q ~ Beta(x, n - x + 1), F ~ Beta(j, g - j + 1) from below and M ~ Beta(k
+ 1, t - k) from above; the bound is the 5 % quantile of (Q - M) / (1 - M - F). With m and f known it is Clopper and
Pearson's bound, corrected. Where 1 - M - F is not positive a reading tells nothing, and that part counts against.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from perceptdata.verification.intervals import CONFIDENCE, Numbers, cluster_sums, effective_size

MISS_NODES, ALARM_NODES = 24, 12  # of Gauss and Legendre: within 5e-5 of the quantile of four million draws
_HALVINGS = 40
_NONE = 1e-9


@dataclass(frozen=True, slots=True)
class Errors:
    """What readers got wrong, in counts that may be arrays and need not be whole: `missed` of `traps` known-false
    claims passed, `alarmed` of `controls` true claims failed.
    """

    missed: ArrayLike
    traps: ArrayLike
    alarmed: ArrayLike = 0.0
    controls: ArrayLike = 0.0

    @property
    def miss(self) -> Numbers:
        """The share of false claims that pass; 1 where it was never measured."""
        return np.where(np.asarray(self.traps) > 0, self.missed / np.maximum(self.traps, _NONE), 1.0)

    @property
    def alarm(self) -> Numbers:
        """The share of true claims that fail; 0 where it was never measured, which is the careful side."""
        return np.where(np.asarray(self.controls) > 0, self.alarmed / np.maximum(self.controls, _NONE), 0.0)


def precision(passed: ArrayLike, size: ArrayLike, errors: Errors) -> Numbers:
    """Rogan and Gladen's estimate, within [0, 1]; 0 where readings tell nothing."""
    q = np.asarray(passed, np.float64) / np.maximum(size, _NONE)
    worth = 1 - errors.miss - errors.alarm
    return np.clip(np.where(worth > 0, (q - errors.miss) / np.where(worth > 0, worth, 1.0), 0.0), 0, 1)


def doubt(target: ArrayLike, passed: ArrayLike, size: ArrayLike, errors: Errors) -> Numbers:
    """The melded probability that precision is no more than `target`: the bound reaches it where this is <= 1 -
    confidence.

    Everything broadcasts. E over M and F of P(Q <= target (1 - F) + (1 - target) M), by quadrature over their
    quantiles.
    """
    from scipy.special import betainc, betaincinv

    goal, x, n, k, t, j, g = (
        np.asarray(each, np.float64)[..., None, None]
        for each in np.broadcast_arrays(
            target, passed, size, errors.missed, errors.traps, errors.alarmed, errors.controls
        )
    )
    at_miss, of_miss = _nodes(MISS_NODES)
    at_alarm, of_alarm = _nodes(ALARM_NODES if (j > _NONE).any() else 1)  # without alarms any one node tells all
    never = t - k <= _NONE  # every trap passed, or there was none: a miss may be certain
    miss = np.where(never, 1.0, betaincinv(k + 1, np.where(never, 1.0, t - k), at_miss[:, None]))
    alarm = np.where(j <= _NONE, 0.0, betaincinv(np.maximum(j, _NONE), np.maximum(g - j, 0) + 1, at_alarm))
    passing = np.clip(goal * (1 - alarm) + (1 - goal) * miss, 0, 1)
    below = np.where(x <= _NONE, 1.0, betainc(np.maximum(x, _NONE), np.maximum(n - x, 0) + 1, passing))
    below = np.where(miss + alarm < 1, below, 1.0)
    return np.einsum("...mf,m,f->...", below, of_miss, of_alarm)


def carried_lower(passed: ArrayLike, size: ArrayLike, errors: Errors, confidence: float = CONFIDENCE) -> Numbers:
    """The lower bound of precision, misses and false alarms carried, by halving on `doubt`. Everything broadcasts."""
    shape = np.broadcast_shapes(
        *(np.shape(each) for each in (passed, size, errors.missed, errors.traps, errors.alarmed, errors.controls))
    )
    low, high = np.zeros(shape), np.ones(shape)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        proven = doubt(middle, passed, size, errors) <= 1 - confidence
        low, high = np.where(proven, middle, low), np.where(proven, high, middle)
    return low


def captions_lower(claims: ArrayLike, claims_a_caption: float) -> Numbers:
    """The bound for captions whose every claim is true, from that for claims.

    Each wrong caption holds a wrong claim at least, so that of C captions with c claims on average no more than
    C c (1 - p) are wrong: 1 - c (1 - p), whatever depends on what.
    """
    return np.clip(1 - claims_a_caption * (1 - np.asarray(claims, np.float64)), 0, 1)


class Passed(NamedTuple):
    """`rate` of the population that passes, as estimated, and how many claims of equal weight and own image that is:
    `even` for the exact binomial, `all` with every claim of every stratum.
    """

    rate: Numbers
    even: Numbers
    all: Numbers


def passed(
    share: Numbers, image: NDArray[np.integer], stratum: NDArray[np.integer], population: NDArray[np.integer]
) -> Passed:
    """(..., n) shares of supporting readings and images of a sample by strata (n,) of known `population` (H,).

    The rate is the stratified estimate, sum of W_h mean_h. A sample at unequal rates holds one at equal rates of min
    n_h / W_h claims, whose passes are a sum of binomials and no wider than one binomial (W. Hoeffding, Ann. Math.
    Stat. 27, 1956): `even` is that size. `all` is the smaller of Kish's size and what the clustered variance says,
    since errors may gather where few were sampled. Both are cut by what images repeat. Strata without claims count
    nothing.
    """
    sampled = np.bincount(stratum, minlength=len(population))
    part = population / population.sum()
    weight = (part / np.maximum(sampled, 1))[stratum]
    rows = np.atleast_2d(share)
    _, code = np.unique(image, return_inverse=True)
    code = np.atleast_2d(code.reshape(np.shape(image)))
    rate = rows @ weight
    filled = part > 0
    even = float((sampled[filled] / part[filled]).min())
    repeats = len(stratum) / effective_size(np.ones(len(stratum)), np.atleast_2d(image))
    kish = effective_size(weight, np.atleast_2d(image))
    spread = (cluster_sums(weight * (rows - rate[:, None]), code) ** 2).sum(axis=-1)
    seen = spread > _NONE / len(stratum) ** 2
    variance = np.where(seen, np.clip(rate * (1 - rate), 0, None) / np.where(seen, spread, 1.0), kish)
    lead = np.shape(share)[:-1]
    shaped = (each.reshape(lead) for each in (rate, even / repeats, np.minimum(kish, variance)))
    return Passed(*shaped)


@cache
def _nodes(count: int) -> tuple[Numbers, Numbers]:
    """Places in (0, 1) and weights that sum to 1, of Gauss and Legendre."""
    place, weight = np.polynomial.legendre.leggauss(count)
    return (place + 1) / 2, weight / 2
