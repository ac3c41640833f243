"""Divergences estimated from the log-probabilities of the one token that was sampled."""

from __future__ import annotations

from torch import Tensor


def k3(sampled: Tensor, other: Tensor, *, limit: float = 20.0, ceiling: float = 10.0) -> Tensor:
    """Schulman's third estimator of KL(p || q) at tokens drawn from p: r - 1 - log r with r = q / p; never negative.

    `sampled` is log p of the drawn tokens, `other` log q of the same tokens; any shape, gradients through both. For
    PGPO's visual dependency p sees the image and q does not (App. A.1). The mean over draws is the KL itself; `limit`
    clamps |log r| and `ceiling` the result, as VPPO's published code does, which biases only tokens beyond them.
    (Schulman, "Approximating KL Divergence", 2020.)
    """
    ratio = (other - sampled).clamp(-limit, limit)
    return (ratio.expm1() - ratio).clamp(0.0, ceiling)
