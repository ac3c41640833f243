"""`sft`: supervised fine-tuning with a say in how much perception weighs (arXiv 2605.29496).

perceptdata train sft … -o lambda=standard                 # the ordinary mean over tokens
perceptdata train sft … -o lambda=0.3                      # one λ
perceptdata train sft … -o lambda=ngdiff                   # λ from gradients: both spans pull equally hard
perceptdata train sft … -o perception_first=200            # perception alone, then λ
perceptdata train sft … -o weights.perception=2            # a constant per role, instead of λ
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from perceptdata.trainer.presets import Job, Method

if TYPE_CHECKING:
    from transformers import Trainer, TrainingArguments

    from perceptdata.trainer.core.balance import Schedule


class NGDiffOptions(BaseModel):
    """λ_t = ‖g_r‖ / (‖g_p‖ + ‖g_r‖), measured every `every` steps, smoothed by `ema`, kept in [`low`, `high`].

    `of` says which gradients: of all trained parameters (exact; needs room for two more gradients, and a step more of
    time), of the last block, or of the head's input (cheap; the only one under FSDP and DeepSpeed). `literal` is the
    normalised sum itself, each span's gradient divided by its length; it needs the lengths of every step.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    of: Literal["all", "last_block", "head"] = "all"
    every: int = Field(1, ge=1)
    ema: float = Field(0.0, ge=0, lt=1)
    low: float = Field(0.01, ge=0, le=1)
    high: float = Field(0.99, ge=0, le=1)
    literal: bool = False

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if self.low > self.high:
            raise ValueError("low must not be above high")
        if self.literal and (self.every > 1 or self.of != "all"):
            raise ValueError("literal divides by the lengths of this step: leave every at 1 and of at all")
        return self


class RoleWeights(BaseModel):
    """A constant weight per role, over the sum of all weights in the window."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    perception: float = Field(1.0, ge=0)
    reasoning: float = Field(1.0, ge=0)
    other: float = Field(1.0, ge=0)

    @model_validator(mode="after")
    def _some(self) -> Self:
        if not self.perception + self.reasoning + self.other:
            raise ValueError("one weight must be more than 0")
        return self


class Sft(Method):
    """L = λ·L_p + (1-λ)·L_r, each the mean over its own span.

    `lambda` is standard (λ = N_p/N), a number, or ngdiff. For `perception_first` steps λ is 1. `other` says what the
    rest of the completion counts as. `weights` are constants instead of λ. `dft` multiplies each token's loss by its
    own probability (arXiv 2508.05629).
    """

    method: ClassVar[str] = "sft"
    reads_responses: ClassVar[bool] = True

    learning_rate: float = Field(1e-5, gt=0)
    lambda_: float | Literal["standard", "ngdiff"] = Field("standard", alias="lambda")
    ngdiff: NGDiffOptions = NGDiffOptions()
    perception_first: int = Field(0, ge=0)
    other: Literal["reasoning", "perception", "ignore"] = "reasoning"
    weights: RoleWeights | None = None
    dft: bool = False

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if isinstance(self.lambda_, float | int) and not 0 <= self.lambda_ <= 1:
            raise ValueError(f"lambda is {self.lambda_}; write a number from 0 to 1, standard or ngdiff")
        if self.weights is not None and (self.lambda_ != "standard" or self.perception_first):
            raise ValueError("weights take the place of lambda and perception_first; give one or the other")
        return self

    def arguments(self, common: Mapping[str, Any]) -> TrainingArguments:
        """Batches come ready from our collator, so TRL prepares nothing and cuts nothing."""
        from trl import SFTConfig

        prepared: dict[str, Any] = {"dataset_kwargs": {"skip_prepare_dataset": True}, "max_length": None}
        # The loss is this objective and nothing else, for mixtures of experts too.
        return SFTConfig(**common, **prepared, router_aux_loss_coef=0.0)

    def trainer(self, job: Job) -> Trainer:
        """TRL's SFTTrainer on spans."""
        from perceptdata.alignment.aligner import Aligner
        from perceptdata.trainer.collate import Collator
        from perceptdata.trainer.engine.sft import Objective, SpanSFT
        from perceptdata.trainer.lengths import bound

        own = self.weights
        objective = Objective(
            self._schedule(),
            self.other,
            None if own is None else (own.perception, own.reasoning, own.other),
            self.dft,
            self.ngdiff.of,
            self.ngdiff.literal,
        )
        aligner = Aligner(job.model.reader, policy=self.straddle)
        return SpanSFT(
            objective=objective,
            model=job.model.network,
            args=job.arguments,
            train_dataset=job.rows,
            processing_class=job.model.reader.processor,
            data_collator=Collator(aligner, job.form, bound(self.max_pixels, job.form.max_pixels)),
            callbacks=job.callbacks,
        )

    def _schedule(self) -> Schedule:
        from perceptdata.trainer.core.balance import NGDiff, PerceptionFirst, Standard, Static

        schedule: Schedule
        if self.lambda_ == "ngdiff":
            schedule = NGDiff(self.ngdiff.low, self.ngdiff.high, self.ngdiff.ema, self.ngdiff.every)
        else:
            schedule = Standard(self.other) if self.lambda_ == "standard" else Static(float(self.lambda_))
        return PerceptionFirst(self.perception_first, schedule) if self.perception_first else schedule
