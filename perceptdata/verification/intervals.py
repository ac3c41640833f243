"""Intervals for shares, counted in effective claims: those of one image are alike, and say less than as many others.

    size = effective_size(weight, image)            # claims that would say as much if each had an image of its own
    lower_bound(hits, size)                         # Clopper and Pearson, one-sided
    share(hits, image).low                          # a share with its two-sided Wilson interval, clustered by image

C. Clopper and E. Pearson, Biometrika 26 (1934), as quantiles of beta distributions, which take counts that are not
whole. E. Wilson, JASA 22 (1927). Counts that are weighted or clustered enter as effective ones: E. Korn and B.
Graubard, Survey Methodology 24 (1998).
"""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

from perceptdata.records import Record

CONFIDENCE = 0.95
_ROUNDING = 1e-9

Numbers = NDArray[np.float64]


class Share(Record):
    """A share with its interval: `n` units in all, which count as `size` of their own image each. NaN-free: where
    nothing was counted, the value is None and the interval is everything.
    """

    value: float | None
    low: float
    high: float
    n: int
    size: float

    def __str__(self) -> str:
        if self.value is None:
            return "nothing counted"
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}] (n = {self.n})"


def lower_bound(hits: ArrayLike, size: ArrayLike, confidence: float = CONFIDENCE) -> Numbers:
    """The exact one-sided lower bound of a share: the `1 - confidence` quantile of Beta(x, n - x + 1)."""
    from scipy.special import betaincinv

    x, n = _counts(hits, size)
    return np.where(x > 0, betaincinv(np.maximum(x, _ROUNDING), n - x + 1, 1 - confidence), 0.0)


def upper_bound(hits: ArrayLike, size: ArrayLike, confidence: float = CONFIDENCE) -> Numbers:
    """The exact one-sided upper bound of a share; 1 where nothing was counted."""
    x, n = _counts(hits, size)
    return 1.0 - lower_bound(n - x, n, confidence)


def wilson(hits: ArrayLike, size: ArrayLike, confidence: float = CONFIDENCE) -> tuple[Numbers, Numbers]:
    """Wilson's two-sided score interval; [0, 1] where nothing was counted."""
    x, n = _counts(hits, size)
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    whole = n + z * z
    middle = (x + z * z / 2) / whole
    half = z / whole * np.sqrt(np.maximum(x * (n - x) / np.maximum(n, _ROUNDING) + z * z / 4, 0))
    return np.clip(middle - half, 0, 1), np.clip(middle + half, 0, 1)


def effective_size(weight: ArrayLike, cluster: ArrayLike) -> Numbers:
    """(..., n) weights and clusters to (...,): how many units of equal weight and own cluster say as much.

    1 / sum over clusters of (the cluster's part of all weight)^2 (L. Kish, Survey Sampling, 1965, with an intraclass
    correlation of 1). That is the worst that clusters can do, and asks nothing that a few errors could not tell.
    0 where nothing has weight.
    """
    each = np.atleast_2d(np.asarray(weight, np.float64))
    _, code = np.unique(np.asarray(cluster), return_inverse=True)
    each, code = np.broadcast_arrays(each, np.atleast_2d(code.reshape(np.shape(cluster))))
    part = cluster_sums(each, code)
    size = part.sum(axis=-1) ** 2 / np.maximum((part**2).sum(axis=-1), np.finfo(float).tiny)
    return size.reshape(np.broadcast_shapes(np.shape(weight), np.shape(cluster))[:-1])


def cluster_sums(values: Numbers, code: NDArray[np.integer]) -> Numbers:
    """(R, n) values and cluster codes from 0 to (R, clusters) sums."""
    rows, many = len(values), int(code.max(initial=-1)) + 1
    place = code + np.arange(rows)[:, None] * many
    return np.bincount(place.ravel(), values.ravel(), rows * many).astype(np.float64).reshape(rows, many)


def share(hits: ArrayLike, cluster: ArrayLike, confidence: float = CONFIDENCE) -> Share:
    """The mean of (n,) hits in [0, 1] with Wilson's interval for as many units as its clustered variance is worth.

    Never more than n; where all hits are the same there is no variance to see, and the worst case takes its place.
    """
    hit, code = np.asarray(hits, np.float64), np.unique(np.asarray(cluster), return_inverse=True)[1].ravel()
    n = len(hit)
    if not n:
        return Share(value=None, low=0.0, high=1.0, n=0, size=0.0)
    mean = float(hit.mean())
    spread = float((np.bincount(code, hit - mean) ** 2).sum()) / n**2
    worst = float(effective_size(np.ones(n), code))
    size = worst if spread < _ROUNDING / n**2 else min(max(mean * (1 - mean) / spread, 1.0), float(n))
    low, high = wilson(mean * size, size, confidence)
    return Share(value=mean, low=float(low), high=float(high), n=n, size=size)


def _counts(hits: ArrayLike, size: ArrayLike) -> tuple[Numbers, Numbers]:
    n = np.asarray(size, np.float64)
    return np.clip(np.asarray(hits, np.float64), 0, n), n
