"""A few rollouts every so often, with all that was made of them: what the model writes, and what it is worth.

    out/samples.jsonl   step, row, question, answer, response, spans of its parts, rewards by name with their reasons,
                        advantage, and each token's weight with its characters where the method weighs tokens

Offsets count Unicode code points of `response`, as spans do. Which rollouts are kept is a matter of seed and step
alone, so the same run keeps the same ones.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from perceptdata.formats import Format
from perceptdata.rewards import Rollout, Scored
from perceptdata.trainer.lines import StepLines
from perceptdata.vlm.loading import Reader

SAMPLES = "samples.jsonl"
KEPT = 4


@dataclass(frozen=True, slots=True)
class Rolled:
    """This rank's part of a rollout batch, once it is scored; `step` is the first that learns from it.

    One entry a rollout: its text, its reward by each name, its tokens; its advantage and one weight a token where the
    method has them.
    """

    step: int
    rollouts: Sequence[Rollout]
    rewards: Mapping[str, Sequence[Scored]]
    ids: Sequence[Sequence[int]]
    advantages: Sequence[float] | None = None
    weights: Sequence[Sequence[float]] | None = None


Listener = Callable[[Rolled], Mapping[str, float]]
"""What an engine calls with every rollout batch, on every rank. What it returns is logged."""


class Samples:
    """A listener for the rank that writes: some rollouts of the first batch, and of one every `every` steps."""

    def __init__(self, out: Path, form: Format, reader: Reader, every: int, seed: int) -> None:
        self.form, self.reader, self.every, self.seed = form, reader, every, seed
        self.lines = StepLines(out / SAMPLES)
        self._next: int | None = None

    def __call__(self, rolled: Rolled) -> dict[str, float]:
        """Write them down. The first call of a run that goes on drops what an earlier one kept from here on."""
        if self._next is None:
            last = self.lines.begin(rolled.step)
            self._next = rolled.step if last is None else last["step"] + self.every
        if rolled.step >= self._next:
            self.lines.add(*(self._line(rolled, place) for place in self._chosen(rolled)))
            self._next = rolled.step + self.every
        return {}

    def _chosen(self, rolled: Rolled) -> list[int]:
        count = len(rolled.rollouts)
        return sorted(random.Random(f"{self.seed}/{rolled.step}").sample(range(count), min(KEPT, count)))

    def _line(self, rolled: Rolled, place: int) -> dict[str, Any]:
        example, response = rolled.rollouts[place]
        parsed = self.form.parse(response)
        return {
            "step": rolled.step,
            "row": example.id,
            "question": example.question,
            "answer": example.answer.text,
            "response": response,
            "invalid": parsed.reason,
            "spans": [[span.start, span.end, span.label] for span in parsed.segments],
            "rewards": {name: scored[place]._asdict() for name, scored in rolled.rewards.items()},
            "advantage": None if rolled.advantages is None else rolled.advantages[place],
            "tokens": len(rolled.ids[place]),
            "weights": None
            if rolled.weights is None
            else self._weighed(response, rolled.ids[place], rolled.weights[place]),
        }

    def _weighed(self, response: str, ids: Sequence[int], weights: Sequence[float]) -> list[list[float]] | None:
        """[start, end, weight] of each token that has characters. None where the tokens do not spell this response."""
        from perceptdata.trainer.engine.anatomy import Anatomy

        silent = tuple(self.reader.tokenizer.all_special_ids)
        said, places = Anatomy(self.reader.tokenizer, self.form, "", silent).spell(ids)
        opened = len(response) - len(said)
        if opened < 0 or response[opened:] != said:
            return None
        found = zip(places, weights, strict=True)
        return [[start + opened, end + opened, round(weight, 4)] for (start, end), weight in found if start < end]
