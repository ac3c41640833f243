"""Segment-routed distillation on the student's own rollouts: TRL's DistillationTrainer with several teachers.

    SegmentDistillation(setup=Setup(plan=vigos(), form=form, opened="<description>"), reader=reader, model=…, …)

After each rollout batch: where are the parts of each completion (`anatomy`), which segment of the plan serves which
token (`core.segments`), what does its teacher make of it (`teachers`, `lectures`). Of the teachers, hidden states are
kept, and only of the tokens they serve; logits exist a tile at a time (`perceptdata.kernels`).

The teachers are the student before training: its weights without the adapters, or a frozen copy, or a copy that follows
slowly. Each segment's term is a mean over the tokens it serves, counted over the whole accumulation window and all
ranks. ViGOS is arXiv 2606.19120, Eq. 18 to 21.
"""

from __future__ import annotations

import time
import warnings
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from trl import DistillationTrainer
from trl.trainer.utils import maybe_gather_lm_head_ctx

from perceptdata.alignment.roles import Policy
from perceptdata.answers import Ladder
from perceptdata.errors import PerceptDataError, UsageError
from perceptdata.formats import Format
from perceptdata.kernels import token_stats
from perceptdata.rewards import Rollout, Scored, outcome
from perceptdata.trainer.core.leakage import WRONG_ANSWERS
from perceptdata.trainer.core.segments import (
    Rollouts,
    Segment,
    active,
    assign,
    combine,
    invalid_rate,
    reads,
    term_values,
)
from perceptdata.trainer.engine import Engine
from perceptdata.trainer.engine.anatomy import Anatomy, Reading
from perceptdata.trainer.engine.contract import Hook, check
from perceptdata.trainer.engine.following import Following
from perceptdata.trainer.engine.heads import Head, divergence
from perceptdata.trainer.engine.leaking import Leaking
from perceptdata.trainer.engine.lectures import HOOKS as LECTURE_HOOKS
from perceptdata.trainer.engine.lectures import Lecture, Lectures, media
from perceptdata.trainer.engine.teachers import Knows, asked, check_rows
from perceptdata.trainer.rows import example_of
from perceptdata.trainer.samples import Rolled
from perceptdata.vlm.loading import LocalModel
from perceptdata.vlm.rendering import Request

HOOKS = (
    Hook("trl:DistillationTrainer._tokenize_prompts", ("self", "prompts")),
    Hook("trl:DistillationTrainer._generate_and_score_completions", ("self", "inputs")),
    Hook("trl:DistillationTrainer.compute_loss", ("self", "model", "inputs", "return_outputs", "num_items_in_batch")),
    Hook("trl:DistillationTrainer._compute_loss", ("self", "unwrapped_student", "inputs", "num_items_in_batch")),
    Hook("trl:DistillationTrainer.loss_is_scaled_for_ga"),
    Hook("trl:DistillationTrainer.log", ("self", "logs", "start_time")),
    Hook("trl:DistillationTrainer._send_telemetry", ("self",)),
    Hook("trl.trainer.utils:maybe_gather_lm_head_ctx", ("params",)),
    *LECTURE_HOOKS,
)
WATCHED, WORRYING = 256, 0.2
"""Invalid rollouts are counted over so many; above this share a warning is given."""


@dataclass(frozen=True)
class Setup:
    """What is distilled: the plan, and how completions are read. `opened` is what the student's turn already holds.

    With `palr_every`, so often the leakage rate is measured (`leaking`), against `palr_wrong` wrong answers.
    """

    plan: tuple[Segment, ...]
    form: Format
    opened: str
    knows: Knows = "answer"
    reading: Reading = "paper"
    policy: Policy = "contract"
    palr_every: int = 0
    palr_wrong: int = WRONG_ANSWERS


class SegmentDistillation(Engine, DistillationTrainer):
    """DistillationTrainer on rows of `prompts.as_prompts`.

    `teacher_model` is the model before training, left out where adapters are trained. With `follows`, a decay, it
    follows the student step by step.
    """

    def __init__(self, *, setup: Setup, reader: LocalModel, follows: float | None = None, **kwargs: Any) -> None:
        check(HOOKS)
        blocks = set(setup.form.blocks)
        parted = [segment.name for segment in setup.plan if segment.tokens != "completion"]
        if parted and not {"description", "think"} <= blocks:
            raise UsageError(
                f"segment {parted[0]} needs a format with a description and thoughts, and {setup.form.name} has "
                f"{' and '.join(sorted(blocks)) or 'no blocks'}; set format to describe_think_boxed"
            )
        if not setup.plan:
            raise UsageError("a plan needs one segment at least")
        if reader.tokenizer.padding_side != "left":
            raise UsageError(f"{reader.name} pads on the right; prompts are padded on the left to be continued")
        super().__init__(**kwargs)
        if self.teacher_model is None and not hasattr(self.model, "disable_adapter"):
            raise UsageError("a model that is trained whole needs a teacher_model: it keeps no weights of before")
        self.following = None if follows is None else Following(self, follows)
        if self.following is not None:
            self.add_callback(self.following)
        self.setup, self.reader = setup, reader
        silent = (*reader.end_ids, reader.pad_id)
        self.anatomy = Anatomy(reader.tokenizer, setup.form, setup.opened, silent, setup.reading, setup.policy)
        self._lectures = Lectures(self, reader)
        self.ladder = Ladder()
        self._leaking = Leaking(self, setup.palr_every, setup.palr_wrong) if setup.palr_every else None
        self._tally = Tally(len(setup.plan))
        self._recent: deque[tuple[float, int]] = deque(maxlen=WATCHED)
        self._warned = False

    def memory(self) -> dict[str, Any]:
        """Where a teacher that moves is kept."""
        return {} if self.following is None else {"teacher": self.following.kept}

    def remember(self, kept: dict[str, Any]) -> None:
        """Go on with that teacher."""
        if self.following is not None:
            self.following.load(kept["teacher"])

    def train(self, *args: Any, **kwargs: Any) -> Any:
        """As TRL's; the processes that compare answers end with it."""
        check_rows(self.train_dataset.with_format(None), self.setup.plan, self.reader, self.setup.knows)
        try:
            return super().train(*args, **kwargs)
        finally:
            self.ladder.close()

    def _tokenize_prompts(self, prompts: list[Any]) -> Any:
        """As TRL's, but rows without a picture beside others have none of it: processors refuse None."""
        tokens, pictures, fields = super()._tokenize_prompts(prompts)
        return tokens, None if pictures is None else [each or [] for each in pictures], fields

    def _generate_and_score_completions(self, inputs: list[dict[str, Any]]) -> dict[str, Any]:
        """TRL's rollouts; beside them `route` and `counts`, and a list of each row's `taught` hidden states."""
        out: dict[str, Any] = super()._generate_and_score_completions(inputs)
        rows = [each["row"] for each in inputs]
        ids, mask = out["completion_ids"], out["completion_mask"]
        if torch.isin(ids, torch.tensor(self.reader.media_ids, device=ids.device)).any():
            raise PerceptDataError("a rollout holds an image token: sampling does not suppress them as it must")
        rollouts, texts = self.anatomy.of(ids, mask)
        setup = self.setup
        requests = [[asked(segment, row, setup.form, setup.knows) for row in rows] for segment in setup.plan]
        route = assign(setup.plan, rollouts)
        for number, own in enumerate(requests, start=1):
            # A teacher who would only look has no say where there is no image.
            absent = torch.tensor([request is None for request in own], device=route.device)
            route = route.masked_fill(absent[:, None] & (route == number), 0)
        counts = self.accelerator.reduce(active(route, setup.plan), "sum")
        begun, pictures = time.perf_counter(), [_pictures(each) for each in inputs]
        out["taught"] = self.taught(requests, pictures, route, ids, rollouts.completion)
        self._metrics[self._mode]["seconds/teachers"].append(time.perf_counter() - begun)
        if self._leaking is not None and self._leaking.due:
            begun = time.perf_counter()
            out |= self._leaking.ask(rows, pictures, route, ids, rollouts, out["taught"])
            self._metrics["train"]["seconds/palr"].append(time.perf_counter() - begun)
        said = [Rollout(example_of(row), text) for row, text in zip(rows, texts, strict=True)]
        scores = outcome(said, setup.form, self.ladder)
        self._measure(scores, rollouts, counts)
        if self.model.training:
            tokens = [row[row_mask].tolist() for row, row_mask in zip(ids, rollouts.completion, strict=True)]
            self.tell(Rolled(self.state.global_step + 1, said, {"outcome": scores}, tokens))
        # One a row, because TRL shuffles and splits whatever it is given by its rows.
        return {**out, "route": route, "counts": counts.expand(len(rows), -1)}

    def taught(
        self,
        requests: Sequence[Sequence[Request | None]],
        pictures: Sequence[list[Any]],
        route: Tensor,
        ids: Tensor,
        completion: Tensor,
    ) -> list[Tensor]:
        """For each row, the hidden states [tokens served, H] that its teachers predict its served tokens from."""
        lectures, seats = [], []
        for number, segment in enumerate(self.setup.plan, start=1):
            fed, own = reads(segment, number, route, completion), route == number
            for row, request in enumerate(requests[number - 1]):
                if request is not None and own[row].any():
                    lectures.append(Lecture(request, ids[row][fed[row]], own[row][fed[row]], pictures[row]))
                    seats.append((row, number))
        spoken = self._lectures.hold(lectures)
        served = [each[each > 0] for each in route]
        like = spoken[0] if spoken else self._lectures.silence()
        found = [like.new_zeros(len(each), like.shape[1]) for each in served]
        for (row, number), states in zip(seats, spoken, strict=True):
            found[row][served[row] == number] = states
        return found

    def likelihoods(self, states: Sequence[Tensor], route: Tensor, ids: Tensor) -> list[Tensor]:
        """For each row, [tokens served]: the log probabilities of its sampled tokens, from states as `taught` has them.

        All ranks must call it.
        """
        teaching = self.model_wrapped if self.teacher_model is None else self.teacher_model
        head = self.accelerator.unwrap_model(teaching).get_output_embeddings()
        sampled = [row[served > 0] for row, served in zip(ids, route, strict=True)]
        with torch.no_grad(), self.accelerator.autocast(), maybe_gather_lm_head_ctx(head.weight, head.bias):
            own = Head.of(head)
            return [
                -token_stats(each, own.weight, said, bias=own.bias).nll
                for each, said in zip(states, sampled, strict=True)
            ]

    def _compute_loss(
        self, unwrapped_student: Any, inputs: dict[str, Any], num_items_in_batch: Any
    ) -> tuple[Tensor, Tensor, Tensor]:
        """This micro-batch's share of the window's loss, times the ranks; the student's entropy, and over what."""
        # A redirected call is not the forward that accelerate has put autocast around.
        with self.accelerator.autocast():
            return self._loss(unwrapped_student, inputs)

    def _loss(self, unwrapped_student: Any, inputs: dict[str, Any]) -> tuple[Tensor, Tensor, Tensor]:
        """Every segment is asked of every rank, be it for no token: all ranks then have the same graph."""
        keep = inputs["completion_ids"].shape[1]
        hidden = self._get_last_hidden_state(
            unwrapped_student,
            torch.cat([inputs["prompt_ids"], inputs["completion_ids"]], dim=1),
            torch.cat([inputs["prompt_mask"], inputs["completion_mask"]], dim=1),
            keep,
            **media(inputs),
        )
        route, counts, plan = inputs["route"], inputs["counts"][0], self.setup.plan
        served = route > 0
        student, owner, teacher = hidden[served], route[served], torch.cat(inputs["taught"])
        teaching = unwrapped_student if self.teacher_model is None else self._unwrapped_teacher()
        heads = [network.get_output_embeddings() for network in (unwrapped_student, teaching)]
        with maybe_gather_lm_head_ctx(*(head.weight for head in heads), *(head.bias for head in heads)):
            own, other = (Head.of(head) for head in heads)
            apart = student.new_zeros(len(student), dtype=torch.promote_types(student.dtype, torch.float32))
            for number, segment in enumerate(plan, start=1):
                at = owner == number
                apart = apart.index_put((at,), divergence(segment, student[at], own, teacher[at], other).to(apart))
            with torch.no_grad():
                sampled = inputs["completion_ids"][served]
                stats = token_stats(student.detach(), own.weight, sampled, bias=own.bias)
                entropy = stats.entropy.sum()
        terms = term_values(apart, owner, counts, plan)
        if self.model.training:
            self._tally.add(terms)
            if self._leaking is not None:
                self._leaking.add(-stats.nll, inputs)
        return combine(terms, plan) * self.accelerator.num_processes, entropy, served.sum()

    def _unwrapped_teacher(self) -> Any:
        return self.accelerator.unwrap_model(self.teacher_model)

    def _measure(self, scores: Sequence[Scored], rollouts: Rollouts, counts: Tensor) -> None:
        """What there is to say of a rollout batch, over all ranks."""
        values, of = [each.value for each in scores if each.value is not None], len(scores)
        mine = torch.tensor([invalid_rate(rollouts) * of, of, sum(values), len(values)], device=counts.device)
        invalid, rolled, right, judged = self.accelerator.reduce(mine, "sum").tolist()
        seen = {f"tokens/{part.name}": count for part, count in zip(self.setup.plan, counts.tolist(), strict=True)}
        seen["rollouts/unscored"] = 1 - judged / rolled
        if judged:
            seen["rollouts/accuracy"] = right / judged
        if any(segment.rollouts != "all" for segment in self.setup.plan):
            seen["rollouts/invalid"] = invalid / rolled
            self._worry(invalid, int(rolled))
        if self.model.training:
            self._tally.windows += (counts > 0).double().cpu()
        for name, value in seen.items():
            self._metrics[self._mode][name].append(value)

    @property
    def _mode(self) -> str:
        return "train" if self.model.training else "eval"

    def _worry(self, invalid: float, rolled: int) -> None:
        """Warn, once each time that the share of invalid rollouts rises over what is sound."""
        self._recent.append((invalid, rolled))
        while sum(count for _, count in self._recent) - self._recent[0][1] >= WATCHED:
            self._recent.popleft()
        share = sum(bad for bad, _ in self._recent) / sum(count for _, count in self._recent)
        if share > WORRYING and not self._warned:
            warnings.warn(
                f"{share:.0%} of the last rollouts do not keep to the format, so a teacher who knows the answer serves "
                "all their tokens; train the format first (sft), or allow longer rollouts (max_new_tokens)",
                stacklevel=2,
            )
        self._warned = share > WORRYING

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Each term, over all ranks: its mean over the windows since the last log in which it served a token."""
        if self.model.training and self._tally.windows.any():
            terms = self.accelerator.reduce(self._tally.terms.to(self.args.device), "sum").cpu()
            for segment, term, windows in zip(self.setup.plan, terms, self._tally.windows, strict=True):
                if windows:
                    self._metrics["train"][f"loss/{segment.name}"].append(float(term / windows))
            self._tally = Tally(len(self.setup.plan))
        if self.model.training and self._leaking is not None:
            for name, value in self._leaking.rates().items():
                self._metrics["train"][name].append(value)
        super().log(logs, start_time)


class Tally:
    """Since the last log: the sum of each term's shares on this rank, and the windows in which it served a token."""

    def __init__(self, segments: int) -> None:
        self.terms = torch.zeros(segments, dtype=torch.float64)
        self.windows = torch.zeros(segments, dtype=torch.float64)

    def add(self, terms: Tensor) -> None:
        """One micro-batch. Nothing is waited for on a GPU."""
        self.terms = self.terms.to(terms.device) + terms.detach()


def _pictures(given: Mapping[str, Any]) -> list[Any]:
    """The pictures of a prompt, in order."""
    parts = [part for turn in given["prompt"] for part in turn["content"] if isinstance(part, dict)]
    return [part["image"] for part in parts if part["type"] == "image"]
