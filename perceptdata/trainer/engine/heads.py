"""Heads at work: what a segment's tokens are apart from their teacher's, logits a tile at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn
from transformers.integrations import is_deepspeed_zero3_enabled

from perceptdata.kernels import token_divergence
from perceptdata.trainer.core.divergences import clipped
from perceptdata.trainer.core.segments import Segment


@dataclass(frozen=True)
class Head:
    """A head's weight [V, H] and bias [V], whole."""

    weight: Tensor
    bias: Tensor | None

    @classmethod
    def of(cls, head: nn.Module) -> Head:
        """From what FSDP2 may have split, or ZeRO-3 gathered (`maybe_gather_lm_head_ctx`)."""
        weight: Any = head.weight
        bias: Any = head.bias
        return cls(_whole(weight), None if bias is None else _whole(bias))


def _whole(part: Any) -> Tensor:
    whole: Tensor = part.full_tensor() if hasattr(part, "full_tensor") else part
    # ZeRO-3 takes gathered weights back before the backward pass, which needs them once more.
    return whole.clone() if is_deepspeed_zero3_enabled() else whole


def divergence(segment: Segment, student: Tensor, own: Head, teacher: Tensor, other: Head) -> Tensor:
    """[N] from hidden states [N, H]: one segment's tokens, each against its teacher, who has no gradient."""
    if segment.clip_mode == "pointwise" and segment.clip is not None:
        return clipped(student, own.weight, teacher, other.weight, segment.clip, segment.divergence, segment.beta)
    return token_divergence(
        student,
        own.weight,
        teacher,
        other.weight,
        kind=segment.divergence,
        beta=segment.beta,
        bias=own.bias,
        teacher_bias=None if other.bias is None else other.bias.detach(),
    )
