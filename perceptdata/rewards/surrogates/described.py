"""Surrogates that read a response's description: taken out here, so that each is left with comparing.

    class Mine(Describing):
        def compare(self, batch):                        # rollouts that have a description
            return [Scored(worth(each.text)) for each in batch]

Three cases are settled before `compare` sees a rollout. What the example itself makes impossible does not apply
(`lacks`); a response without a description perceives nothing and scores 0; nor does one whose description is longer
than `longest`: padding is no perception, and what is asked about it would cost.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from functools import cached_property
from typing import Any, NamedTuple

from pydantic import Field

from perceptdata import registry
from perceptdata.errors import UsageError
from perceptdata.example import Example
from perceptdata.formats import Format
from perceptdata.llm.reply import writable
from perceptdata.plugins import Rollout, Scored, Surrogate
from perceptdata.rewards.scene import stated


class Described(NamedTuple):
    """A rollout, and its description."""

    rollout: Rollout
    text: str


class Describing(Surrogate):
    """`format` is how responses are written; descriptions of more than `longest` characters score 0."""

    format: dict[str, Any] = Field(default_factory=lambda: {"use": "describe_think_boxed"})
    longest: int = Field(8000, ge=1)

    @cached_property
    def form(self) -> Format:
        """The response format. Raises UsageError for one that is declared wrongly."""
        if "use" not in self.format:
            raise UsageError(f"surrogate '{self.name}': format names one with 'use', such as {{use: think_boxed}}")
        options = {name: value for name, value in self.format.items() if name != "use"}
        made: Format = registry.make("formats", str(self.format["use"]), options)
        return made

    def lacks(self, example: Example) -> str | None:
        """Why no answer to this example can be scored, if so."""
        return None

    @abstractmethod
    def compare(self, batch: Sequence[Described]) -> list[Scored]:
        """One a description, in order."""

    def score(self, batch: Sequence[Rollout]) -> list[Scored]:
        """See `Surrogate.score`."""
        read = [self._read(rollout) for rollout in batch]
        compared = iter(self.compare([each for each in read if isinstance(each, Described)]))
        return [next(compared) if isinstance(each, Described) else each for each in read]

    def _read(self, rollout: Rollout) -> Described | Scored:
        lacking = self.lacks(rollout.example)
        if lacking is not None:
            return Scored(None, lacking, applies=False)
        text = stated(rollout.example, rollout.response, self.form)
        if text is None or not any(map(str.isalnum, text)):
            return Scored(0.0, "no_description")
        return Described(rollout, writable(text)) if len(text) <= self.longest else Scored(0.0, "too_long")
