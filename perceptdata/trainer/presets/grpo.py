"""`grpo` and what is built on it: rewards for perception, and advantages that follow the image.

perceptdata train grpo …                                   # outcome and format
perceptdata train grpo … -o alpha=0.3                      # R = α·a_p + (1-α)·a (arXiv 2605.29496)
perceptdata train pgpo …                                   # arXiv 2604.01840
perceptdata train vppo …                                   # arXiv 2510.09285
perceptdata train papo …                                   # arXiv 2507.06448
perceptdata train seeing_to_thinking …                     # the recipe of arXiv 2605.20177
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from perceptdata.errors import UsageError
from perceptdata.trainer.presets import Job
from perceptdata.trainer.presets.sampled import Sampled

if TYPE_CHECKING:
    from transformers import Trainer, TrainingArguments

    from perceptdata.trainer.engine.grpo import Mixing, Score, Shaping

Blind = Literal["mask", "drop", "none", "blank", "patches", "noise"]


class ProbeOptions(BaseModel):
    """How each reward stands to what the model perceived, every `every` steps, on rollouts whose scene is known.

    A reward beside outcome and format that surely follows perception less than the outcome does is warned of, or ends
    the run with `stop` (`trainer.probe`).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    every: int = Field(20, ge=1)
    stop: bool = False


class Grpo(Sampled):
    """`group` rollouts a prompt, compared with each other. `batch` counts rollouts a device in one forward pass.

    Rewards: `outcome` (is the answer right) and `format`, with these weights; with `alpha` above 0, perception stands
    beside the outcome, R = α·a_p + (1-α)·a, exact or `dense`. Rows whose scene is not known have no a_p: there the
    outcome counts alone. `surrogates` are what stands in for a_p (`perceptdata list surrogates`), by name with their
    weights, beside the others; `surrogate_options` are theirs, by name. `normalise` compares the mix (`joint`) or each
    reward (`decoupled`).

    DAPO's options are the defaults: `clip_low`, `clip_high`, `loss: dapo` (a mean over tokens), and `band`: of groups
    whose mean outcome does not lie within it nothing is learned. With `refill`, other prompts are sampled in their
    place, so often at most; without, the batch is smaller. `beta` weighs the KL to the starting weights. `updates`
    optimiser steps are made of one rollout batch.
    """

    method: ClassVar[str] = "grpo"

    batch: int = Field(4, ge=1)
    group: int = Field(8, ge=2)
    updates: int = Field(1, ge=1)
    outcome: float = Field(0.9, ge=0)
    format_weight: float = Field(0.1, ge=0, description="what keeping to the format weighs")
    alpha: float = Field(0.0, ge=0, le=1)
    dense: bool = False
    surrogates: dict[str, Annotated[float, Field(gt=0)]] = Field(default_factory=dict)
    surrogate_options: dict[str, dict[str, Any]] = Field(default_factory=dict)
    normalise: Literal["joint", "decoupled"] = "joint"
    scale: bool = Field(True, description="divide by the group's standard deviation")
    clip_low: float = Field(0.2, gt=0)
    clip_high: float = Field(0.28, gt=0)
    loss: Literal["dapo", "grpo", "bnpo", "dr_grpo"] = "dapo"
    band: tuple[float, float] | None = (0.01, 0.99)
    refill: int = Field(0, ge=0)
    beta: float = Field(0.0, ge=0)
    drop_truncated: bool = Field(False, description="nothing is learned from rollouts that met max_new_tokens")
    probe: ProbeOptions | None = ProbeOptions()

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if self.outcome + self.format_weight == 0:
            raise ValueError("one of outcome and format_weight must be more than 0")
        if strangers := sorted(self.surrogate_options.keys() - self.surrogates.keys()):
            raise ValueError(f"surrogate_options are given for '{strangers[0]}', which is not among the surrogates")
        if self.band is not None and not 0 <= self.band[0] < self.band[1] <= 1:
            raise ValueError(f"band is {self.band}; write two shares, the lower first, or null")
        if self.refill and (self.band is None or self.batch * self.accumulate * self.updates % self.group):
            raise ValueError(
                "refill takes the place of groups outside a band: set a band, and let batch x accumulate x updates be "
                "whole groups"
            )
        return self

    def planned_steps(self, rows: int, processes: int) -> int:
        """Optimiser steps, `updates` a rollout batch. Rows beyond the last whole one of an epoch wait for the next."""
        window = self.batch * self.accumulate * self.updates * processes
        each = rows * self.group // window * self.updates
        if not each:
            raise UsageError(f"{rows} rows, {self.group} rollouts each, do not fill a rollout batch of {window}")
        ends = [self.steps, None if self.epochs is None else math.ceil(self.epochs * each)]
        return min(end for end in ends if end is not None)

    def arguments(self, common: Mapping[str, Any]) -> TrainingArguments:
        """TRL's; a rollout batch is `batch` x `accumulate` x `updates` rollouts a device."""
        from trl import GRPOConfig

        own: dict[str, Any] = {
            "num_generations": self.group,
            "steps_per_generation": self.accumulate * self.updates,
            "epsilon": self.clip_low,
            "epsilon_high": self.clip_high,
            "loss_type": self.loss,
            "beta": self.beta,
            "mask_truncated_completions": self.drop_truncated,
        }
        return GRPOConfig(**{**common, **self.sampling(), **own})

    def trainer(self, job: Job) -> Trainer:
        """TRL's GRPOTrainer with our advantages."""
        from accelerate.utils import gather_object

        from perceptdata.trainer.engine.grpo import PerceptionGRPO, Reward
        from perceptdata.trainer.probe import Probe

        opened, given = self.prompted(job)
        rewards = [Reward(name, score, opened) for name, (score, _) in self._scores(job).items()]
        trainer = PerceptionGRPO(mixing=self.mixing(), shaping=self.shaping(), reward_funcs=rewards, **given)
        if self.probe is not None:
            trainer.listeners += (Probe(job.form, self.probe.every, self.probe.stop, gather_object),)
        self.keep_samples(trainer, job)
        return trainer

    def mixing(self) -> Mixing:
        """The weights of the rewards, in their order."""
        from perceptdata.trainer.engine.grpo import Mixing

        weights = tuple(weight for weight in self._weights().values())
        return Mixing(weights, self.normalise, self.scale, outcome=0, band=self.band, refill=self.refill)

    def shaping(self) -> Shaping:
        """What the image does to advantages."""
        from perceptdata.trainer.engine.grpo import Shaping

        return Shaping()

    def _weights(self) -> dict[str, float]:
        weights = {"outcome": self.outcome * (1 - self.alpha), "format": self.format_weight}
        perceived = {"perception": self.outcome * self.alpha} if self.alpha else {}
        return {**weights, **perceived, **self.surrogates}

    def _scores(self, job: Job) -> dict[str, Any]:
        """The rewards by name, each with its weight."""
        from perceptdata.answers import Ladder
        from perceptdata.rewards import layout, make_surrogate, outcome, perception
        from perceptdata.rewards.mixture import guarded

        ladder, form = Ladder(), job.form
        known: dict[str, Score] = {
            "outcome": lambda rollouts: outcome(rollouts, form, ladder),
            "format": lambda rollouts: layout(rollouts, form),
            "perception": lambda rollouts: perception(rollouts, form, self.dense),
        }
        for name in self.surrogates:
            surrogate = make_surrogate(name, self.surrogate_options.get(name), form)
            surrogate.prepare()
            known[name] = partial(guarded, name, surrogate.score)
        return {name: (known[name], weight) for name, weight in self._weights().items()}


class Pgpo(Grpo):
    """Advantages follow each token's visual dependency: gate τ, β, total kept (arXiv 2604.01840; defaults its Table 6).

    `blind` is how the image is hidden. `threshold`, `low_floor` and `conserve` are the authors' development version,
    `max_weight` a cap of ours: the sum-preserving step has no bound where few tokens see.
    """

    method: ClassVar[str] = "pgpo"

    group: int = Field(5, ge=2)
    top_p: float = Field(0.99, gt=0, le=1)
    tau: float = Field(0.4, ge=0, le=1)
    gate_beta: float = Field(2.0, ge=0)
    threshold: Literal["absolute", "quantile"] = "absolute"
    low_floor: float = Field(0.0, ge=0)
    conserve: bool = True
    max_weight: float | None = Field(None, ge=1)
    blind: Blind = "mask"
    estimator: Literal["k3", "full_kl"] = "k3"

    @model_validator(mode="after")
    def _estimates(self) -> Self:
        if self.estimator == "full_kl" and self.blind not in ("mask", "drop"):
            raise ValueError("full_kl compares positions token by token: it goes with blind mask or drop")
        return self

    def shaping(self) -> Shaping:
        """PGPO's gate."""
        from perceptdata.trainer.core.reshape import Gate
        from perceptdata.trainer.engine.grpo import Shaping

        gate = Gate(self.tau, self.gate_beta, self.threshold, self.low_floor, self.conserve, self.max_weight)
        return Shaping("pgpo", gate, self.blind, self.estimator)


class Vppo(Grpo):
    """The share `top` of tokens by visual dependency, responses by their mean, and an entropy penalty `eta`."""

    method: ClassVar[str] = "vppo"

    top: float = Field(0.4, gt=0, le=1)
    low: float = Field(0.9, gt=0, le=1)
    eta: float = Field(0.06, ge=0)
    blind: Blind = "patches"

    def shaping(self) -> Shaping:
        """VPPO's mask, factors and penalty."""
        from perceptdata.trainer.engine.grpo import Shaping

        return Shaping("vppo", blind=self.blind, keep=self.top, low=self.low, eta=self.eta)


class Papo(Grpo):
    """A bonus `gamma` for what the image changes, KL(π(·|I) ‖ π(·|masked I)), and an entropy penalty `eta`."""

    method: ClassVar[str] = "papo"

    gamma: float = Field(0.02, ge=0)
    eta: float = Field(0.0, ge=0)
    blind: Blind = "patches"

    def shaping(self) -> Shaping:
        """PAPO's terms."""
        from perceptdata.trainer.engine.grpo import Shaping

        return Shaping("papo", blind=self.blind, gamma=self.gamma, eta=self.eta)


class SeeingToThinking(Grpo):
    """GRPO as in the stages of arXiv 2605.20177: groups of 5, KL 0.01 in the loss, weight decay, R = .9 a + .1 f."""

    method: ClassVar[str] = "seeing_to_thinking"

    group: int = Field(5, ge=2)
    beta: float = Field(0.01, ge=0)
    clip_high: float = Field(0.3, gt=0)
    weight_decay: float = Field(0.01, ge=0)
    band: tuple[float, float] | None = None
