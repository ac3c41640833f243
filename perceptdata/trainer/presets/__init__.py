"""The methods of training: a name each, its options, and how its trainer is made.

    chosen = method("sft").model_validate({"lambda": 0.3, "steps": 500})
    arguments = chosen.arguments(common)                    # TRL's configuration of this method
    arguments.max_steps = chosen.planned_steps(rows, processes)
    trainer = chosen.trainer(Job(…))                        # a trainer of `perceptdata.trainer.engine`, ready to run

A new method is a module here, and a line in METHODS. Nothing is imported until one is asked for; TRL only by the two
calls above.
"""

from __future__ import annotations

import difflib
import importlib
import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import ValidationError

from perceptdata.errors import UsageError
from perceptdata.formats import Format
from perceptdata.registry import option_errors
from perceptdata.trainer.model import TrainedModel
from perceptdata.trainer.options import Options

if TYPE_CHECKING:
    import datasets
    from transformers import Trainer, TrainerCallback, TrainingArguments

METHODS = {
    "grpo": "perceptdata.trainer.presets.grpo:Grpo",
    "opsd": "perceptdata.trainer.presets.distillation:Opsd",
    "papo": "perceptdata.trainer.presets.grpo:Papo",
    "pgpo": "perceptdata.trainer.presets.grpo:Pgpo",
    "sdft": "perceptdata.trainer.presets.distillation:Sdft",
    "seeing_to_thinking": "perceptdata.trainer.presets.grpo:SeeingToThinking",
    "sft": "perceptdata.trainer.presets.sft:Sft",
    "vigos": "perceptdata.trainer.presets.distillation:Vigos",
    "vppo": "perceptdata.trainer.presets.grpo:Vppo",
}


@dataclass(frozen=True)
class Job:
    """What a method's trainer is made of. `rows` have been admitted: each fits, and renders for this model.

    `arguments` are what the method made of the common ones; `folder` is the run's own, for what a method writes beside
    its checkpoints.
    """

    model: TrainedModel
    rows: datasets.Dataset
    form: Format
    arguments: TrainingArguments
    callbacks: list[TrainerCallback]
    folder: Path


class Method(Options, ABC):
    """Options that know how to train. `reads_responses`: rows need a response, and it counts in their length."""

    reads_responses: ClassVar[bool]

    @property
    def new_tokens(self) -> int:
        """How many tokens the method samples after a prompt; 0 for one that only reads."""
        return 0

    def planned_steps(self, rows: int, processes: int) -> int:
        """Optimiser steps of a whole run: `epochs` over so many rows, or `steps`, whichever ends first."""
        window = self.batch * processes
        each = math.ceil(math.ceil(rows / window) / self.accumulate)
        ends = [self.steps, None if self.epochs is None else math.ceil(self.epochs * each)]
        return min(end for end in ends if end is not None)

    @abstractmethod
    def arguments(self, common: Mapping[str, Any]) -> TrainingArguments:
        """TRL's configuration: the common arguments, and the method's own."""

    @abstractmethod
    def trainer(self, job: Job) -> Trainer:
        """The trainer of one run."""


def method(name: str) -> type[Method]:
    """The class of a method. Raises UsageError for a name that is not there."""
    if name not in METHODS:
        near = difflib.get_close_matches(name, METHODS, n=1)
        hint = f"did you mean '{near[0]}'?" if near else f"there are {', '.join(METHODS)}"
        raise UsageError(f"there is no training method '{name}'; {hint}")
    module, _, attribute = METHODS[name].partition(":")
    found: type[Method] = getattr(importlib.import_module(module), attribute)
    return found


def make(name: str, options: Mapping[str, Any]) -> Method:
    """A method with its options. Raises UsageError that names each wrong key and the nearest right one."""
    kind = method(name)
    try:
        return kind.model_validate(dict(options))
    except ValidationError as error:
        raise UsageError(f"train {name}: {option_errors(error, kind)}") from None
