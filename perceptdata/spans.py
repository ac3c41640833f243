"""Spans: labelled stretches of an immutable text, as half-open offsets in Unicode code points.

    spans = SpanSet.of([Span(0, 12, "perception"), Span(12, 20, "reasoning")], scheme=PRO, tagger="cues")
    spans.clip(4, 16).share("perception")       # 8 of 12 code points

A `SpanSet` is columnar (one numpy array a field): tagging a million clauses must not make a million objects. The
covered text is never stored; slice the text. Labels belong to a `Scheme`, written `name@version`.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from perceptdata.errors import Rejected, UsageError

OverlapPolicy = Literal["refuse", "first", "longest", "score"]


@dataclass(frozen=True, slots=True)
class Scheme:
    """A closed list of labels. `id` is what layers store."""

    id: str
    labels: tuple[str, ...]

    def code(self, label: str) -> int:
        """The label's number, or a UsageError that lists the labels."""
        try:
            return self.labels.index(label)
        except ValueError:
            raise UsageError(f"'{label}' is not a label of {self.id}; it has {', '.join(self.labels)}") from None


PRO = Scheme("pro@1", ("perception", "reasoning", "other"))
SEGMENTS = Scheme("segments@1", ("description", "think", "answer"))
SCHEMES = {scheme.id: scheme for scheme in (PRO, SEGMENTS)}


class Span(NamedTuple):
    """One labelled stretch `text[start:end]`. `score` is the tagger's confidence in [0, 1]; `tagger` names it."""

    start: int
    end: int
    label: str
    score: float = 1.0
    tagger: str = ""


_borders = itemgetter(0, 1)


def _empty(dtype: type) -> NDArray:
    return np.empty(0, dtype)


@dataclass(frozen=True, slots=True, eq=False)
class SpanSet:
    """The spans of one text, sorted by start. `label` and `tagger` are codes into `scheme.labels` and `taggers`.

    Arrays have one entry a span: `start`, `end` int32, `label`, `tagger` int8, `score` float32.
    """

    scheme: Scheme
    start: NDArray[np.int32] = field(default_factory=lambda: _empty(np.int32))
    end: NDArray[np.int32] = field(default_factory=lambda: _empty(np.int32))
    label: NDArray[np.int8] = field(default_factory=lambda: _empty(np.int8))
    score: NDArray[np.float32] = field(default_factory=lambda: _empty(np.float32))
    tagger: NDArray[np.int8] = field(default_factory=lambda: _empty(np.int8))
    taggers: tuple[str, ...] = ("",)

    @classmethod
    def of(cls, spans: Iterable[Span], scheme: Scheme = PRO, tagger: str = "") -> SpanSet:
        """From objects, in any order; `tagger` names the maker of spans that do not name one."""
        rows = sorted(spans, key=_borders)
        start, end, label, score, by = zip(*rows, strict=True) if rows else ((),) * 5
        names = [name or tagger for name in by]
        taggers = tuple(dict.fromkeys(names)) or (tagger,)
        return cls(
            scheme,
            np.array(start, np.int32),
            np.array(end, np.int32),
            np.array(list(map(scheme.code, label)), np.int8),
            np.array(score, np.float32),
            np.array(list(map(taggers.index, names)), np.int8),
            taggers,
        )

    def __len__(self) -> int:
        return len(self.start)

    def __iter__(self) -> Iterator[Span]:
        labels, taggers = self.scheme.labels, self.taggers
        columns = (
            self.start.tolist(),
            self.end.tolist(),
            self.label.tolist(),
            self.score.tolist(),
            self.tagger.tolist(),
        )
        for start, end, label, score, tagger in zip(*columns, strict=True):
            yield Span(start, end, labels[label], score, taggers[tagger])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SpanSet) and self.scheme == other.scheme and list(self) == list(other)

    def __hash__(self) -> int:
        return hash((self.scheme.id, *self.start.tolist(), *self.end.tolist()))

    def take(self, index: NDArray) -> SpanSet:
        """The spans at `index` (integers or a mask), in that order."""
        return SpanSet(
            self.scheme,
            self.start[index],
            self.end[index],
            self.label[index],
            self.score[index],
            self.tagger[index],
            self.taggers,
        )

    def check(self, length: int) -> SpanSet:
        """This set, or `Rejected("spans.range")` where a span is empty, leaves the text, or overlaps the one before."""
        start, end = self.start, self.end
        if not len(self) or (
            start[0] >= 0
            and end[-1] <= length
            and not np.count_nonzero(start >= end)
            and not np.count_nonzero(start[1:] < end[:-1])
        ):
            return self
        bad = (self.start < 0) | (self.end > length) | (self.start >= self.end)
        if bad.any():
            at = int(np.flatnonzero(bad)[0])
            raise Rejected(
                "spans.range",
                f"span [{self.start[at]}, {self.end[at]}) is empty or outside a text of {length} code points",
            )
        if (self.start[1:] < self.end[:-1]).any():
            at = int(np.flatnonzero(self.start[1:] < self.end[:-1])[0])
            raise Rejected(
                "spans.range",
                f"spans [{self.start[at]}, {self.end[at]}) and [{self.start[at + 1]}, {self.end[at + 1]}) overlap",
            )
        return self

    def clip(self, start: int, end: int) -> SpanSet:
        """What lies inside `[start, end)`, cut at its borders; offsets stay those of the whole text."""
        inside = self.take((self.end > start) & (self.start < end) & (start < end))
        return SpanSet(
            inside.scheme,
            np.maximum(inside.start, np.int32(start)),
            np.minimum(inside.end, np.int32(end)),
            inside.label,
            inside.score,
            inside.tagger,
            inside.taggers,
        )

    def shift(self, by: int) -> SpanSet:
        """All offsets moved by `by` code points."""
        return SpanSet(
            self.scheme,
            self.start + np.int32(by),
            self.end + np.int32(by),
            self.label,
            self.score,
            self.tagger,
            self.taggers,
        )

    def merge(self, gap: int = 0) -> SpanSet:
        """Neighbours of one label at most `gap` code points apart become one span; its score is the lowest of them.

        The set must be free of overlaps (`resolve` first).
        """
        if len(self) < 2:
            return self
        breaks = (self.label[1:] != self.label[:-1]) | (self.start[1:] - self.end[:-1] > gap)
        first = np.concatenate(([0], np.flatnonzero(breaks) + 1))
        last = np.concatenate((first[1:] - 1, [len(self) - 1]))
        return SpanSet(
            self.scheme,
            self.start[first],
            self.end[last],
            self.label[first],
            np.minimum.reduceat(self.score, first),
            self.tagger[first],
            self.taggers,
        )

    def resolve(self, policy: OverlapPolicy = "refuse") -> SpanSet:
        """Free of overlaps: `refuse` them, or keep whole spans by `first` start, `longest`, or highest `score`.

        Ties go to the earlier start, then to the longer span. What is dropped is dropped whole: a half-kept span would
        claim something its maker never said.
        """
        length = self.end - self.start
        keys = {
            "refuse": (-length, self.start),
            "first": (-length, self.start),
            "longest": (self.start, -length),
            "score": (-length, self.start, -self.score),
        }[policy]
        starts: list[int] = []  # of the spans kept so far, in order; `kept` runs beside it
        kept: list[int] = []
        for at in np.lexsort(keys).tolist():
            start, end = int(self.start[at]), int(self.end[at])
            place = bisect_right(starts, start)
            before = place > 0 and int(self.end[kept[place - 1]]) > start
            behind = place < len(starts) and starts[place] < end
            if before or behind:
                if policy == "refuse":
                    raise Rejected("spans.range", f"span [{start}, {end}) overlaps another; name an overlap policy")
                continue
            starts.insert(place, start)
            kept.insert(place, at)
        return self.take(np.array(kept, np.intp))

    def share(self, label: str) -> float:
        """The label's part of all covered code points, in [0, 1]; 0 where nothing is covered."""
        lengths = self.end - self.start
        total = int(lengths.sum())
        return float(lengths[self.label == self.scheme.code(label)].sum()) / total if total else 0.0


def stack(sets: Sequence[SpanSet], scheme: Scheme) -> SpanSet:
    """Sets of one scheme over the same text as one set, sorted; overlaps are kept (see `resolve`)."""
    taggers = tuple(dict.fromkeys(name for spans in sets for name in spans.taggers)) or ("",)
    if not sets:
        return SpanSet(scheme)
    if any(spans.scheme != scheme for spans in sets):
        raise UsageError(f"only spans of {scheme.id} can be stacked as {scheme.id}")
    recode = [np.array([taggers.index(name) for name in spans.taggers], np.int8) for spans in sets]
    joined = SpanSet(
        scheme,
        np.concatenate([spans.start for spans in sets]),
        np.concatenate([spans.end for spans in sets]),
        np.concatenate([spans.label for spans in sets]),
        np.concatenate([spans.score for spans in sets]),
        np.concatenate([code[spans.tagger] for code, spans in zip(recode, sets, strict=True)]),
        taggers,
    )
    return joined.take(np.lexsort((joined.end, joined.start)))
