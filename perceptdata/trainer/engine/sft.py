"""Supervised fine-tuning on two spans (arXiv 2605.29496): TRL's SFTTrainer with a weight per token.

The loss is Σ w·nll with the weights of `core.spans`. Their denominators are counts over the whole accumulation window
and all ranks, so a token weighs the same however batches are cut: one batch of 8, 4 times 2, or two ranks with 4 give
one gradient. λ comes from a schedule of `core.balance`, once a window, before its first pass.

Beside the loss, every log has: λ, ‖g_p‖ and ‖g_r‖ where they are measured, L_p and L_r, perception's share of the
tokens and of the loss, and tokens a second.
"""

from __future__ import annotations

import math
import time
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import Tensor
from trl import SFTTrainer

from perceptdata.trainer.core.balance import NGDiff, NGDiffState, PerceptionFirst, Schedule, Standard
from perceptdata.trainer.core.spans import (
    ROLES,
    Other,
    constant_weights,
    dft_weights,
    loss_share,
    pool,
    role_counts,
    role_sums,
    span_means,
    token_share,
    token_weights,
    weighted_sum,
)
from perceptdata.trainer.engine import Engine
from perceptdata.trainer.engine.contract import Hook, check
from perceptdata.trainer.engine.norms import Of, SpanNorms, negative_log_likelihood

HOOKS = (
    Hook("transformers:Trainer._get_num_items_in_batch", ("self", "batch_samples", "device")),
    Hook("transformers:Trainer.get_batch_samples", ("self", "epoch_iterator", "num_batches", "device")),
    Hook("transformers:Trainer._prepare_inputs", ("self", "inputs")),
    Hook("transformers:Trainer.loss_is_scaled_for_ga"),
    Hook("trl:SFTTrainer.compute_loss", ("self", "model", "inputs", "return_outputs", "num_items_in_batch")),
    Hook("trl:SFTTrainer.log", ("self", "logs", "start_time")),
    Hook("trl.trainer.utils:add_fused_lm_head", ("model", "temperature", "cast_lm_head_to_fp32", "outputs")),
    Hook("trl.trainer.utils:FusedCausalLMOutput.log_probs"),
)


@dataclass(frozen=True)
class Objective:
    """How tokens are weighed: by λ and its schedule, or by one constant a role; times their probability with `dft`.

    `norms` says which gradients NGDiff compares; `literal` is its normalised sum, g_p/‖g_p‖ + g_r/‖g_r‖, instead of a
    λ: the same direction, with a length that the learning rate must make up for.
    """

    schedule: Schedule = field(default_factory=Standard)
    other: Other = "reasoning"
    constants: tuple[float, float, float] | None = None
    dft: bool = False
    norms: Of = "all"
    literal: bool = False

    def ngdiff(self, step: int) -> tuple[NGDiff, int] | None:
        """NGDiff where it rules this step, and the step as it counts."""
        schedule: Any = self.schedule
        if isinstance(schedule, PerceptionFirst) and step >= schedule.steps:
            schedule, step = schedule.then, step - schedule.steps
        return (schedule, step) if isinstance(schedule, NGDiff) else None


class SpanSFT(Engine, SFTTrainer):
    """SFTTrainer on batches of `collate.Collator`. Takes an `objective` beside what TRL takes."""

    loss_is_scaled_for_ga = True  # by the counts of the window

    def __init__(self, *, objective: Objective, **kwargs: Any) -> None:
        check(HOOKS)
        super().__init__(**kwargs)
        self.objective = objective
        self.state_of_balance = NGDiffState()
        self.lam: float | Tensor = math.nan
        self._tally = Tally()

    def memory(self) -> dict[str, Any]:
        """What NGDiff remembers."""
        return {"balance": asdict(self.state_of_balance)}

    def remember(self, kept: dict[str, Any]) -> None:
        """Go on with its λ."""
        self.state_of_balance = NGDiffState(**kept["balance"])

    def _get_num_items_in_batch(self, batch_samples: list[dict[str, Tensor]], device: torch.device) -> Tensor:
        """[4]: the tokens of each role in the window, over all ranks; what a weight is divided by."""
        counts = sum((role_counts(batch["roles"][:, 1:]) for batch in batch_samples), torch.zeros(ROLES).long())
        return self.accelerator.reduce(counts.to(device), "sum")

    def get_batch_samples(self, epoch_iterator: Any, num_batches: int, device: torch.device) -> tuple[list[Any], Any]:
        """The window's batches and counts; λ is settled here, before the first of them is learned from."""
        if not self._tally.steps:
            self._tally = Tally()  # the clock runs from here: waiting for a batch counts, saving a checkpoint does not
        batches, counts = super().get_batch_samples(epoch_iterator, num_batches, device)
        step = self.state.global_step
        if batches:
            self._refresh(step, batches, counts)
            self.lam = self.objective.schedule.at(step, counts, self.state_of_balance)
        return batches, counts

    def _refresh(self, step: int, batches: list[dict[str, Tensor]], counts: Tensor) -> None:
        """New norms, where they are due. A window without one of the spans says nothing of how the two compare."""
        ruling = self.objective.ngdiff(step)
        if ruling is None or not ruling[0].due(ruling[1], self.state_of_balance):
            return
        if not bool(pool(counts, self.objective.other).all()):
            return
        self.model.train()
        # Random numbers of its own: a run that goes on from a checkpoint must draw what an unbroken one does.
        devices = [self.args.device] if self.args.device.type == "cuda" else []
        with torch.random.fork_rng(devices), self.compute_loss_context_manager():
            torch.manual_seed(self.args.seed + step)
            prepared = [self._prepare_inputs(batch) for batch in batches]
            norms = SpanNorms(self.objective.norms, self.objective.other)
            found = norms.measure(self.model_wrapped, prepared, counts, self.accelerator)
        self.state_of_balance = ruling[0].refresh(ruling[1], self.state_of_balance, *found)

    def compute_loss(
        self,
        model: Any,
        inputs: dict[str, Tensor],
        return_outputs: bool = False,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Any:
        """This micro-batch's share of the window's loss, times the ranks, over which gradients are averaged."""
        nll = negative_log_likelihood(model, inputs)
        roles = inputs["roles"][:, 1:]
        counts = role_counts(roles) if num_items_in_batch is None else torch.as_tensor(num_items_in_batch)
        weights = self._weights(roles, counts, nll.dtype)
        if self.objective.dft:
            weights = weights * dft_weights(nll)
        if self.model.training:
            self._tally.add(nll, roles, inputs["attention_mask"])
        loss = weighted_sum(nll, weights) * self.accelerator.num_processes
        return (loss, {"loss": loss}) if return_outputs else loss

    def _weights(self, roles: Tensor, counts: Tensor, dtype: torch.dtype) -> Tensor:
        objective, state = self.objective, self.state_of_balance
        if objective.constants is not None:
            return constant_weights(roles, counts, *objective.constants, dtype=dtype)
        if not objective.literal or objective.ngdiff(self.state.global_step) is None or state.refreshed < 0:
            return token_weights(roles, counts, self.lam, objective.other, dtype)
        lengths = (state.norm_perception, state.norm_reasoning)
        spans = [token_weights(roles, counts, lam, objective.other, dtype) for lam in (1.0, 0.0)]
        return sum(
            (span / length for span, length in zip(spans, lengths, strict=True) if length > 0),
            torch.zeros_like(spans[0]),
        )

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """What the steps since the last log saw, over all ranks."""
        if self.model.training and self._tally.steps:
            for name, value in self._seen().items():
                self._metrics["train"][name].append(value)
            self._tally = Tally()
        super().log(logs, start_time)

    def _seen(self) -> dict[str, float]:
        tally, other = self._tally, self.objective.other
        sums, counts = (self.accelerator.reduce(each, "sum") for each in (tally.nll, tally.counts))
        perception, reasoning = span_means(sums, counts, other).tolist()
        seen = {
            "loss_perception": perception,
            "loss_reasoning": reasoning,
            "token_share": float(token_share(counts, other)),
            "tokens_per_second": float(self.accelerator.reduce(tally.tokens, "sum")) / tally.seconds,
        }
        if self.objective.constants is None:
            seen |= {"lambda": float(self.lam), "loss_share": float(loss_share(sums, counts, self.lam, other))}
        state = self.state_of_balance
        if state.refreshed >= 0:
            seen |= {"norm_perception": state.norm_perception, "norm_reasoning": state.norm_reasoning}
        return {name: value for name, value in seen.items() if math.isfinite(value)}


class Tally:
    """What one rank has seen since the last log: summed losses and counts by role, tokens with their prompts."""

    def __init__(self) -> None:
        self.steps = 0
        self.nll = self.counts = self.tokens = torch.zeros(())
        self._begun = time.perf_counter()

    @property
    def seconds(self) -> float:
        """Since this was made."""
        return time.perf_counter() - self._begun

    def add(self, nll: Tensor, roles: Tensor, attention: Tensor) -> None:
        """One micro-batch. Nothing is waited for on a GPU."""
        self.steps += 1
        self.nll = self.nll + role_sums(nll.double(), roles)
        self.counts = self.counts + role_counts(roles)
        self.tokens = self.tokens + attention.sum()
