"""Stage plans: what is trained when, and how many steps that is (arXiv 2605.20177).

    exhaustive(stages)          # every epoch of a stage, then the next one
    cyclic(stages)              # one epoch of each stage, then round again
    exhaustive([merged(stages)])  # one mixed stage with the same number of steps: the baseline

The paper's order is perception, text, visual; 6 + 25 + 31 steps an epoch, times 15 epochs, is 930. How many steps a
stage has is its method's to say. Plain numbers and names, no torch: a plan can be printed before anything is loaded.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from perceptdata.errors import UsageError


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage: `steps` optimiser steps, in `epochs` passes over its rows; None where it counts steps alone."""

    name: str
    steps: int
    epochs: float | None = None


class Block(NamedTuple):
    """Steps on one stage, without a break. `step` is the first, over the whole plan; both numbers count from 0.

    `epoch` is None for all epochs of the stage.
    """

    stage: str
    epoch: int | None
    step: int
    steps: int


def exhaustive(stages: Sequence[Stage]) -> tuple[Block, ...]:
    """All epochs of a stage before the next stage: what the paper calls staged."""
    return _blocks((stage.name, None, stage.steps) for stage in stages)


def cyclic(stages: Sequence[Stage]) -> tuple[Block, ...]:
    """Epoch by epoch through all stages that still have one: one file in bucket order, as in the curriculum arms.

    Raises UsageError for a stage that is no whole number of epochs.
    """
    passes = {stage.name: _whole_epochs(stage) for stage in stages}
    return _blocks(
        (stage.name, epoch, stage.steps // passes[stage.name])
        for epoch in range(max(passes.values(), default=0))
        for stage in stages
        if epoch < passes[stage.name]
    )


def merged(stages: Sequence[Stage], name: str = "merged") -> Stage:
    """One stage over the mixed rows, with exactly as many steps as the stages have together.

    Its own rows could be worth a step more: what each stage leaves over of its last batch adds up. Raises UsageError
    for stages of different epochs: their mixture would show some rows more often than others, and equal steps would not
    be equal data.
    """
    if not stages:
        raise UsageError("there is no stage to merge")
    first = stages[0]
    for stage in stages:
        if stage.epochs is None or stage.epochs != first.epochs:
            raise UsageError(
                f"stages {first.name} and {stage.name} have {first.epochs or 'no'} and {stage.epochs or 'no'} epochs; "
                "a merged baseline needs the same number in each"
            )
    return Stage(name, sum(stage.steps for stage in stages), first.epochs)


def total(plan: Sequence[Block]) -> int:
    """All steps of a plan."""
    return plan[-1].step + plan[-1].steps if plan else 0


def _whole_epochs(stage: Stage) -> int:
    epochs = stage.epochs or 0.0
    if epochs < 1 or epochs % 1 or stage.steps % int(epochs):
        raise UsageError(
            f"stage {stage.name} has {stage.steps} steps and {stage.epochs or 'no'} epochs; a cyclic schedule goes "
            "round by whole epochs: give it epochs: 2, 3, …, and no steps"
        )
    return int(epochs)


def _blocks(visits: Iterable[tuple[str, int | None, int]]) -> tuple[Block, ...]:
    blocks: list[Block] = []
    for stage, epoch, steps in visits:
        blocks.append(Block(stage, epoch, total(blocks), steps))
    return tuple(blocks)
