"""`vigos`, `opsd`, `sdft`: the student learns from itself, better informed, on what it wrote (no rewards).

perceptdata train vigos …                                  # arXiv 2606.19120; frozen teachers cost nothing with lora
perceptdata train vigos … -o reasoning_prefix=think_only -o reading=released      # as its released code does it
perceptdata train opsd …                                   # arXiv 2601.18734: one teacher who knows the solution
perceptdata train sdft …                                   # arXiv 2601.19897: one teacher who has seen a response

All three are lists of segments, and a list of one's own takes the preset's place:

    segments:
      - {segment: description, teacher: image, rollouts: valid, clip: 0.05}
      - {segment: reasoning, teacher: answer, rollouts: valid, divergence: jsd, beta: 0.3}
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from perceptdata.errors import UsageError
from perceptdata.trainer.presets import Job
from perceptdata.trainer.presets.sampled import Sampled

if TYPE_CHECKING:
    from transformers import Trainer, TrainingArguments

    from perceptdata.trainer.core.segments import Segment

Divergence = Literal["forward_kl", "reverse_kl", "jsd"]
ClipMode = Literal["clamp", "scale", "pointwise"]
Teacher = Literal["image", "answer", "reference", "demonstration"]


class SegmentOptions(BaseModel):
    """One line of a plan: which tokens of which rollouts, which teacher, how far from it they may be.

    `clip` bounds a token's divergence: `clamp` leaves tokens above it without gradient, `scale` keeps its direction,
    `pointwise` bounds each entry of the vocabulary. `prefix` says what the teacher reads of the student: all that comes
    before, or this segment alone.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    segment: Literal["description", "reasoning", "completion"]
    teacher: Teacher
    rollouts: Literal["valid", "invalid", "all"] = "all"
    divergence: Divergence = "forward_kl"
    beta: float = Field(0.5, gt=0, lt=1, description="of jsd")
    weight: float = Field(1.0, ge=0)
    clip: float | None = Field(None, gt=0)
    clip_mode: ClipMode = "clamp"
    prefix: Literal["full", "segment"] = "full"


class Distillation(Sampled):
    """One rollout a prompt, one step a rollout batch of `batch` x `accumulate` rows a device.

    The teachers are the model before training: without its adapters, or, trained whole, as a frozen copy, or with
    `teacher_ema` as a copy that follows by that decay. `knows` is what they are told of the solution: the gold answer,
    or the row's response where it has one. `wording` is the version of what they are told it in. `reading` says how
    completions are taken apart: by the format, or as ViGOS's released code does. `segments` takes the place of the
    preset's own. With `palr_every`, at one step of so many the leakage rate of what is taught is measured
    (`trainer.core.leakage`), at the price of `palr_wrong` + 1 further passes of the teachers over its rollouts.
    """

    batch: int = Field(2, ge=1)
    learning_rate: float = Field(5e-6, gt=0)
    schedule: Literal["constant", "linear", "cosine"] = "linear"
    max_grad_norm: float = Field(0.1, gt=0)
    max_new_tokens: int = Field(4096, ge=1)
    temperature: float = Field(1.1, gt=0)
    top_p: float = Field(0.95, gt=0, le=1)
    top_k: int = Field(20, ge=0)
    knows: Literal["answer", "response"] = "answer"
    wording: Literal["teachers@1"] = "teachers@1"
    reading: Literal["paper", "released"] = "paper"
    teacher_ema: float | None = Field(None, gt=0, lt=1)
    segments: tuple[SegmentOptions, ...] | None = Field(None, min_length=1)
    palr_every: int = Field(0, ge=0)
    palr_wrong: int = Field(3, ge=1)

    @model_validator(mode="after")
    def _one_teacher(self) -> Self:
        if self.teacher_ema is not None and self.lora is not None:
            raise ValueError("teacher_ema averages whole models; with lora the teacher is the model without adapters")
        shown = [each.segment for each in self.segments or () if each.teacher == "demonstration"]
        if shown and not self.reads_responses:
            raise ValueError("the teacher 'demonstration' needs rows with responses; use sdft")
        return self

    @abstractmethod
    def plan(self) -> tuple[Segment, ...]:
        """The preset's own segments."""

    def planned_steps(self, rows: int, processes: int) -> int:
        """Optimiser steps. Rows beyond the last whole rollout batch of an epoch wait for the next, drawn anew."""
        window = self.batch * self.accumulate * processes
        each = rows // window
        if not each:
            raise UsageError(f"{rows} rows do not fill one rollout batch of {window}; lower accumulate or batch")
        ends = [self.steps, None if self.epochs is None else math.ceil(self.epochs * each)]
        return min(end for end in ends if end is not None)

    def arguments(self, common: Mapping[str, Any]) -> TrainingArguments:
        """TRL's; sampling is the student's, divergences are taken at temperature 1."""
        from trl import DistillationConfig

        return DistillationConfig(**{**common, **self.sampling(), "top_k": self.top_k})

    def trainer(self, job: Job) -> Trainer:
        """TRL's DistillationTrainer with our teachers."""
        from perceptdata.trainer.engine.distillation import SegmentDistillation, Setup

        opened, given = self.prompted(job)
        chosen = self.plan() if self.segments is None else tuple(map(_segment, self.segments))
        leaks = (self.palr_every, self.palr_wrong)
        setup = Setup(chosen, job.form, opened, self.knows, self.reading, self.straddle, *leaks)
        trainer = SegmentDistillation(setup=setup, follows=self.teacher_ema, teacher_model=self._teacher(job), **given)
        self.keep_samples(trainer, job)
        return trainer

    def _teacher(self, job: Job) -> Any:
        """The checkpoint once more, where training overwrites it. One that never moves needs no more digits than it
        came with.
        """
        from perceptdata.vlm.loading import LocalModel

        if self.lora is not None:
            return None
        return LocalModel.load(job.model.reader.name, dtype="auto" if self.teacher_ema is None else "float32").network


class Vigos(Distillation):
    """Description, reasoning and answer, and rollouts that do not parse, each with a teacher of its own.

    A teacher who sees the image alone for the description, one who knows the answer for what follows (forward KL both),
    and for rollouts that do not parse one who knows both answer and format (reverse KL). `weights` in this order.
    `reasoning_prefix`: does the second one read the student's description (the paper) or not (the released code).
    """

    method: ClassVar[str] = "vigos"

    format: dict[str, Any] = Field(default_factory=lambda: {"use": "describe_think_boxed"})
    reasoning_prefix: Literal["full", "think_only"] = "full"
    weights: tuple[float, float, float] = (1.0, 1.0, 2.0)
    clip: float | None = Field(0.05, gt=0)
    clip_mode: ClipMode = "clamp"

    @model_validator(mode="after")
    def _weighed(self) -> Self:
        if min(self.weights) < 0 or not sum(self.weights):
            raise ValueError("weights must not be negative, and one of them must be more than 0")
        return self

    def plan(self) -> tuple[Segment, ...]:
        """Three segments."""
        from perceptdata.trainer.core.segments import vigos

        return vigos(self.reasoning_prefix, self.clip, self.clip_mode, self.weights)


class Opsd(Distillation):
    """One teacher who knows the solution, for every token: generalised JSD with `beta`, or another `divergence`."""

    method: ClassVar[str] = "opsd"

    learning_rate: float = Field(2e-5, gt=0)
    knows: Literal["answer", "response"] = "response"
    divergence: Divergence = "jsd"
    beta: float = Field(0.5, gt=0, lt=1)

    def plan(self) -> tuple[Segment, ...]:
        """One segment."""
        from perceptdata.trainer.core.segments import OPSD

        return tuple(replace(segment, divergence=self.divergence, beta=self.beta) for segment in OPSD)


class Sdft(Distillation):
    """One teacher who has seen the row's response, for every token. Sources disagree on the direction of the KL."""

    method: ClassVar[str] = "sdft"
    reads_responses: ClassVar[bool] = True

    divergence: Divergence = "forward_kl"
    beta: float = Field(0.5, gt=0, lt=1)

    def plan(self) -> tuple[Segment, ...]:
        """One segment."""
        from perceptdata.trainer.core.segments import SDFT

        return tuple(replace(segment, divergence=self.divergence, beta=self.beta) for segment in SDFT)


def _segment(options: SegmentOptions) -> Segment:
    from perceptdata.trainer.core.segments import Segment

    named = options.model_dump(exclude={"segment", "clip_mode"})
    parts = [options.segment, options.teacher, *([] if options.rollouts == "all" else [options.rollouts])]
    mode = "none" if options.clip is None else options.clip_mode
    return Segment(name="_".join(parts), tokens=options.segment, clip_mode=mode, **named)
