"""How much a token depends on the image: S_t = KL(π(·|s_t, I) ‖ π(·|s_t)) (PGPO, arXiv 2604.01840, Eq. 1).

    score = kernels.k3(logp_image, logp_blind)      # or the KL over the whole vocabulary: kernels.token_divergence
    share = relative(score, mask)                   # in [0, 1] within each response

Both log-probabilities are of the token that the rollout policy sampled, under that policy with and without sight of the
image, at the rollout's temperature, without gradient. PGPO, VPPO and PAPO read the same score.
"""

from __future__ import annotations

import torch
from torch import Tensor

EPS = 1e-8
"""The ε of Eq. 5 and 6, and how far apart scores must lie to be told apart."""


def relative(score: Tensor, mask: Tensor) -> Tensor:
    """I_t (Eq. 4, 5): log(1 + S), then from the least to the most of each response's own tokens to [0, 1].

    `score` and `mask` are [B, T]. Outside the mask it is 0, and so is every token of a constant response.
    """
    mask = mask.bool()
    logged = torch.log1p(torch.where(mask, score, 0))
    low, high = _extent(logged, mask)
    return torch.where(mask, (logged - low) / (high - low + EPS), 0)


def tells_apart(score: Tensor, mask: Tensor) -> Tensor:
    """[B] bool: whether a response's scores are finite and differ by more than ε, so that they can weigh its tokens.

    False for a response of one token or of none.
    """
    mask = mask.bool()
    finite = (torch.isfinite(score) | ~mask).all(dim=-1)
    low, high = _extent(torch.log1p(torch.where(mask, score, 0)), mask)
    return finite & (high - low > EPS).squeeze(-1)


def response_mean(score: Tensor, mask: Tensor) -> Tensor:
    """[B]: the mean score of each response; 0 for one without tokens."""
    mask = mask.bool()
    return torch.where(mask, score, 0).sum(dim=-1) / mask.sum(dim=-1).clamp(min=1)


def _extent(values: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """[B, 1] each: least and greatest value within the mask."""
    low = torch.where(mask, values, torch.inf).amin(dim=-1, keepdim=True)
    high = torch.where(mask, values, -torch.inf).amax(dim=-1, keepdim=True)
    return low, high
