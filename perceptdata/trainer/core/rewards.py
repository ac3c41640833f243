"""Rewards of a rollout batch: mixed, compared within their group, and which groups teach anything.

    parts = torch.stack((scores(a_p), scores(a)), dim=1)           # [B, K]; None is NaN: not scored
    found = advantages(parts, (alpha, 1 - alpha), group_size)      # R = α·a_p + (1-α)·a (arXiv 2605.29496)
    keep = teaches(parts[:, 1], group_size)                        # DAPO's dynamic sampling (arXiv 2503.14476)

Rollouts of one prompt stand together, `group_size` of them. A missing score is never 0, which would be a verdict:

    missing for a whole group      the part does not apply to this prompt; the other weights take its place
    missing for some of a group    joint: those rollouts have no reward, count in no mean, and their advantage is 0;
                                   decoupled: that part says nothing of them, the others still do
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from perceptdata.errors import PluginError, UsageError

Normalisation = Literal["joint", "decoupled"]


class Advantages(NamedTuple):
    """What a rollout batch is worth."""

    values: Tensor  # [B], 0 where there is no reward to compare
    rewards: Tensor  # [B], the mix; NaN where a part that applies is missing
    missing: Tensor  # [B] bool, the rollouts that no comparison took in
    flat: Tensor  # [G] bool, groups of which every advantage is 0: zero variance, or too few scores


def scores(values: Sequence[float | None], dtype: torch.dtype = torch.float32) -> Tensor:
    """[B]: a reward function's answers, None as NaN. Raises PluginError for an infinite one."""
    found = torch.tensor([math.nan if value is None else float(value) for value in values], dtype=dtype)
    bad = torch.isinf(found).nonzero().flatten().tolist()
    if bad:
        raise PluginError(f"a reward function scored rollout {bad[0]} as {values[bad[0]]}; return a number or None")
    return found


def mix(parts: Tensor, weights: Sequence[float], group_size: int) -> Tensor:
    """[B]: R = Σ w_k·part_k; NaN where a part that applies is missing.

    A part that is missing for the whole group does not apply: the weights of the rest are scaled up to the same sum.
    Parts of weight 0 are not looked at. A group to which nothing applies is NaN.
    """
    grouped, weight = _grouped(parts, weights, group_size)
    applies = torch.isfinite(grouped).any(dim=1, keepdim=True) & (weight != 0)
    used = torch.where(applies, weight, 0)
    scale = weight.sum() / used.sum(dim=-1)
    mixed = torch.where(applies, grouped * used, 0).sum(dim=-1) * scale
    return torch.where(applies.any(dim=-1), mixed, math.nan).reshape(-1)


def normalise(rewards: Tensor, group_size: int, scale: bool = True, eps: float = 1e-6) -> Tensor:
    """[B]: (R - mean)/(std + ε) within the group (arXiv 2402.03300), over the rewards that are there.

    std is the sample's (n - 1); without `scale` only the mean is taken off (arXiv 2503.20783). NaN stays NaN. Exactly 0
    where a group's rewards are equal or only one is there: a rounding error divided by ε would be an advantage.
    """
    grouped = _groups(rewards, group_size)
    there = torch.isfinite(grouped)
    count = there.sum(dim=1, keepdim=True)
    known = torch.where(there, grouped, 0)
    apart = torch.where(there, grouped - known.sum(dim=1, keepdim=True) / count.clamp(min=1), 0)
    if scale:
        std = (apart.square().sum(dim=1, keepdim=True) / (count - 1).clamp(min=1)).sqrt()
        apart = apart / (std + eps)
    apart = torch.where(_spread(grouped) > 0, apart, 0)
    return torch.where(there, apart, math.nan).reshape(-1)


def advantages(
    parts: Tensor,
    weights: Sequence[float],
    group_size: int,
    how: Normalisation = "joint",
    scale: bool = True,
    eps: float = 1e-6,
) -> Advantages:
    """Mixed and normalised. `parts` are [B, K], one weight each.

    `joint` mixes, then normalises: a part that varies more within its group weighs more. `decoupled` normalises each
    part, then mixes (arXiv 2601.05242, without its second normalisation over the batch): each pulls as its weight says.
    """
    rewards = mix(parts, weights, group_size)
    if how == "joint":
        compared = normalise(rewards, group_size, scale, eps)
        missing = torch.isnan(compared)
    elif how == "decoupled":
        columns = torch.stack([normalise(part, group_size, scale, eps) for part in parts.unbind(1)], dim=1)
        weight = torch.as_tensor(weights, dtype=parts.dtype, device=parts.device)
        missing = (torch.isnan(columns) | (weight == 0)).all(dim=1)
        compared = (torch.nan_to_num(columns) * weight).sum(dim=1)
    else:
        raise UsageError(f"'{how}' is no normalisation; write joint or decoupled")
    values = torch.nan_to_num(compared)
    flat = (_groups(values, group_size) == 0).all(dim=1)
    return Advantages(values, rewards, missing, flat)


def teaches(scores: Tensor, group_size: int, low: float = 0.01, high: float = 0.99) -> Tensor:
    """[B] bool: rollouts of groups whose mean score lies strictly between the bounds (DAPO's dynamic sampling).

    Missing scores are left out of the mean; a group without any teaches nothing.
    """
    mean = _groups(scores, group_size).nanmean(dim=1)
    return ((mean > low) & (mean < high)).repeat_interleave(group_size)


def _spread(grouped: Tensor) -> Tensor:
    """[G, 1]: greatest minus least of what is there; -inf where nothing is."""
    there = torch.isfinite(grouped)
    high = torch.where(there, grouped, -math.inf).amax(dim=1, keepdim=True)
    return high - torch.where(there, grouped, math.inf).amin(dim=1, keepdim=True)


def _groups(values: Tensor, group_size: int) -> Tensor:
    if group_size < 1 or len(values) % group_size:
        raise UsageError(f"{len(values)} rollouts are no whole number of groups of {group_size}")
    return values.reshape(-1, group_size, *values.shape[1:])


def _grouped(parts: Tensor, weights: Sequence[float], group_size: int) -> tuple[Tensor, Tensor]:
    """[G, n, K] and [K]."""
    if parts.dim() != 2 or parts.shape[1] != len(weights):
        raise UsageError(f"{len(weights)} weights for parts of shape {tuple(parts.shape)}; give one per column")
    if min(weights) < 0 or sum(weights) == 0:
        raise UsageError("weights of rewards must not be negative, and one of them must be more than 0")
    return _groups(parts, group_size), torch.as_tensor(weights, dtype=parts.dtype, device=parts.device)
