"""Terms added to a policy loss: what PAPO and VPPO add besides advantages.

Each is this micro-batch's share of a mean over `count` response tokens, counted over the window and all ranks. They are
losses: a method that maximises a term subtracts it here. Gradients run through the log-probabilities given with one.
"""

from __future__ import annotations

from torch import Tensor

from perceptdata.kernels import k3
from perceptdata.trainer.core.spans import weighted_sum


def perception_bonus(
    logp_image: Tensor, logp_blind: Tensor, mask: Tensor, count: int | Tensor, gamma: float = 0.02
) -> Tensor:
    """PAPO (arXiv 2507.06448): -γ · mean KL_prcp, k3 on the sampled tokens with the current policy's `logp_image`.

    `logp_blind` is scored once before the update and has no gradient. `mask` is [B, T]: leave out rows without images.
    """
    return -gamma * weighted_sum(k3(logp_image, logp_blind.detach()), mask / count)


def entropy_penalty(logp: Tensor, mask: Tensor, count: int | Tensor, eta: float) -> Tensor:
    """η · mean(-log p) of the sampled tokens. PAPO's η1 (and η2, given `logp_blind`): 0.03 to 0.05; VPPO's: 0.06."""
    return -eta * weighted_sum(logp, mask / count)
