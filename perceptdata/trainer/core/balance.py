"""λ over time: how much the perception span weighs in L = λ·L_p + (1-λ)·L_r (arXiv 2605.29496).

    Standard()              λ = N_p/N, the ordinary mean over tokens
    Static(0.3)             one λ
    NGDiff(every=10)        λ_t = ‖g_r‖ / (‖g_p‖ + ‖g_r‖): both spans pull equally hard
    PerceptionFirst(200)    perception alone for 200 steps, then another schedule

    schedule.at(step, counts, state)      # λ of this step; state is NGDiff's, and is what a checkpoint keeps

NGDiff is the normalised-gradient difference of arXiv 2410.22086 with a plus sign, for here both losses are minimised:
g_p/‖g_p‖ + g_r/‖g_r‖ points where λ_t·g_p + (1-λ_t)·g_r does (`normalised_sum` is the literal form). Of which
parameters the norms are taken is the engine's to choose: all, the last block, or the head's input.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor

from perceptdata.errors import UsageError
from perceptdata.trainer.core.spans import Other, token_share

Gradients = Sequence[Tensor | None]


@dataclass(frozen=True, slots=True)
class NGDiffState:
    """What NGDiff remembers between steps: plain numbers, so that `asdict` and JSON keep it to the last bit.

    `lam` is 0.5 until norms have been seen; `refreshed` is the step that last saw usable ones, -1 for none.
    """

    lam: float = 0.5
    refreshed: int = -1
    norm_perception: float = math.nan
    norm_reasoning: float = math.nan


class Schedule(Protocol):
    """λ as a function of the optimiser step (from 0), of the window's counts per role ([4]) and of NGDiff's state."""

    def at(self, step: int, counts: Tensor, state: NGDiffState) -> float | Tensor:
        """λ of this step."""
        ...


@dataclass(frozen=True, slots=True)
class Standard:
    """λ = N_p/N of every window: the ordinary token mean."""

    other: Other = "reasoning"

    def at(self, step: int, counts: Tensor, state: NGDiffState) -> Tensor:
        """N_p/N."""
        return token_share(counts, self.other)


@dataclass(frozen=True, slots=True)
class Static:
    """One λ. Raises UsageError outside [0, 1]."""

    lam: float

    def __post_init__(self) -> None:
        _between("λ", self.lam, 0, 1)

    def at(self, step: int, counts: Tensor, state: NGDiffState) -> float:
        """The same always."""
        return self.lam


@dataclass(frozen=True, slots=True)
class NGDiff:
    """λ_t from gradient norms, clipped to [low, high], smoothed by `ema` (0: not at all), refreshed every k steps.

    The paper states neither clip, smoothing nor refreshing; these are ours.
    """

    low: float = 0.01
    high: float = 0.99
    ema: float = 0.0
    every: int = 1

    def __post_init__(self) -> None:
        _between("low", self.low, 0, self.high)
        _between("high", self.high, self.low, 1)
        if not 0 <= self.ema < 1:
            raise UsageError(f"ema is {self.ema}; it must be at least 0 and under 1")
        if self.every < 1:
            raise UsageError(f"every is {self.every}; norms are taken every 1 step or more")

    def at(self, step: int, counts: Tensor, state: NGDiffState) -> float:
        """The λ last refreshed."""
        return state.lam

    def due(self, step: int, state: NGDiffState) -> bool:
        """Whether this step should take norms: there are none yet, or they are `every` steps old."""
        return state.refreshed < 0 or step - state.refreshed >= self.every

    def refresh(self, step: int, state: NGDiffState, norm_perception: float, norm_reasoning: float) -> NGDiffState:
        """The state with λ from these norms. Norms that say nothing leave it as it is, and the next step is due again:
        one that is not finite, and 0, which is what a window without that span has.
        """
        both = norm_perception + norm_reasoning
        if not math.isfinite(both) or min(norm_perception, norm_reasoning) <= 0:
            return state
        lam = norm_reasoning / both
        if state.refreshed >= 0:
            lam = self.ema * state.lam + (1 - self.ema) * lam
        lam = min(max(lam, self.low), self.high)
        return NGDiffState(lam, step, float(norm_perception), float(norm_reasoning))


@dataclass(frozen=True, slots=True)
class PerceptionFirst:
    """Perception alone (λ = 1) for `steps` steps, then the whole response by `then`, whose steps begin at 0 again."""

    steps: int
    then: Schedule = field(default_factory=Standard)

    def at(self, step: int, counts: Tensor, state: NGDiffState) -> float | Tensor:
        """1, then what `then` says."""
        return 1.0 if step < self.steps else self.then.at(step - self.steps, counts, state)


def gradients(loss: Tensor, parameters: Sequence[Tensor]) -> list[Tensor | None]:
    """The gradients of a loss, its graph kept for more; None where a parameter has no part in it."""
    return list(torch.autograd.grad(loss, parameters, retain_graph=True, allow_unused=True))


def norm(grads: Iterable[Tensor | None]) -> Tensor:
    """√Σ g², over all tensors together, accumulated in float64; 0 for none. No gradient runs through it."""
    squares = [torch.linalg.vector_norm(g.detach(), dtype=torch.float64) ** 2 for g in grads if g is not None]
    return torch.stack(squares).sum().sqrt() if squares else torch.zeros((), dtype=torch.float64)


def normalised_sum(perception: Gradients, reasoning: Gradients, scale: float | Tensor = 1.0) -> list[Tensor | None]:
    """NGDiff to the letter: scale · (g_p/‖g_p‖ + g_r/‖g_r‖), one tensor per parameter.

    Its length says nothing of the loss (at most 2), so the learning rate needs a `scale`; the norm of the ordinary
    gradient keeps steps as long as they were. A span whose norm is 0 adds nothing.
    """
    parts = []
    for grads in (perception, reasoning):
        length = norm(grads)
        parts.append([g if g is None else g * _factor(scale, length).to(g) for g in grads])
    return [b if a is None else a if b is None else a + b for a, b in zip(*parts, strict=True)]


def _factor(scale: float | Tensor, length: Tensor) -> Tensor:
    return torch.where(length > 0, scale / length, 0)


def _between(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise UsageError(f"{name} is {value}; it must lie between {low} and {high}")
