"""Taggers that ask a model. Such a tagger writes questions and reads answers; it never sends anything itself.

    for ask in tagger.asks(texts, answers): …       # what it wants to know, given what is known already
    tagger.told(texts, answers)                     # what it makes of the answers

The engine asks (`rounds.ask_models`), keeps every answer, and counts. `margin_below` makes it the expensive end of a
chain: it is shown only the clauses of which the taggers before it were less sure than that, and where it has no answer
their label stays.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from pydantic import Field

from perceptdata.errors import Rejected, UsageError
from perceptdata.llm.asking import Answers, Ask
from perceptdata.llm.endpoint import Endpoint
from perceptdata.plugins import Tagger, TextItem
from perceptdata.spans import SpanSet


class Told(NamedTuple):
    """What the answers say of one text; `problem` is why some or all of it could not be used."""

    spans: SpanSet
    problem: Rejected | None = None


class AskingTagger(Tagger):
    """`endpoint` is asked, about clauses that are open or whose margin is below `margin_below`, `max_calls` times at
    most a step: the least sure texts first.
    """

    endpoint: Endpoint
    margin_below: float | None = Field(default=None, gt=0, le=1)
    max_calls: int | None = Field(default=None, ge=1)

    def options(self) -> dict[str, Any]:
        """The options, with of the endpoint only what answers depend on."""
        return {**super().options(), "endpoint": self.endpoint.identity()}

    @abstractmethod
    def asks(self, texts: Sequence[TextItem], answers: Answers) -> Iterator[Ask]:
        """Every question about the open clauses (label -1) of these texts, follow-ups that answers call for included.

        The same texts and answers give the same questions.
        """

    @abstractmethod
    def told(self, texts: Sequence[TextItem], answers: Answers) -> list[Told]:
        """What the answers say of the open clauses, one a text, in order. A question without an answer says nothing."""

    def tag(self, texts: Sequence[TextItem]) -> list[SpanSet]:
        """Not alone: answers have to be asked for first."""
        raise UsageError(f"tagger '{self.name}' asks a model: run it in a tag step, or with `ask_models`")
