"""Span sets of many texts as flat columns, and as the `spans` column of a layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from perceptdata.layers import Producer, Spans
from perceptdata.records import column, each
from perceptdata.spans import Scheme, SpanSet

SPANS_TYPE: pa.ListType = Spans.arrow_schema().field("spans").type


@dataclass(frozen=True, slots=True)
class Flat:
    """The spans of many texts as flat columns; `text` says whose each is."""

    text: NDArray
    start: NDArray
    end: NDArray
    label: NDArray
    score: NDArray
    tagger: NDArray

    @classmethod
    def of(cls, sets: Sequence[SpanSet]) -> Flat:
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
    def sorted_together(cls, parts: Sequence[Flat]) -> Flat:
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

    def take(self, index: NDArray) -> Flat:
        """The spans at `index` (integers or a mask), in that order."""
        return Flat(*(getattr(self, name)[index] for name in self.__slots__))

    def split(self, texts: int, scheme: Scheme, names: tuple[str, ...]) -> list[SpanSet]:
        """One set a text."""
        cuts = np.searchsorted(self.text, np.arange(texts + 1)).tolist()
        start, end, label, score, tagger = self.start, self.end, self.label, self.score, self.tagger
        return [
            SpanSet(scheme, start[a:b], end[a:b], label[a:b], score[a:b], tagger[a:b], names) for a, b in pairwise(cuts)
        ]


def _joined(arrays: Sequence[NDArray], dtype: type) -> NDArray:
    return np.concatenate(arrays) if arrays else np.empty(0, dtype)


def spans_to_arrow(sets: Sequence[SpanSet]) -> pa.ListArray:
    """Span sets as the `spans` column of `layers.Spans`, one list a set."""
    flat = Flat.of(sets)
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
    flat = Flat(
        np.repeat(np.arange(len(column)), np.diff(column.offsets.to_numpy())),
        values.field("start").to_numpy(),
        values.field("end").to_numpy(),
        code[labels.indices.to_numpy()],
        values.field("score").to_numpy(),
        taggers.indices.to_numpy().astype(np.int8),
    )
    return flat.split(len(column), scheme, tuple(taggers.dictionary.to_pylist()) or ("",))
