"""Stage plans: what is trained when, and how many steps that is (arXiv 2605.20177).

    plan = exhaustive(stages)          # every epoch of a stage, then the next one
    plan = cyclic(stages)              # one epoch of each stage, then round again
    plan = exhaustive([merged(stages)])  # one mixed stage with the same number of steps: the baseline
    locate(plan, step)                 # where a run that stopped there goes on

The paper's order is perception, text, visual; 6 + 25 + 31 steps an epoch at a batch of 512, times 15 epochs, is 930.
Plain numbers and names, no torch: a plan can be printed before anything is loaded.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import permutations
from typing import NamedTuple

from perceptdata.errors import UsageError
from perceptdata.trainer.core.parts import PARTS, Part


@dataclass(frozen=True, slots=True)
class Settings:
    """What may differ from stage to stage in optimisation; the defaults are the paper's recipe for GRPO."""

    learning_rate: float = 1e-6
    kl: float = 1e-2
    clip_low: float = 0.2
    clip_high: float = 0.3
    grad_norm: float = 1.0
    warmup: float = 0.0  # share of the stage's steps


DAMPED = Settings(learning_rate=3e-7, kl=5e-2, clip_low=0.15, clip_high=0.15, grad_norm=0.5, warmup=0.05)
"""The paper's second stage of InternVL3-8B, whose entropy explodes without."""


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage: `rows` examples, `batch` of them a step, `epochs` times; what is left over of an epoch is not used.

    Raises UsageError where that is no step at all, or nothing trains.
    """

    name: str
    rows: int
    batch: int
    epochs: int = 1
    method: str = "grpo"
    train: tuple[Part, ...] = PARTS
    settings: Settings = Settings()

    def __post_init__(self) -> None:
        if self.batch < 1 or self.epochs < 1:
            raise UsageError(
                f"stage {self.name}: batch is {self.batch} and epochs {self.epochs}; both must be 1 or more"
            )
        if self.rows < self.batch:
            raise UsageError(f"stage {self.name}: {self.rows} rows do not fill one batch of {self.batch}")
        if not self.train or not set(self.train) <= set(PARTS):
            raise UsageError(f"stage {self.name} trains {list(self.train)}; choose among {', '.join(PARTS)}")

    @property
    def steps_per_epoch(self) -> int:
        """Whole batches of one pass."""
        return self.rows // self.batch

    @property
    def steps(self) -> int:
        """Optimiser steps of the whole stage."""
        return self.steps_per_epoch * self.epochs


class Block(NamedTuple):
    """A run of steps on one stage. `epoch` and `step` (the first of the block, over the plan) count from 0."""

    stage: Stage
    epoch: int
    step: int
    steps: int


class Place(NamedTuple):
    """Where a plan stands: the block's number and how many of its steps are done."""

    block: int
    done: int


def exhaustive(stages: Sequence[Stage]) -> tuple[Block, ...]:
    """All epochs of a stage before the next stage: what the paper calls staged."""
    return _blocks((stage, epoch) for stage in stages for epoch in range(stage.epochs))


def cyclic(stages: Sequence[Stage]) -> tuple[Block, ...]:
    """Epoch by epoch through all stages that still have one: one file in bucket order, as in the curriculum arms."""
    rounds = max((stage.epochs for stage in stages), default=0)
    return _blocks((stage, epoch) for epoch in range(rounds) for stage in stages if epoch < stage.epochs)


def merged(stages: Sequence[Stage], name: str = "merged") -> Stage:
    """One stage over the mixed rows, with exactly as many steps as the stages have together.

    Each stage gives the rows of its whole batches, so that mixing adds no step from what they leave over. Method, parts
    and settings are the first stage's. Raises UsageError for stages of different batch or number of epochs: their
    mixture would see some rows more often than others, and equal steps would not be equal data.
    """
    if not stages:
        raise UsageError("there is no stage to merge")
    first = stages[0]
    other = [stage.name for stage in stages if (stage.batch, stage.epochs) != (first.batch, first.epochs)]
    if other:
        raise UsageError(
            f"stages {first.name} and {other[0]} differ in batch or epochs; a merged baseline needs them equal"
        )
    return replace(first, name=name, rows=sum(stage.steps_per_epoch for stage in stages) * first.batch)


def orders(stages: Sequence[Stage]) -> Iterator[tuple[Stage, ...]]:
    """Every order of the stages, the given one first."""
    return permutations(stages)


def total(plan: Sequence[Block]) -> int:
    """All steps of a plan."""
    return plan[-1].step + plan[-1].steps if plan else 0


def locate(plan: Sequence[Block], step: int) -> Place | None:
    """Where the plan stands after `step` steps: at a border, at the beginning of the next block. None once it is done.

    Raises UsageError for a step outside the plan: the checkpoint is of another one.
    """
    if not 0 <= step <= total(plan):
        raise UsageError(f"the checkpoint is at step {step}, the plan has {total(plan)}; it is of another plan")
    for number, block in enumerate(plan):
        if step < block.step + block.steps:
            return Place(number, step - block.step)
    return None


def _blocks(visits: Iterable[tuple[Stage, int]]) -> tuple[Block, ...]:
    blocks: list[Block] = []
    for stage, epoch in visits:
        blocks.append(Block(stage, epoch, total(blocks), stage.steps_per_epoch))
    return tuple(blocks)
