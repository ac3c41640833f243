"""The supervised objective on two spans (arXiv 2605.29496): L = λ·L_p + (1-λ)·L_r.

    counts = role_counts(roles)                    # this micro-batch; summed over the window and all ranks
    w = token_weights(roles, counts, lam)          # one weight per token
    loss = weighted_sum(nll, w)                    # summed over the window and all ranks: the objective

L_p and L_r are means, each over its own span, counted over the whole accumulation window and all ranks: a mean of
micro-batch means would weigh a token by the length of its neighbours. So a weight is λ/N_p or (1-λ)/N_r, and λ = N_p/N
is the ordinary mean over tokens, on the same path.

Roles are 0 none (prompt, padding, image tokens), 1 perception, 2 reasoning, 3 other (the rest of the completion, the
end of the turn). Role 3 counts as reasoning unless told otherwise. Everything stays on the device of its input.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from perceptdata.errors import UsageError

NONE, PERCEPTION, REASONING, OTHER = range(4)
ROLES = 4

Other = Literal["reasoning", "perception", "ignore"]
"""What role 3 counts as."""


def role_counts(roles: Tensor) -> Tensor:
    """[4] int64: how many tokens have each role. `roles` has any shape. Counts of micro-batches and ranks add up."""
    return torch.bincount(roles.reshape(-1).long(), minlength=ROLES)


def role_sums(values: Tensor, roles: Tensor) -> Tensor:
    """[4]: the sum of `values` over the tokens of each role; detached, for logging. Role 0 is not looked at: 0."""
    flat = roles.reshape(-1).long()
    kept = torch.where(flat > NONE, values.detach().reshape(-1), 0)
    return kept.new_zeros(ROLES).index_add_(0, flat, kept)


def pool(per_role: Tensor, other: Other = "reasoning") -> Tensor:
    """[2] from [4]: counts or sums of the perception span and of the reasoning span."""
    perception, reasoning, rest = per_role[PERCEPTION], per_role[REASONING], per_role[OTHER]
    if other == "reasoning":
        reasoning = reasoning + rest
    elif other == "perception":
        perception = perception + rest
    elif other != "ignore":
        raise UsageError(f"role 3 cannot count as '{other}'; write reasoning, perception or ignore")
    return torch.stack((perception, reasoning))


def token_share(counts: Tensor, other: Other = "reasoning") -> Tensor:
    """N_p/N, float64: perception's share of the tokens, and the λ of the ordinary mean; 0 where there are none."""
    perception, reasoning = pool(counts, other).double()
    return perception / (perception + reasoning).clamp(min=1)


def span_means(sums: Tensor, counts: Tensor, other: Other = "reasoning") -> Tensor:
    """[2]: L_p and L_r from summed losses and counts; NaN for an empty span."""
    return pool(sums, other) / pool(counts, other)


def loss_share(sums: Tensor, counts: Tensor, lam: float | Tensor, other: Other = "reasoning") -> Tensor:
    """λ·L_p / L: perception's share of the loss; with `token_share` as λ, that of the ordinary loss. Detached."""
    loss = pool(sums, other).double() * _span_weights(counts, lam, other)
    return loss[0] / loss.sum()


def token_weights(
    roles: Tensor,
    counts: Tensor,
    lam: float | Tensor,
    other: Other = "reasoning",
    dtype: torch.dtype = torch.float32,
) -> Tensor:
    """One weight per token, so that L = Σ w·nll: λ/N_p in the perception span, (1-λ)/N_r in the other.

    `counts` ([4]) are those of the whole window over all ranks. Where a span is empty, 0 < λ < 1 gives the other loss
    alone. λ = 1 means perception only, and there a window without perception has no loss (λ = 0 likewise).
    """
    perception, reasoning = _span_weights(counts, lam, other)
    none = torch.zeros_like(perception)
    rest = {"reasoning": reasoning, "perception": perception, "ignore": none}[other]
    return _by_role(roles, torch.stack((none, perception, reasoning, rest)), dtype)


def constant_weights(
    roles: Tensor,
    counts: Tensor,
    perception: float = 1.0,
    reasoning: float = 1.0,
    other: float = 1.0,
    dtype: torch.dtype = torch.float32,
) -> Tensor:
    """A constant weight per role, over the sum of all weights: L = Σ c·nll / Σ c. All equal is the ordinary mean.

    Raises UsageError for a negative weight and for three zeros.
    """
    if min(perception, reasoning, other) < 0 or perception + reasoning + other == 0:
        raise UsageError("weights of roles must not be negative, and one of them must be more than 0")
    table = torch.tensor([0.0, perception, reasoning, other], dtype=torch.float64, device=counts.device)
    return _by_role(roles, table / _positive((table * counts).sum()), dtype)


def dft_weights(nll: Tensor) -> Tensor:
    """DFT (arXiv 2508.05629): each token's loss by its own probability, without gradient. Multiplies others."""
    return torch.exp(-nll.detach())


def weighted_sum(nll: Tensor, weights: Tensor) -> Tensor:
    """Σ w·nll, this micro-batch's share of the loss. A token of weight 0 adds nothing, be its loss infinite or NaN."""
    return torch.where(weights != 0, nll * weights, 0).sum()


def _span_weights(counts: Tensor, lam: float | Tensor, other: Other) -> Tensor:
    """[2] float64: the weight of one perception and one reasoning token."""
    spans = pool(counts, other).double()
    lam = torch.as_tensor(lam, dtype=torch.float64, device=counts.device).detach()
    parts = torch.stack((lam, 1 - lam))
    mixed = ((lam > 0) & (lam < 1)) & (spans == 0).any()
    parts = torch.where(mixed, torch.ones_like(parts), parts)
    return torch.where(spans > 0, parts / _positive(spans), 0)


def _positive(counts: Tensor) -> Tensor:
    """Denominators that are 0 made 1; what they divide is 0 or unused."""
    return torch.where(counts > 0, counts, torch.ones_like(counts))


def _by_role(roles: Tensor, table: Tensor, dtype: torch.dtype) -> Tensor:
    return table.to(dtype)[roles.long()]
