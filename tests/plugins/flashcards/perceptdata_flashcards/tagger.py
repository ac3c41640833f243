"""Equations: a clause that works something out is reasoning."""

from collections.abc import Sequence
from typing import ClassVar

from perceptdata.plugins import Tagger, TextItem
from perceptdata.spans import Span, SpanSet


class Equations(Tagger):
    """Labels the clauses that hold one of `signs` and that no earlier tagger of the chain has labelled."""

    name: ClassVar[str] = "equations"
    version: ClassVar[str] = "1"

    signs: tuple[str, ...] = ("=", "≈", "⇒")
    score: float = 0.8

    def tag(self, texts: Sequence[TextItem]) -> list[SpanSet]:
        """One span set a text, in order."""
        return [SpanSet.of(self._spans(item), self.scheme, self.name) for item in texts]

    def _spans(self, item: TextItem) -> list[Span]:
        clauses = zip(item.start.tolist(), item.end.tolist(), item.label.tolist(), strict=True)
        return [
            Span(start, end, "reasoning", self.score)
            for start, end, label in clauses
            if label < 0 and any(sign in item.text[start:end] for sign in self.signs)
        ]
