"""PALR: how much of what a privileged teacher teaches leaks its privilege, the right answer, instead of the picture.

    palr(student, teacher, wrong, elsewhere, sees_answer, {"think": think})["think"]
    parts = contributions(student, teacher, averaged(wrong), elsewhere, sees_answer)    # to be added up
    rate(parts[think].sum(dim=0))

Privileged answer leakage rate of ViGOS (arXiv 2606.19120, section 2.3). Along fixed rollouts y of the student,

    s_t   = | log q(y_t) - log p(y_t) |                          how hard the teacher pulls
    cA_t  = [ log q(y_t) - log q_wrong(y_t) ]_+                  what the right answer adds; 0 where it is not seen
    cI_t  = [ log q(y_t) - log q_other(y_t) ]_+                  what the right picture adds
    PALR  = Σ s_t cA_t / (Σ s_t (cA_t + cI_t) + ε)

with p the student, q the teacher, q_wrong the mean of the teacher's probabilities under K wrong answers, q_other the
teacher before another picture. Tokens that no loss teaches count for nothing, nor do rollouts that do not parse.
K = 3 and ε = 1e-8 are ours; the paper names neither. Sums run over all tokens of all rollouts, not rollout by rollout.

All are log probabilities of the rollout's own tokens, in the dtype they come in.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from perceptdata.errors import UsageError

EPSILON = 1e-8
WRONG_ANSWERS = 3


def averaged(wrong: Tensor) -> Tensor:
    """[...] from [K, ...]: the log of the mean of the probabilities under K wrong answers.

    Raises UsageError where there is none.
    """
    if not len(wrong):
        raise UsageError("PALR compares with wrong answers; give one at least")
    return wrong.logsumexp(dim=0) - math.log(len(wrong))


def contributions(student: Tensor, teacher: Tensor, wrong: Tensor, elsewhere: Tensor, sees_answer: Tensor) -> Tensor:
    """[..., 2]: s_t cA_t and s_t cI_t of each token. `wrong` is averaged; `sees_answer` is bool."""
    pull = (teacher - student).abs()
    answer = torch.where(sees_answer, (teacher - wrong).clamp(min=0), 0)
    picture = (teacher - elsewhere).clamp(min=0)
    return torch.stack([pull * answer, pull * picture], dim=-1)


def rate(sums: Tensor) -> Tensor:
    """[...] from [..., 2], sums of `contributions`: the part due to the answer; 0 where nothing is due to either."""
    return sums[..., 0] / (sums.sum(dim=-1) + EPSILON)


def palr(
    student: Tensor,
    teacher: Tensor,
    wrong: Tensor,
    elsewhere: Tensor,
    sees_answer: Tensor,
    groups: Mapping[str, Tensor],
) -> dict[str, float]:
    """The rate of each group, and `all` of their union. [...] each, bool the last two; `wrong` is [K, ...].

    Tokens in no group are not taught. Raises UsageError where shapes differ, or no wrong answer is given.
    """
    shapes = {tuple(each.shape) for each in (student, teacher, elsewhere, sees_answer, *groups.values(), *wrong)}
    if len(shapes) > 1:
        raise UsageError(f"the log probabilities and masks of one rollout differ in shape: {sorted(shapes)}")
    parts = contributions(student, teacher, averaged(wrong), elsewhere, sees_answer)
    union = torch.zeros_like(student, dtype=torch.bool)
    for mask in groups.values():
        union = union | mask
    return {name: float(rate(parts[mask].sum(dim=0))) for name, mask in {**groups, "all": union}.items()}
