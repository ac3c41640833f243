"""Advantages per token, from how much each token depends on the image.

    PGPO   arXiv 2604.01840, Eq. 4 to 8    a soft gate per response that keeps the response's total advantage
    VPPO   arXiv 2510.09285                the top 40 % of tokens, and responses by their mean score

    shaped = pgpo(score, mask, Gate(), visual)           # [B, T]: S, response tokens; [B]: rows with an image
    advantages = per_token(advantages, shaped.weights)   # [B] -> [B, T], used inside the clipped surrogate

A weight takes the place of the advantage's 1, so the loss keeps its denominator: all response tokens.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from perceptdata.errors import UsageError
from perceptdata.trainer.core.dependency import EPS, relative, response_mean, tells_apart


@dataclass(frozen=True, slots=True)
class Gate:
    """PGPO's gate; the defaults are the paper's. Raises UsageError for values without a meaning.

    The rest are the authors' development version (`threshold`, `low_floor`, `conserve`: `DEVELOPMENT`) and a cap of
    ours. With `conserve`, what the cap takes from the highest tokens goes to the others in proportion.
    """

    tau: float = 0.4
    beta: float = 2.0
    threshold: Literal["absolute", "quantile"] = "absolute"  # quantile: τ is a share of the response's tokens
    low_floor: float = 0.0  # the least weight below the threshold, before Eq. 7
    conserve: bool = True  # Eq. 7: the weights of a response add up to its length
    max_weight: float | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.tau <= 1:
            raise UsageError(f"tau is {self.tau}; it must lie between 0 and 1")
        if self.beta < 0 or self.low_floor < 0:
            raise UsageError(f"beta is {self.beta} and low_floor {self.low_floor}; neither may be negative")
        if self.threshold not in ("absolute", "quantile"):
            raise UsageError(f"'{self.threshold}' is no threshold; write absolute or quantile")
        if self.max_weight is not None and self.max_weight < 1:
            raise UsageError(f"max_weight is {self.max_weight}; under 1 the weights could not add up to the length")


PAPER = Gate()
DEVELOPMENT = Gate(threshold="quantile", low_floor=0.1, conserve=False)


class Reshaped(NamedTuple):
    """Weights and what they came from."""

    weights: Tensor  # [B, T], 0 outside the response
    share: Tensor  # [B, T], I_t
    above: Tensor  # [B, T] bool, at or over the threshold
    factor: Tensor  # [B], what Eq. 7 multiplied by; 1 without it
    gated: Tensor  # [B] bool, False where all weights are 1 because the scores say nothing


def pgpo(score: Tensor, mask: Tensor, gate: Gate = PAPER, visual: Tensor | None = None) -> Reshaped:
    """The weights ω̃ of Eq. 6 and 7, one response at a time.

    `score` and `mask` are [B, T]. Weights are 1 where scores cannot tell tokens apart: constant or not finite, one
    token, or no image to see (`visual`, [B] bool, is False).
    """
    score, mask = score.detach(), mask.bool()
    gated = tells_apart(score, mask)
    if visual is not None:
        gated = gated & visual.bool()
    score = torch.where(gated[:, None], score, 0)
    share = relative(score, mask)
    length = mask.sum(dim=-1, keepdim=True)
    tau = _threshold(share, mask, length, gate)
    low = (share / (tau + EPS)).clamp(min=gate.low_floor)
    high = 1 + gate.beta * (share - tau) / (1 - tau + EPS)
    above = mask & (share >= tau) & gated[:, None]
    weights = torch.where(above, high, low) * mask
    factor = torch.ones_like(length, dtype=score.dtype)
    if gate.conserve:
        total = torch.where(gated[:, None], weights.sum(dim=-1, keepdim=True), 1)
        factor = torch.where(gated[:, None], length / total, 1)
        weights = weights * factor
    if gate.max_weight is not None:
        weights = _fill(weights, length, gate.max_weight) if gate.conserve else weights.clamp(max=gate.max_weight)
    weights = torch.where(gated[:, None], weights, mask.to(score.dtype))
    return Reshaped(weights, share, above, factor.squeeze(-1), gated)


def per_token(advantages: Tensor, weights: Tensor) -> Tensor:
    """Ã = A·ω̃ (Eq. 8). Advantages are [B], or [B, T] already."""
    return (advantages[:, None] if advantages.dim() == 1 else advantages) * weights


def diagnostics(shaped: Reshaped, score: Tensor, mask: Tensor) -> dict[str, float]:
    """What to log of a batch. All but `gated` are over the gated responses, and missing where there are none.

    Eq. 7 has no bound: where few tokens see the image its factor, and the largest weight, can be of the order of 50.
    """
    tokens = mask.bool() & shaped.gated[:, None]
    found = {"gated": shaped.gated.double().mean().item()}
    if tokens.any():
        weights = shaped.weights[tokens]
        found |= {
            "score": score[tokens].mean().item(),
            "above_tau": shaped.above[tokens].double().mean().item(),
            "factor": shaped.factor[shaped.gated].mean().item(),
            "weight_max": weights.max().item(),
            "weight_median": weights.median().item(),
        }
    return found


def top_tokens(score: Tensor, mask: Tensor, keep: float = 0.4, visual: Tensor | None = None) -> Tensor:
    """[B, T] bool: the ⌈keep·L⌉ tokens of each response with the highest score (VPPO); of equal ones the earlier.

    All tokens of a response without an image, and of one whose scores are not finite.
    """
    if not 0 < keep <= 1:
        raise UsageError(f"keep is {keep}; it must be more than 0 and at most 1")
    mask = mask.bool()
    scored = (torch.isfinite(score) | ~mask).all(dim=-1)
    if visual is not None:
        scored = scored & visual.bool()
    order = torch.where(mask, score, -torch.inf).argsort(dim=-1, descending=True, stable=True)
    rank = order.argsort(dim=-1)
    wanted = torch.ceil(keep * mask.sum(dim=-1, keepdim=True).double() - 1e-9)  # 1e-9: products a rounding too large
    return mask & ((rank < wanted) | ~scored[:, None])


def trajectory_factors(means: Tensor, low: float = 0.9, visual: Tensor | None = None) -> Tensor:
    """[B]: α of each response (VPPO): from `low` upwards with its mean score, their mean over the mini-batch 1.

    ŝ is min-max over the responses given, so give the whole mini-batch (gathered over ranks). Responses without an
    image stay at 1, and so do all where the means are equal.
    """
    seen = torch.isfinite(means) if visual is None else torch.isfinite(means) & visual.bool()
    if not seen.any():
        return torch.ones_like(means)
    least, most = means[seen].min(), means[seen].max()
    place = torch.where(seen, (means - least) / (most - least), 0)
    rise = (1 - low) / (place.sum() / seen.sum())
    return torch.where(seen & (most > least), low + place * rise, 1)


def vppo(score: Tensor, mask: Tensor, keep: float = 0.4, low: float = 0.9, visual: Tensor | None = None) -> Tensor:
    """[B, T]: VPPO's weights on a mini-batch held whole: the top tokens, each by its response's factor."""
    score = score.detach()
    factors = trajectory_factors(response_mean(score, mask), low, visual)
    return top_tokens(score, mask, keep, visual) * factors[:, None]


def _threshold(share: Tensor, mask: Tensor, length: Tensor, gate: Gate) -> Tensor:
    """[B, 1] or one number's tensor: the τ that Eq. 6 compares with."""
    if gate.threshold == "absolute":
        return share.new_tensor(gate.tau)
    ascending = torch.where(mask, share, math.inf).sort(dim=-1).values
    place = torch.floor(gate.tau * length.double()).long()
    place = torch.minimum(place, length - 1).clamp(min=0)
    return torch.where(length > 0, ascending.gather(-1, place), gate.tau)


def _fill(weights: Tensor, length: Tensor, cap: float) -> Tensor:
    """min(c·ω, cap) with the c that makes a row add up to its length, as far as its tokens above 0 can hold that.

    With the k largest at the cap, c = (length - k·cap) / (sum of the rest); the right k is the first for which the next
    one stays under the cap.
    """
    ordered = weights.sort(dim=-1, descending=True).values
    rest = ordered.flip(-1).cumsum(dim=-1).flip(-1)
    room = length - cap * torch.arange(weights.shape[-1], device=weights.device, dtype=weights.dtype)
    scale = torch.where(ordered > 0, room / rest, math.inf)
    fits = (ordered == 0) | (scale * ordered <= cap)
    first = fits.int().argmax(dim=-1, keepdim=True)
    return torch.where(weights > 0, (scale.gather(-1, first) * weights).clamp(max=cap), 0)
