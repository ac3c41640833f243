"""Segment-routed distillation: on the student's own rollouts, each token has at most one teacher.

    plan = VIGOS                                              # or OPSD, SDFT, or segments of your own
    route = assign(plan, rollouts)                            # [B, T]: 0, or the number of the segment that serves it
    counts = active(route, plan)                              # summed over the micro-step's ranks
    terms = term_values(apart, route, counts, plan)           # [S]; apart [B, T]: each token against its own teacher
    loss = combine(terms, plan)

ViGOS (arXiv 2606.19120, Eq. 18 to 21) is three segments: the description of a valid rollout learns from a teacher that
sees the image alone, its reasoning and answer from one that also knows the gold answer, and a rollout that does not
parse, all of it, from a reference that knows the answer and asks for the format. OPSD (arXiv 2601.18734) and SDFT
(arXiv 2601.19897) are one segment. What a teacher is shown is the engine's; `prefix` says which of the student's tokens
it reads.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from perceptdata.errors import UsageError
from perceptdata.trainer.core.divergences import KINDS, Kind

ClipMode = Literal["clamp", "scale", "pointwise", "none"]
"""What `clip` does: clamp the token's divergence, which leaves those above it without gradient (ViGOS as released);
scale the token, value and gradient alike, down to it; clip each entry of the vocabulary (`divergences.clipped`)."""


@dataclass(frozen=True, slots=True)
class Segment:
    """One line of a plan. Raises UsageError for values without a meaning."""

    name: str
    teacher: str
    tokens: Literal["description", "reasoning", "completion"]  # reasoning: and the answer
    rollouts: Literal["valid", "invalid", "all"] = "all"
    divergence: Kind = "forward_kl"
    beta: float = 0.5  # of jsd
    weight: float = 1.0
    clip: float | None = None
    clip_mode: ClipMode = "none"
    prefix: Literal["full", "segment"] = "full"

    def __post_init__(self) -> None:
        if self.divergence not in KINDS:
            raise UsageError(f"segment {self.name}: '{self.divergence}' is no divergence; write {', '.join(KINDS)}")
        if self.weight < 0:
            raise UsageError(f"segment {self.name}: its weight is {self.weight}; it must not be negative")
        if (self.clip is None) != (self.clip_mode == "none"):
            raise UsageError(f"segment {self.name}: clip and clip_mode belong together; give both or neither")
        if self.clip is not None and self.clip <= 0:
            raise UsageError(f"segment {self.name}: its clip is {self.clip}; it must be more than 0")


def vigos(
    reasoning_prefix: Literal["full", "think_only"] = "full",
    clip: float | None = 0.05,
    clip_mode: ClipMode = "clamp",
    weights: tuple[float, float, float] = (1.0, 1.0, 2.0),
) -> tuple[Segment, ...]:
    """ViGOS. The paper's reasoning teacher reads the student's description (`full`, Eq. 15), the released code's starts
    at the thoughts (`think_only`).
    """
    mode: ClipMode = "none" if clip is None else clip_mode
    reads: dict[str, Literal["full", "segment"]] = {"full": "full", "think_only": "segment"}
    if reasoning_prefix not in reads:
        raise UsageError(f"'{reasoning_prefix}' is no reasoning_prefix; write full or think_only")
    perception, reasoning, reference = weights
    return (
        Segment("perception", "image", "description", "valid", "forward_kl", 0.5, perception, clip, mode),
        Segment(
            "reasoning",
            "answer",
            "reasoning",
            "valid",
            "forward_kl",
            0.5,
            reasoning,
            clip,
            mode,
            reads[reasoning_prefix],
        ),
        Segment("reference", "reference", "completion", "invalid", "reverse_kl", 0.5, reference, clip, mode),
    )


VIGOS = vigos()
OPSD = (Segment("privileged", "answer", "completion", divergence="jsd"),)
SDFT = (Segment("demonstration", "demonstration", "completion", divergence="forward_kl"),)


class Rollouts(NamedTuple):
    """Completions, and where their parts are. All bool, [B, T], but `parsed`, [B]."""

    completion: Tensor  # every token sampled, the end token too
    description: Tensor
    reasoning: Tensor  # and the answer
    parsed: Tensor  # delimiters in order and an answer that can be read, right or wrong
    special: Tensor  # end and padding tokens, which are not content


def span_mask(start: Tensor, end: Tensor, length: int) -> Tensor:
    """[B, length] bool from half-open token spans, [B] each; none where end ≤ start."""
    place = torch.arange(length, device=start.device)
    return (place >= start[:, None]) & (place < end[:, None])


def valid(rollouts: Rollouts) -> Tensor:
    """[B] bool, 1 - m_inv: parsed, with a description and reasoning of at least one token of content each."""
    content = rollouts.completion & ~rollouts.special
    described = (rollouts.description & content).any(dim=-1)
    return rollouts.parsed & described & (rollouts.reasoning & content).any(dim=-1)


def assign(plan: Sequence[Segment], rollouts: Rollouts) -> Tensor:
    """[B, T] int64: which segment serves each token, counted from 1; 0 for none.

    Raises UsageError where two segments claim one token.
    """
    good = valid(rollouts)
    rows = {"valid": good, "invalid": ~good, "all": torch.ones_like(good)}
    route = torch.zeros_like(rollouts.completion, dtype=torch.long)
    for number, segment in enumerate(plan, start=1):
        tokens: Tensor = getattr(rollouts, segment.tokens)
        claimed = tokens & rollouts.completion & rows[segment.rollouts][:, None]
        twice = route[claimed & (route > 0)]
        if len(twice):
            raise UsageError(
                f"segments {plan[int(twice[0]) - 1].name} and {segment.name} both claim tokens; each has one teacher"
            )
        route = torch.where(claimed, number, route)
    return route


def reads(segment: Segment, number: int, route: Tensor, completion: Tensor) -> Tensor:
    """[B, T] bool: the student's tokens that this segment's teacher is fed, in rows that it serves.

    `full`: all up to the segment's last token; `segment`: from its first on, what stands between its tokens included.
    """
    own = route == number
    fed = completion.bool() & (own.flip(-1).cumsum(dim=-1).flip(-1) > 0)
    return fed & (own.cumsum(dim=-1) > 0) if segment.prefix == "segment" else fed


class Packed(NamedTuple):
    """Kept tokens moved to the left: `tokens.gather(1, places)`, and back by `unpack`."""

    places: Tensor  # [B, width], where each came from
    mask: Tensor  # [B, width] bool, False for padding


def pack(keep: Tensor) -> Packed:
    """The kept tokens of each row, in order, as wide as the longest row has them."""
    count = keep.sum(dim=-1)
    width = int(count.max()) if len(keep) else 0
    places = (~keep).int().argsort(dim=-1, stable=True)[:, :width]
    return Packed(places, torch.arange(width, device=keep.device) < count[:, None])


def unpack(values: Tensor, packed: Packed, length: int) -> Tensor:
    """[B, length, …] from [B, width, …]: every value at its token's place, 0 elsewhere."""
    out = values.new_zeros(values.shape[0], length, *values.shape[2:])
    row, place = packed.mask.nonzero(as_tuple=True)
    out[row, packed.places[row, place]] = values[row, place]
    return out


def active(route: Tensor, plan: Sequence[Segment]) -> Tensor:
    """[S] int64: the tokens that each segment serves. Counts of ranks add up."""
    return torch.bincount(route.reshape(-1), minlength=len(plan) + 1)[1:]


def clip(values: Tensor, limit: float | None, mode: ClipMode) -> Tensor:
    """Per-token divergences under a limit. `pointwise` was taken inside them (`divergences.clipped`)."""
    if limit is None or mode in ("none", "pointwise"):
        return values
    if mode == "clamp":
        return values.clamp(max=limit)
    if mode == "scale":
        seen = values.detach()
        return values * torch.where(seen > limit, limit / seen, 1)
    raise UsageError(f"'{mode}' is no clip mode; write clamp, scale, pointwise or none")


def term_values(apart: Tensor, route: Tensor, counts: Tensor, plan: Sequence[Segment]) -> Tensor:
    """[S]: this micro-batch's share of each segment's mean divergence (Eq. 18 to 20); 0 where it serves no token.

    `apart` is [B, T]: each token's divergence from its own teacher, anything elsewhere. `counts`, [S], is of all ranks.
    """
    terms = []
    for number, segment in enumerate(plan, start=1):
        values = clip(torch.where(route == number, apart, 0), segment.clip, segment.clip_mode)
        terms.append(values.sum() / counts[number - 1].clamp(min=1))
    return torch.stack(terms)


def combine(terms: Tensor, plan: Sequence[Segment]) -> Tensor:
    """Σ λ_s · term_s (Eq. 21)."""
    return (terms * terms.new_tensor([segment.weight for segment in plan])).sum()


def invalid_rate(rollouts: Rollouts) -> float:
    """The share of rollouts that are not valid: there a teacher who knows the answer serves every token."""
    return 1 - valid(rollouts).double().mean().item()
