"""A batch of texts through a chain of taggers, and span sets to and from Arrow.

    sets = tag_batch([(text_id, text, example), …], [Structure(), Cues()])
    column = spans_to_arrow(sets)            # list<struct<start, end, label, score, tagger>>, as `layers.Spans` has it

The texts are cut into clauses once. Each tagger sees what the ones before it have labelled and labels what is still
open, so every clause has at most one label, and its span names the tagger that gave it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from perceptdata.errors import PluginError, UsageError
from perceptdata.example import Example
from perceptdata.layers import Producer, Spans
from perceptdata.plugins import Tagger, TextItem
from perceptdata.records import column, each
from perceptdata.segmentation import Clauses, segment
from perceptdata.spans import PRO, Scheme, SpanSet

SPANS_TYPE: pa.ListType = Spans.arrow_schema().field("spans").type


def tag_batch(
    items: Sequence[tuple[str, str, Example | None]],
    taggers: Sequence[Tagger],
    meta: Sequence[dict[str, Any]] | None = None,
) -> list[SpanSet]:
    """One span set a text, in order: what the chain says of it. `meta` is what else is known of each text.

    Raises UsageError when the taggers' schemes differ, PluginError when a tagger returns another number of sets than it
    was given texts, cuts through a clause, or labels one that is labelled already.
    """
    schemes = {tagger.scheme for tagger in taggers}
    if len(schemes) > 1:
        named = ", ".join(f"{tagger.name} ({tagger.scheme.id})" for tagger in taggers)
        raise UsageError(f"taggers of one chain share a label scheme, not {named}")
    scheme = schemes.pop() if schemes else PRO
    names = tuple(tagger.name for tagger in taggers) or ("",)
    found = segment([text for _, text, _ in items])
    label = np.full(len(found.start), -1, np.int8)
    score = np.zeros(len(found.start), np.float32)
    texts = []
    for at, (text_id, text, example) in enumerate(items):
        part = slice(int(found.offsets[at]), int(found.offsets[at + 1]))
        # Views: what one tagger is found to say, the next one reads in its items.
        known = meta[at] if meta else {}
        clauses = (found.start[part], found.end[part], label[part], score[part])
        texts.append(TextItem(text_id, text, example, *clauses, known))
    told = []
    for number, tagger in enumerate(taggers):
        sets = tagger.tag(texts)
        if len(sets) != len(texts):
            raise PluginError(f"tagger '{tagger.name}' returned {len(sets)} span sets for {len(texts)} texts")
        spans = replace(flat := _Flat.of(sets), tagger=np.full(len(flat.start), number, np.int8))
        _enter(spans, found, label, score, tagger.name, texts)
        told.append(spans)
    return _Flat.sorted_together(told).split(len(texts), scheme, names)


@dataclass(frozen=True, slots=True)
class _Flat:
    """The spans of many texts as flat columns; `text` says whose each is."""

    text: NDArray
    start: NDArray
    end: NDArray
    label: NDArray
    score: NDArray
    tagger: NDArray

    @classmethod
    def of(cls, sets: Sequence[SpanSet]) -> _Flat:
        """Span sets, in order; tagger codes stay those of each set."""
        return cls(
            np.repeat(np.arange(len(sets)), [len(spans) for spans in sets]),
            _joined([spans.start for spans in sets], np.int32),
            _joined([spans.end for spans in sets], np.int32),
            _joined([spans.label for spans in sets], np.int8),
            _joined([spans.score for spans in sets], np.float32),
            _joined([spans.tagger for spans in sets], np.int8),
        )

    @classmethod
    def sorted_together(cls, parts: Sequence[_Flat]) -> _Flat:
        """All parts, by text and then by start."""
        if not parts:
            return cls.of([])
        if len(parts) == 1:
            return parts[0]
        text = np.concatenate([part.text for part in parts])
        start = np.concatenate([part.start for part in parts])
        order = np.lexsort((start, text))
        return cls(
            text[order],
            start[order],
            np.concatenate([part.end for part in parts])[order],
            np.concatenate([part.label for part in parts])[order],
            np.concatenate([part.score for part in parts])[order],
            np.concatenate([part.tagger for part in parts])[order],
        )

    def split(self, texts: int, scheme: Scheme, names: tuple[str, ...]) -> list[SpanSet]:
        """One set a text."""
        cuts = np.searchsorted(self.text, np.arange(texts + 1)).tolist()
        start, end, label, score, tagger = self.start, self.end, self.label, self.score, self.tagger
        return [
            SpanSet(scheme, start[a:b], end[a:b], label[a:b], score[a:b], tagger[a:b], names) for a, b in pairwise(cuts)
        ]


def _joined(arrays: Sequence[NDArray], dtype: type) -> NDArray:
    return np.concatenate(arrays) if arrays else np.empty(0, dtype)


def _enter(
    spans: _Flat, found: Clauses, label: NDArray, score: NDArray, tagger: str, texts: Sequence[TextItem]
) -> None:
    """Write one tagger's spans into the clauses' labels and scores, refusing what breaks the contract."""
    if not len(spans.start):
        return
    # Every text gets a stretch of its own on one axis, so that one search serves all texts.
    stride = np.int64(max(found.end.max(initial=0), spans.end.max())) + 1
    base = np.repeat(np.arange(len(texts)), np.diff(found.offsets)) * stride
    starts, ends = base + found.start, base + found.end
    start, end = spans.text * stride + spans.start, spans.text * stride + spans.end
    first, last = np.searchsorted(starts, start), np.searchsorted(ends, end)
    known = (first <= last) & (last < len(starts))
    first[~known] = last[~known] = 0
    whole = known & (len(starts) > 0)
    if len(starts):
        whole &= (starts[first] == start) & (ends[last] == end)
    _refuse(~whole, spans, "does not cover whole clauses", tagger, texts)

    count = last - first + 1
    behind = np.cumsum(count)
    clause = np.repeat(first - (behind - count), count) + np.arange(behind[-1])
    span = np.repeat(np.arange(len(count)), count)
    times = np.bincount(clause, minlength=len(label)) + (label >= 0)
    crowded = np.zeros(len(count), bool)
    crowded[span[times[clause] > 1]] = True
    _refuse(crowded, spans, "covers a clause that has a label already", tagger, texts)
    label[clause] = spans.label[span]
    score[clause] = spans.score[span]


def _refuse(bad: NDArray, spans: _Flat, what: str, tagger: str, texts: Sequence[TextItem]) -> None:
    if bad.any():
        at = int(np.flatnonzero(bad)[0])
        where = f"span [{spans.start[at]}, {spans.end[at]}) of {texts[spans.text[at]].text_id}"
        raise PluginError(f"tagger '{tagger}': {where} {what}")


def spans_to_arrow(sets: Sequence[SpanSet]) -> pa.ListArray:
    """Span sets as the `spans` column of `layers.Spans`, one list a set."""
    flat = _Flat.of(sets)
    label, labels = _shared_codes(flat.label, [(spans.scheme.labels, spans.label) for spans in sets])
    tagger, taggers = _shared_codes(flat.tagger, [(spans.taggers, spans.tagger) for spans in sets])
    values = pa.StructArray.from_arrays(
        [
            pa.array(flat.start, pa.int32()),
            pa.array(flat.end, pa.int32()),
            _strings(label, labels),
            pa.array(flat.score, pa.float32()),
            _strings(tagger, taggers),
        ],
        fields=list(SPANS_TYPE.value_type),
    )
    offsets = np.searchsorted(flat.text, np.arange(len(sets) + 1)).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), values, type=SPANS_TYPE)


def _shared_codes(flat: NDArray, sets: list[tuple[tuple[str, ...], NDArray]]) -> tuple[NDArray, tuple[str, ...]]:
    """Codes into one list of names, from codes into a list of each set's own (`flat` is all of them, joined)."""
    lists = dict.fromkeys(names for names, _ in sets)
    names = tuple(dict.fromkeys(name for one in lists for name in one)) or ("",)
    if len(lists) < 2:
        return flat, names
    code = {one: np.array([names.index(name) for name in one], np.int8) for one in lists}
    return _joined([code[one][codes] for one, codes in sets], np.int8), names


def _strings(codes: NDArray, names: Sequence[str]) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(codes), pa.array(names, pa.string())).cast(pa.string())


@dataclass(frozen=True, slots=True)
class TextSpans:
    """A row of `layers.Spans` whose spans stay columns until they are Arrow: there are many, and objects are slow."""

    text_id: str
    text_sha256: str
    spans: SpanSet
    producer: Producer
    segmenter: str | None = None

    @property
    def scheme(self) -> str:
        """The id of the spans' scheme."""
        return self.spans.scheme.id

    @staticmethod
    def table(rows: Sequence[TextSpans]) -> pa.Table:
        """Rows as one Arrow table, as `layers.Spans` has it."""
        schema = Spans.arrow_schema()
        columns = {field.name: column(each(rows, field.name), field.type) for field in schema if field.name != "spans"}
        return pa.table({**columns, "spans": spans_to_arrow(each(rows, "spans"))}).select(schema.names).cast(schema)


def spans_from_arrow(column: pa.ListArray | pa.ChunkedArray, scheme: Scheme) -> list[SpanSet]:
    """The span sets of a `spans` column. A label outside the scheme is a UsageError."""
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    values = column.flatten()
    labels = values.field("label").dictionary_encode()
    taggers = values.field("tagger").dictionary_encode()
    code = np.array([scheme.code(label) for label in labels.dictionary.to_pylist()], np.int8)
    flat = _Flat(
        np.repeat(np.arange(len(column)), np.diff(column.offsets.to_numpy())),
        values.field("start").to_numpy(),
        values.field("end").to_numpy(),
        code[labels.indices.to_numpy()],
        values.field("score").to_numpy(),
        taggers.indices.to_numpy().astype(np.int8),
    )
    return flat.split(len(column), scheme, tuple(taggers.dictionary.to_pylist()) or ("",))
