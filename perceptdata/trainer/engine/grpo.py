"""Reinforcement learning with rewards for perception: TRL's GRPOTrainer with our advantages.

    PerceptionGRPO(mixing=Mixing((0.3, 0.7)), shaping=Pgpo(), reader=…, rewards=[…], …)

TRL samples, scores and learns; what is ours stands between. Rewards are mixed and compared within their group by
`core.rewards`, where a missing score is missing (TRL would add 0). Advantages may then be spread over the tokens of a
response by what each owes to the image (`core.reshape`): TRL's loss takes them as [B, T]. `_compute_loss` itself is
TRL's own; PAPO and VPPO add their terms to what it returns.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor
from trl import GRPOTrainer

from perceptdata.errors import PerceptDataError, UsageError
from perceptdata.rewards import Rollout, Scored
from perceptdata.trainer.core.dependency import response_mean
from perceptdata.trainer.core.regularisers import entropy_penalty, perception_bonus
from perceptdata.trainer.core.reshape import Gate, diagnostics, per_token, pgpo, top_tokens, trajectory_factors
from perceptdata.trainer.core.rewards import Normalisation, advantages, teaches
from perceptdata.trainer.engine import Engine, refill
from perceptdata.trainer.engine import sight as sight_module
from perceptdata.trainer.engine.contract import Hook, check
from perceptdata.trainer.engine.refill import joined, rows_of
from perceptdata.trainer.engine.sight import Estimator, Sight, of_rows
from perceptdata.trainer.rows import example_of
from perceptdata.trainer.samples import Rolled
from perceptdata.vlm.blinding import Blinding
from perceptdata.vlm.loading import LocalModel

HOOKS = (
    Hook("trl:GRPOTrainer._generate_and_score_completions", ("self", "inputs")),
    Hook("trl:GRPOTrainer._calculate_rewards", ("self", "inputs", "prompts", "completions", "completion_ids_list")),
    Hook("trl:GRPOTrainer._compute_loss", ("self", "model", "inputs")),
    Hook("trl:GRPOTrainer._generate", ("self", "prompts")),
    Hook("trl:GRPOTrainer._tokenize_prompts", ("self", "prompts")),
    Hook(
        "trl:GRPOTrainer._get_per_token_logps_and_entropies",
        ("self", "model", "input_ids", "attention_mask", "logits_to_keep", "batch_size", "compute_entropy"),
    ),
    Hook("trl:GRPOTrainer._send_telemetry", ("self",)),
    *refill.HOOKS,
    *sight_module.HOOKS,
)
PER_ROW = (*sight_module.TOKEN_KEYS, *sight_module.COUNTS)
ABOUT_IMAGES = (*sight_module.IMAGE_KEYS, *PER_ROW)
Score = Callable[[Sequence[Rollout]], list[Scored]]


class Reward:
    """A reward as TRL calls it: `score` is given rollouts, whose response begins with what opened the answer.

    None stays None. How many were not scored is logged as `unscored/<name>`. `rollouts` and `found` are those of the
    last call, reasons and all.
    """

    def __init__(self, name: str, score: Score, opened: str) -> None:
        self.__name__ = name
        self.score, self.opened = score, opened
        self.rollouts: list[Rollout] = []
        self.found: list[Scored] = []

    def __call__(self, *, completions: list[Any], row: list[dict[str, Any]], **known: Any) -> list[float | None]:
        """One a completion."""
        examples = {each["id"]: example_of(each) for each in row}
        self.rollouts = [
            Rollout(examples[each["id"]], self.opened + _text(said))
            for each, said in zip(row, completions, strict=True)
        ]
        self.found = found = self.score(self.rollouts)
        log = known.get("log_metric")
        if log is not None:
            log(f"unscored/{self.__name__}", sum(each.value is None for each in found) / len(found))
        return [each.value for each in found]


def _text(completion: Any) -> str:
    content = completion if isinstance(completion, str) else completion[-1]["content"]
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)


@dataclass(frozen=True)
class Mixing:
    """How rewards become advantages: a weight each, in the order of the rewards; joint or decoupled.

    With `band`, only groups whose mean of reward number `outcome` lies strictly within it are learned from; `refill`
    times at most, others are sampled in place of the rest.
    """

    weights: tuple[float, ...]
    how: Normalisation = "joint"
    scale: bool = True
    outcome: int = 0
    band: tuple[float, float] | None = None
    refill: int = 0


@dataclass(frozen=True)
class Shaping:
    """What the image does to advantages: nothing, PGPO's gate, VPPO's mask and factors, or PAPO's bonus.

    `gamma` is PAPO's weight, `eta` and `eta_blind` those of the entropy penalties, `keep` and `low` VPPO's.
    """

    method: Literal["none", "pgpo", "vppo", "papo"] = "none"
    gate: Gate = field(default_factory=Gate)
    blind: Blinding = "mask"
    estimator: Estimator = "k3"
    keep: float = 0.4
    low: float = 0.9
    gamma: float = 0.02
    eta: float = 0.0


class PerceptionGRPO(Engine, GRPOTrainer):
    """GRPOTrainer on prompts of `engine.prompts`. Takes `mixing`, `shaping` and the `reader` beside what TRL takes."""

    def __init__(self, *, mixing: Mixing, shaping: Shaping, reader: LocalModel, **given: Any) -> None:
        check(HOOKS)
        super().__init__(**given)
        self.mixing, self.shaping, self.reader = mixing, shaping, reader
        self._parts: Tensor | None = None
        self._current: Tensor | None = None
        self._weights: Tensor | None = None
        self._said: list[list[int]] = []
        self.sight = None
        if shaping.method != "none":
            self.sight = Sight(self, reader, shaping.blind, shaping.estimator)
        _check_sampling(self, reader)

    def score(self, ids: Tensor, mask: Tensor, keep: int, given: dict[str, Any]) -> Any:
        """Log-probabilities [B, K] of completions under the policy as it is, chunked as TRL does it."""
        size = self.args.per_device_train_batch_size
        return super()._get_per_token_logps_and_entropies(self.model, ids, mask, keep, batch_size=size, **given)

    def _get_per_token_logps_and_entropies(
        self, model: Any, input_ids: Tensor, attention_mask: Tensor, logits_to_keep: int, **given: Any
    ) -> Any:
        """As TRL's; the log-probabilities that are learned from are kept for the terms that we add.

        TRL gives rows without an image, when they are alone in a forward pass, an empty stack of pixels, which no tower
        takes. So where it cuts a mixed batch up, those rows are scored apart.
        """
        counts = given.get("num_images") or []
        if not any(counts):
            given = {name: value for name, value in given.items() if name not in ABOUT_IMAGES}
        elif not all(counts) and (given.get("batch_size") or len(counts)) < len(counts):
            return self._apart(model, input_ids, attention_mask, logits_to_keep, given)
        found = super()._get_per_token_logps_and_entropies(model, input_ids, attention_mask, logits_to_keep, **given)
        if torch.is_grad_enabled():
            self._current = found[0]
        return found

    def _apart(self, model: Any, ids: Tensor, mask: Tensor, keep: int, given: dict[str, Any]) -> tuple[Any, ...]:
        """Rows with images, then the others; what came of both, in the order of the rows."""
        has = torch.tensor([count > 0 for count in given["num_images"]], device=ids.device)
        found = []
        for rows in (has.nonzero().flatten(), (~has).nonzero().flatten()):
            own = {name: of_rows(rows, given[name]) for name in PER_ROW if given.get(name) is not None}
            part = {**given, **own}
            found.append(self._get_per_token_logps_and_entropies(model, ids[rows], mask[rows], keep, **part))
        order = torch.cat([has.nonzero().flatten(), (~has).nonzero().flatten()]).argsort()
        logps, entropies, losses = zip(*found, strict=True)
        return (
            torch.cat(logps)[order],
            None if entropies[0] is None else torch.cat(entropies)[order],
            None if losses[0] is None else torch.stack(losses).mean(),
        )

    def _tokenize_prompts(self, prompts: list[Any]) -> Any:
        """As TRL's, but rows without a picture beside others have none of it: processors refuse None."""
        tokens, pictures, fields = super()._tokenize_prompts(prompts)
        return tokens, None if pictures is None else [each or [] for each in pictures], fields

    def _generate(self, prompts: list[Any]) -> Any:
        """As TRL's. Raises PerceptDataError where an image token was sampled after all: no pass could take it."""
        found = super()._generate(prompts)
        media = set(self.reader.media_ids)
        if any(media.intersection(ids) for ids in found[1]):
            raise PerceptDataError(
                f"{self.reader.name} sampled an image token, which is barred: whatever samples (vLLM?) does not heed "
                f"{self.args.generation_kwargs}"
            )
        return found

    def _calculate_rewards(self, inputs: Any, prompts: Any, completions: Any, completion_ids_list: Any) -> Tensor:
        """TRL's, gathered over ranks: [B, K], NaN where a reward was not scored."""
        self._parts = super()._calculate_rewards(inputs, prompts, completions, completion_ids_list)
        self._said, self._weights = completion_ids_list, None
        return self._parts

    def _generate_and_score_completions(self, inputs: list[dict[str, Any]]) -> dict[str, Any]:
        """TRL's rollouts with our advantages: [B], or [B, T] where the image spreads them over tokens.

        With a band, groups outside it have no tokens; with `refill`, others are sampled in their place, as DAPO does.
        """
        if not self.model.training:
            return super()._generate_and_score_completions(inputs)
        out, taught = self._roll(inputs)
        if self.mixing.band is None:
            return out
        if self.mixing.refill and not self._enough(taught, len(inputs)):
            out = self._refilled(out, taught, len(inputs))
        out["num_items_in_batch"] = self.accelerator.gather(out["completion_mask"].sum()).sum()
        return out

    def _roll(self, inputs: list[dict[str, Any]]) -> tuple[dict[str, Any], Tensor]:
        """One batch of rollouts, and which of this rank's rows are learned from (B, bool)."""
        out: dict[str, Any] = super()._generate_and_score_completions(inputs)
        assert self._parts is not None  # by the call above
        count, mixing = len(inputs), self.mixing
        local = slice(self.accelerator.process_index * count, (self.accelerator.process_index + 1) * count)
        found = advantages(self._parts, mixing.weights, self.num_generations, mixing.how, mixing.scale)
        values = found.values[local].to(out["advantages"])
        metrics = self._metrics["train"]
        metrics["groups/flat"].append(found.flat.float().mean().item())
        metrics["rewards/missing"].append(found.missing.float().mean().item())
        taught = torch.ones(len(self._parts), dtype=torch.bool, device=values.device)
        if mixing.band is not None:
            taught = teaches(self._parts[:, mixing.outcome], self.num_generations, *mixing.band)
            metrics["groups/taught"].append(taught.float().mean().item())
        taught = taught[local]
        out["completion_mask"] = out["completion_mask"] * taught[:, None].to(out["completion_mask"])
        out["advantages"] = values if self.sight is None else self._shaped(out, values, inputs)
        if self.listeners:
            self.tell(self._rolled(values))
        return out, taught

    def _enough(self, taught: Tensor, wanted: int) -> bool:
        """Whether every rank has as many rows to learn from as it wants."""
        return bool((self.accelerator.gather(taught.sum()) >= wanted).all())

    def _refilled(self, out: dict[str, Any], taught: Tensor, wanted: int) -> dict[str, Any]:
        """Other prompts, sampled until every rank has its rows; what is still missing then are rows without tokens."""
        parts = [rows_of(out, taught.nonzero().flatten())]
        idle = rows_of(out, (~taught).nonzero().flatten())
        have, rounds = taught, 0
        while rounds < self.mixing.refill and not self._enough(have, wanted):
            rounds += 1
            more, fresh = self._roll(self._others(wanted // self.num_generations, rounds))
            parts.append(rows_of(more, fresh.nonzero().flatten()))
            have = torch.cat([have, fresh])
        self._metrics["train"]["groups/refills"].append(float(rounds))
        return joined([*parts, idle], wanted, self._tokenizer.pad_token_id)

    def _others(self, groups: int, number: int) -> list[dict[str, Any]]:
        """Prompts that a seeded draw chooses, each as often as a group is large; the same on every run of this step."""
        rank, step = self.accelerator.process_index, self.state.global_step
        draw = random.Random(f"{self.args.seed}/{step}/{self._step}/{number}/{rank}")
        places = draw.choices(range(len(self.train_dataset)), k=groups)
        return [row for place in places for row in [self.train_dataset[place]] * self.num_generations]

    def _rolled(self, values: Tensor) -> Rolled:
        """What listeners are told of this batch."""
        scored = {reward.__name__: reward.found for reward in self.reward_funcs}
        rows = None if self._weights is None else self._weights.tolist()
        weights = None if rows is None else [row[: len(ids)] for row, ids in zip(rows, self._said, strict=True)]
        rollouts = self.reward_funcs[0].rollouts
        return Rolled(self.state.global_step + 1, rollouts, scored, self._said, values.tolist(), weights)

    def _shaped(self, out: dict[str, Any], values: Tensor, inputs: list[dict[str, Any]]) -> Tensor:
        assert self.sight is not None  # the caller's condition
        shaping, mask = self.shaping, out["completion_mask"].bool()
        metrics = self._metrics["train"]
        if not any(each["row"]["images"] for each in inputs):
            out["blind_logps"] = torch.zeros_like(mask, dtype=torch.float32)
            out["seen_rows"] = torch.zeros(len(values), dtype=torch.bool, device=values.device)
            return per_token(values, mask.to(values))
        looked = self.sight.look(out, [each["prompt"] for each in inputs])
        out["blind_logps"], out["seen_rows"] = looked.blind, looked.visual
        metrics["sight/seconds"].append(looked.seconds)
        metrics["sight/score"].append(looked.score[mask & looked.visual[:, None]].mean().item())
        if shaping.method == "pgpo":
            shaped = pgpo(looked.score, mask, shaping.gate, looked.visual)
            for name, value in diagnostics(shaped, looked.score, mask).items():
                metrics[f"pgpo/{name}"].append(value)
            self._weights = shaped.weights
            return per_token(values, shaped.weights.to(values))
        if shaping.method == "vppo":
            means = self.accelerator.gather(response_mean(looked.score, mask))
            visual = self.accelerator.gather(looked.visual)
            factors = trajectory_factors(means, shaping.low, visual)
            own = self.accelerator.process_index * len(values)
            top = top_tokens(looked.score, mask, shaping.keep, looked.visual)
            self._weights = factors[own : own + len(values), None] * top
            return per_token(values, self._weights.to(values))
        return per_token(values, mask.to(values))

    def _compute_loss(self, model: Any, inputs: dict[str, Any]) -> Tensor:
        """TRL's loss, and the terms of PAPO and VPPO on the log-probabilities that it was made of."""
        loss: Tensor = super()._compute_loss(model, inputs)
        shaping = self.shaping
        bonus, penalty = shaping.gamma if shaping.method == "papo" else 0.0, shaping.eta
        if not (bonus or penalty) or self._current is None or not torch.is_grad_enabled():
            return loss
        mask = inputs["completion_mask"].bool()
        # As TRL counts for its own token mean: the generation batch's tokens, cut to this accumulation window.
        count = inputs["num_items_in_batch"].clamp(min=1.0) / self.accelerator.num_processes
        count = count * self.current_gradient_accumulation_steps / self.args.steps_per_generation
        if bonus:
            seen = mask & inputs["seen_rows"][:, None]
            term = perception_bonus(self._current, inputs["blind_logps"], seen.to(loss), count, bonus)
            self._metrics["train"]["papo/bonus"].append(term.item())
            loss = loss + term
        if penalty:
            loss = loss + entropy_penalty(self._current, mask.to(loss), count, penalty)
        return loss


def _check_sampling(trainer: GRPOTrainer, reader: LocalModel) -> None:
    """Raises UsageError where prompts would be padded on the wrong side, or an image token could be sampled."""
    if trainer._tokenizer.padding_side != "left":
        raise UsageError(
            f"the tokenizer of {reader.name} pads on the {trainer._tokenizer.padding_side}; it must be left"
        )
    if trainer.args.use_vllm or not reader.media_ids:
        return
    barred = set(trainer.generation_config.suppress_tokens or ())
    if not barred.issuperset(reader.media_ids):
        missing = sorted(set(reader.media_ids) - barred)
        raise UsageError(
            f"image tokens of {reader.name} could be sampled into an answer: add {missing} to suppress_tokens"
        )
    if not math.isfinite(trainer.temperature) or trainer.temperature <= 0:
        raise UsageError(f"rollouts are sampled: the temperature must be more than 0, not {trainer.temperature}")
