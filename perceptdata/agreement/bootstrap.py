"""Bootstrap by text: whole texts are drawn again, never single clauses, since the clauses of a text are alike.

    samples = resample(counts, rounds=200, seed=0)      # (200, K): the summed counts of 200 samples
    low, high = interval(alpha(samples.reshape(-1, 3, 3)))

What is drawn is how often each text counts; the counts of a sample are then one product of (rounds, T) and (T, K).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

LEVEL = 0.95
_CELLS = 1 << 21  # of the drawn table that are in memory at a time


def resample(counts: NDArray[np.float64], rounds: int, seed: int) -> NDArray[np.float64]:
    """(T, K) counts of each text to (rounds, K) sums over T texts drawn with replacement."""
    texts = len(counts)
    sums = np.zeros((rounds, counts.shape[1]))
    if not texts:
        return sums
    draw = np.random.default_rng(seed)
    step = max(1, _CELLS // texts)
    for start in range(0, rounds, step):
        part = sums[start : start + step]
        part[:] = draw.multinomial(texts, np.full(texts, 1 / texts), size=len(part)).astype(np.float64) @ counts
    return sums


def interval(samples: NDArray[np.float64]) -> tuple[float, float]:
    """The percentile interval of (rounds,) numbers; samples for which there is none are left out. NaN for no sample."""
    there = samples[np.isfinite(samples)]
    if not len(there):
        return float("nan"), float("nan")
    low, high = np.quantile(there, ((1 - LEVEL) / 2, (1 + LEVEL) / 2))
    return float(low), float(high)
