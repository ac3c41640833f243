"""`structure`: what the form of a trace says of its clauses, before any word is read.

    <description>Two cups on a table.</description>      perception
    <REASONING>…</REASONING> <answer>4</answer>          reasoning
    <think>…</think>                                     left open: a thought holds both

Three sources, all certain (score 1.0), in this order:

* the border of a solver's trace. When the example has `facts` (the canonical perception text) and the text begins with
  them, plain or fenced, that stretch is perception, as one span, and what follows to the end is reasoning, as one span:
  a solver writes down what there is to see first, and from then on only uses it;
* tags. Inside a section whose name says what it holds, its clauses are of that kind (the innermost named section
  counts). Tags and fenced code are `other` themselves. A tag that is never closed opens nothing;
* a last clause that is a `\\boxed{..}` answer is reasoning.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from perceptdata.plugins import Tagger, TextItem
from perceptdata.spans import PRO, Span, SpanSet

PERCEPTION, REASONING, OTHER = (PRO.code(label) for label in PRO.labels)
_TAG = re.compile(r"[<◁](?P<close>/?)(?P<name>[A-Za-z][\w.:-]*)[^<>▷]*[>▷]")
_BOXED = re.compile(r"\\boxed\s*\{")


class Structure(Tagger):
    """Label what tags, fenced code and the known border of a solver's trace decide; the rest stays open."""

    name: ClassVar[str] = "structure"
    version: ClassVar[str] = "1"

    perception: tuple[str, ...] = Field(
        default=(
            "description",
            "describe",
            "caption",
            "perception",
            "perceive",
            "observe",
            "observation",
            "see",
            "look",
        ),
        description="sections that hold perception; case does not matter",
    )
    reasoning: tuple[str, ...] = Field(
        default=("reasoning", "reason", "conclusion", "deduction", "answer"),
        description="sections that hold reasoning",
    )
    other: tuple[str, ...] = Field(
        default=("code", "search", "tool_call", "tool", "problem", "question"),
        description="sections that hold neither",
    )
    facts_border: bool = Field(
        default=True, description="use the example's facts to find the border of a solver's trace"
    )

    def tag(self, texts: Sequence[TextItem]) -> list[SpanSet]:
        """Spans of the open clauses whose kind the text's form decides."""
        kinds = {name.casefold(): PERCEPTION for name in self.perception}
        kinds |= {name.casefold(): REASONING for name in self.reasoning}
        kinds |= {name.casefold(): OTHER for name in self.other}
        return [self._of(item, kinds) for item in texts]

    def _of(self, item: TextItem, kinds: dict[str, int]) -> SpanSet:
        border = self._border(item) if self.facts_border else None
        if border is not None:
            return border
        label = np.full(len(item.start), -1, np.int8)
        if "<" in item.text or "◁" in item.text or "```" in item.text:
            _sections(item, kinds, label)
        if len(label) and label[-1] < 0 and _BOXED.search(item.text, int(item.start[-1]), int(item.end[-1])):
            label[-1] = REASONING
        at = np.flatnonzero((label >= 0) & (item.label < 0))
        return SpanSet(
            PRO,
            item.start[at],
            item.end[at],
            label[at],
            np.ones(len(at), np.float32),
            np.zeros(len(at), np.int8),
            (self.name,),
        )

    def _border(self, item: TextItem) -> SpanSet | None:
        """Perception up to the end of the facts, reasoning behind it; None where the text does not begin with them."""
        facts = item.example.facts.strip() if item.example is not None and item.example.facts else ""
        if not facts or not len(item.start) or (item.label >= 0).any():
            return None
        stated = re.compile(rf"\s*(?P<fence>```\w*\s+)?{re.escape(facts)}(?(fence)\s*```)").match(item.text)
        if stated is None:
            return None
        first = int(np.searchsorted(item.end, stated.end(), side="right"))  # how many clauses end within the facts
        if first == 0 or (first < len(item.start) and item.start[first] < stated.end()):
            return None  # the facts end inside a clause: no border to rely on
        spans = [Span(int(item.start[0]), int(item.end[first - 1]), "perception")]
        if first < len(item.start):
            spans.append(Span(int(item.start[first]), int(item.end[-1]), "reasoning"))
        return SpanSet.of(spans, PRO, self.name)


def _sections(item: TextItem, kinds: dict[str, int], label: NDArray[np.int8]) -> None:
    """Write what tags and fences say into `label`."""
    text = item.text
    starts, ends = item.start.tolist(), item.end.tolist()
    sections: list[tuple[int, int, int]] = []
    opened: list[tuple[str, int]] = []
    for at, (start, end) in enumerate(zip(starts, ends, strict=True)):
        if text.startswith("```", start) and text.endswith("```", start, end):
            label[at] = OTHER
            continue
        tag = _TAG.fullmatch(text, start, end)
        if tag is None:
            if text.startswith("<|", start) and text.endswith("|>", start, end):
                label[at] = OTHER
            continue
        label[at] = OTHER
        name = tag["name"].casefold()
        if not tag["close"]:
            opened.append((name, at))
            continue
        while any(name == other for other, _ in opened):
            other, since = opened.pop()
            if other == name:
                if name in kinds:
                    sections.append((since + 1, at, kinds[name]))
                break
    # Inner sections close first; what they said stands.
    for first, last, kind in sections:
        inside = label[first:last]
        inside[inside < 0] = kind
