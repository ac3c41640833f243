"""Surrogates: whether a stand-in for perception follows it better than the answer does.

    found = compare(surrogate, outcome, perception, image)
    found.passes, found.lower          # True, 0.11

A reward that stands in for perception helps where it correlates with true perception more than the outcome reward
does (arXiv 2605.29496, the reward-perception correlation; outcomes reach 0.34 to 0.43 there). So on a probe with
known perception the lower 95 % bound of corr(surrogate, perception) - corr(outcome, perception) must exceed 0. Whole
images are drawn again, never single rollouts; both correlations come from the same draw, and share its luck.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from perceptdata.agreement.bootstrap import resample
from perceptdata.errors import UsageError
from perceptdata.records import Record
from perceptdata.verification.intervals import CONFIDENCE, Numbers

ROUNDS = 2000
FEWEST_IMAGES = 10
_FLAT = 1e-12


class Comparison(Record):
    """Pearson correlations with perception over `n` rollouts of `images` images, and the bound of their difference.

    None where something does not vary. `unscored` rollouts had no surrogate and are left out of both.
    """

    surrogate: float | None
    outcome: float | None
    lower: float | None
    n: int
    images: int
    unscored: int

    @property
    def passes(self) -> bool:
        """Whether the surrogate surely follows perception better than the outcome."""
        return self.lower is not None and self.lower > 0


def compare(
    surrogate: ArrayLike,
    outcome: ArrayLike,
    perception: ArrayLike,
    image: ArrayLike,
    group: ArrayLike | None = None,
    seed: int = 0,
) -> Comparison:
    """(n,) numbers of each rollout; a surrogate of NaN is unscored. With `group`, each group's mean is taken off first,
    which is what GRPO sees.

    Raises UsageError where lengths differ, an outcome or a perception is no number, or there are too few images to
    draw.
    """
    columns = np.stack([np.asarray(each, np.float64) for each in _alike(surrogate, outcome, perception)])
    _, cluster = np.unique(np.asarray(image), return_inverse=True)
    if cluster.size != columns.shape[1]:
        raise UsageError(f"{columns.shape[1]} rollouts, but {cluster.size} images")
    if not np.isfinite(columns[1:]).all():
        raise UsageError("outcome and perception must be known for every rollout of the probe; leave out the others")
    scored = np.isfinite(columns[0])
    columns, cluster = columns[:, scored], cluster.ravel()[scored]
    images = len(np.unique(cluster))
    if images < FEWEST_IMAGES:
        raise UsageError(f"{images} images with a score are too few to draw from; probe {FEWEST_IMAGES} or more")
    if group is not None:
        columns = columns - _group_means(columns, np.asarray(group)[scored])
    moments = _moments(columns, cluster)
    both = _correlations(moments.sum(axis=0))
    drawn = _correlations(resample(moments, ROUNDS, seed))
    difference = (drawn[0] - drawn[1])[np.isfinite(drawn).all(axis=0)]
    known = bool(np.isfinite(both).all() and len(difference))
    return Comparison(
        surrogate=_known(both[0]),
        outcome=_known(both[1]),
        lower=float(np.quantile(difference, 1 - CONFIDENCE)) if known else None,
        n=int(scored.sum()),
        images=images,
        unscored=int((~scored).sum()),
    )


def _alike(*columns: ArrayLike) -> tuple[ArrayLike, ...]:
    lengths = {np.shape(column) for column in columns}
    if len(lengths) > 1:
        raise UsageError(f"surrogate, outcome and perception differ in length: {sorted(lengths)}")
    return columns


def _group_means(columns: Numbers, group: NDArray) -> Numbers:
    _, code = np.unique(group, return_inverse=True)
    many = np.bincount(code)
    return np.stack([(np.bincount(code, column) / many)[code] for column in columns])


def _moments(columns: Numbers, cluster: NDArray[np.int64]) -> Numbers:
    """(images, 9): the sums from which both correlations follow. Centred first, so that squares lose no digits."""
    s, o, p = columns - columns.mean(axis=1, keepdims=True)
    kinds = (np.ones_like(s), s, o, p, s * s, o * o, p * p, s * p, o * p)
    _, code = np.unique(cluster, return_inverse=True)
    return np.stack([np.bincount(code, kind) for kind in kinds], axis=1)


def _correlations(sums: Numbers) -> Numbers:
    """(..., 9) sums to (2, ...): of surrogate and outcome with perception; NaN where one does not vary."""
    n, s, o, p, ss, oo, pp, sp, op = np.moveaxis(sums, -1, 0)
    n = np.maximum(n, 1)
    spread = [np.sqrt(np.clip(square / n - (mean / n) ** 2, 0, None)) for square, mean in ((ss, s), (oo, o), (pp, p))]
    found = []
    for joint, mean, own in ((sp, s, spread[0]), (op, o, spread[1])):
        scale = own * spread[2]
        varies = scale > _FLAT
        found.append(np.where(varies, (joint / n - mean * p / n**2) / np.where(varies, scale, 1.0), np.nan))
    return np.stack(found)


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
