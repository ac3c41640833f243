"""A batch of texts through a chain of taggers.

The texts are cut into clauses once. Each tagger sees what the ones before it have labelled and labels what is still
open, so every clause has at most one label, and its span names the tagger that gave it. A tagger that asks a model may
name a margin: clauses whose label so far is less sure than that are open to it again, and what it says replaces theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from perceptdata.errors import PluginError, Rejected, UsageError
from perceptdata.example import Example
from perceptdata.llm.asking import Answers
from perceptdata.plugins import Tagger, TextItem
from perceptdata.segmentation import Clauses, segment
from perceptdata.spans import PRO, SpanSet
from perceptdata.tagging.asking import AskingTagger
from perceptdata.tagging.columns import Flat

OnProblem = Callable[[str, str, Rejected], None]
"""Told of a text that a tagger could not label for a reason: tagger, text address, the reason."""


def tag_batch(
    items: Sequence[tuple[str, str, Example | None]],
    taggers: Sequence[Tagger],
    meta: Sequence[dict[str, Any]] | None = None,
    answers: Mapping[str, Answers] | None = None,
    on_problem: OnProblem | None = None,
) -> list[SpanSet]:
    """One span set a text, in order: what the chain says of it. `meta` is what else is known of each text.

    `answers` holds what models said, by the name of the tagger that asked; without them such a tagger says nothing.
    Raises UsageError when the taggers' schemes differ, PluginError when a tagger returns another number of sets than it
    was given texts, cuts through a clause, or labels one that is labelled already.
    """
    return Chain.of(items, taggers, meta).run(answers or {}, on_problem)


class Chain:
    """A batch on its way through the chain. `texts` are what the next tagger is given."""

    def __init__(self, taggers: Sequence[Tagger], found: Clauses, texts: list[TextItem]) -> None:
        self.taggers = taggers
        self.found = found
        self.texts = texts
        self.label = np.full(len(found.start), -1, np.int8)
        self.score = np.zeros(len(found.start), np.float32)
        self.told: list[Flat] = []
        self._show(self.label)

    @classmethod
    def of(
        cls,
        items: Sequence[tuple[str, str, Example | None]],
        taggers: Sequence[Tagger],
        meta: Sequence[dict[str, Any]] | None = None,
    ) -> Chain:
        """The batch, cut into clauses, before the first tagger."""
        schemes = {tagger.scheme for tagger in taggers}
        if len(schemes) > 1:
            named = ", ".join(f"{tagger.name} ({tagger.scheme.id})" for tagger in taggers)
            raise UsageError(f"taggers of one chain share a label scheme, not {named}")
        found = segment([text for _, text, _ in items])
        nothing = (np.empty(0, np.int8), np.empty(0, np.float32))
        texts = []
        for at, (text_id, text, example) in enumerate(items):
            part = slice(int(found.offsets[at]), int(found.offsets[at + 1]))
            known = meta[at] if meta else {}
            texts.append(TextItem(text_id, text, example, found.start[part], found.end[part], *nothing, known))
        return cls(taggers, found, texts)

    def run(self, answers: Mapping[str, Answers], on_problem: OnProblem | None = None) -> list[SpanSet]:
        """Every tagger in turn."""
        for number in range(len(self.taggers)):
            self.step(number, answers, on_problem)
        return self.sets()

    def before(self, number: int) -> list[TextItem]:
        """What tagger `number` is given, the ones before it having run. Those it may label are open (-1)."""
        tagger = self.taggers[number]
        if isinstance(tagger, AskingTagger) and tagger.margin_below is not None:
            unsure = (self.label >= 0) & (self.score < tagger.margin_below)
            self._show(np.where(unsure, np.int8(-1), self.label))
        else:
            self._show(self.label)
        return self.texts

    def step(self, number: int, answers: Mapping[str, Answers], on_problem: OnProblem | None = None) -> None:
        """Let tagger `number` say its part."""
        tagger = self.taggers[number]
        texts = self.before(number)
        if isinstance(tagger, AskingTagger):
            told = tagger.told(texts, answers[tagger.name]) if tagger.name in answers else []
            sets = [each.spans for each in told] or [SpanSet(tagger.scheme) for _ in texts]
            for item, each in zip(texts, told, strict=False):
                if each.problem is not None and on_problem is not None:
                    on_problem(tagger.name, item.text_id, each.problem)
        else:
            sets = tagger.tag(texts)
        if len(sets) != len(texts):
            raise PluginError(f"tagger '{tagger.name}' returned {len(sets)} span sets for {len(texts)} texts")
        spans = replace(flat := Flat.of(sets), tagger=np.full(len(flat.start), number, np.int8))
        if len(spans.start):
            self._enter(spans, tagger)

    def sets(self) -> list[SpanSet]:
        """What the chain has said so far, one set a text."""
        scheme = self.taggers[0].scheme if self.taggers else PRO
        names = tuple(tagger.name for tagger in self.taggers) or ("",)
        return Flat.sorted_together(self.told).split(len(self.texts), scheme, names)

    def _show(self, label: NDArray[np.int8]) -> None:
        for at, item in enumerate(self.texts):
            part = slice(int(self.found.offsets[at]), int(self.found.offsets[at + 1]))
            item.label, item.score = label[part], self.score[part]

    def _enter(self, spans: Flat, tagger: Tagger) -> None:
        """Write one tagger's spans into the clauses' labels and scores, refusing what breaks the contract."""
        # Every text gets a stretch of its own on one axis, so that one search serves all texts.
        stride = np.int64(max(self.found.end.max(initial=0), spans.end.max())) + 1
        base = np.repeat(np.arange(len(self.texts)), np.diff(self.found.offsets)) * stride
        starts, ends = base + self.found.start, base + self.found.end
        start, end = spans.text * stride + spans.start, spans.text * stride + spans.end
        if tagger.splits:
            first, last = np.searchsorted(starts, start, side="right") - 1, np.searchsorted(ends, end)
        else:
            first, last = np.searchsorted(starts, start), np.searchsorted(ends, end)
        known = (first >= 0) & (first <= last) & (last < len(starts)) & (spans.start < spans.end)
        first[~known] = last[~known] = 0
        whole = known & (len(starts) > 0)
        if len(starts):
            whole &= (starts[first] <= start) & (end <= ends[last])
            if not tagger.splits:
                whole &= (starts[first] == start) & (ends[last] == end)
        self._refuse(~whole, spans, tagger, "does not cover whole clauses")

        count = last - first + 1
        behind = np.cumsum(count)
        clause = np.repeat(first - (behind - count), count) + np.arange(behind[-1])
        span = np.repeat(np.arange(len(count)), count)
        shown = np.concatenate([item.label for item in self.texts])
        crowded = np.zeros(len(count), bool)
        crowded[span[shown[clause] >= 0]] = True
        if tagger.splits:
            order = np.argsort(start, kind="stable")
            crowded[order[1:]] |= start[order[1:]] < end[order[:-1]]
        else:
            crowded[span[np.bincount(clause, minlength=len(shown))[clause] > 1]] = True
        self._refuse(crowded, spans, tagger, "covers a clause that has a label already")
        again = np.unique(clause[self.label[clause] >= 0])
        if len(again):
            self.told = [_without(part, again, starts, ends, stride) for part in self.told]
        # Of a clause that was cut, the longest piece stands for it in what later taggers see.
        order = np.argsort((spans.end - spans.start)[span], kind="stable")
        self.label[clause[order]] = spans.label[span[order]]
        self.score[clause[order]] = spans.score[span[order]]
        self.told.append(spans)

    def _refuse(self, bad: NDArray, spans: Flat, tagger: Tagger, what: str) -> None:
        if bad.any():
            at = int(np.flatnonzero(bad)[0])
            where = f"span [{spans.start[at]}, {spans.end[at]}) of {self.texts[spans.text[at]].text_id}"
            raise PluginError(f"tagger '{tagger.name}': {where} {what}")


def _without(spans: Flat, clauses: NDArray, starts: NDArray, ends: NDArray, stride: np.int64) -> Flat:
    """The spans less those clauses, cut where they cover more. `starts`, `ends` are all clauses on one axis."""
    first = np.searchsorted(starts, spans.text * stride + spans.start, side="right") - 1
    last = np.searchsorted(ends, spans.text * stride + spans.end)
    gone = np.zeros(len(starts), bool)
    gone[clauses] = True
    before = np.concatenate(([0], np.cumsum(gone)))
    touched = before[last + 1] > before[first]
    if not touched.any():
        return spans
    kept = spans.take(~touched)
    count = (last - first + 1)[touched]
    behind = np.cumsum(count)
    clause = np.repeat(first[touched] - (behind - count), count) + np.arange(behind[-1])
    pieces = spans.take(np.repeat(np.flatnonzero(touched), count))
    whole = replace(
        pieces,
        start=(starts[clause] - pieces.text * stride).astype(np.int32),
        end=(ends[clause] - pieces.text * stride).astype(np.int32),
    )
    return Flat.sorted_together([kept, whole.take(~gone[clause])])
