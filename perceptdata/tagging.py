"""A batch of texts through a chain of taggers, and span sets to and from Arrow.

    sets = tag_batch([(text_id, text, example), …], [Structure(), Cues()]) column = spans_to_arrow(sets)            #
    list<struct<start, end, label, score, tagger>>, as `layers.Spans` stores it

The texts are cut into clauses once. Each tagger sees what the ones before it have labelled and labels what is still
open, so every clause has at most one label, and its span names the tagger that gave it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from perceptdata.errors import PluginError, UsageError
from perceptdata.example import Example
from perceptdata.layers import Spans
from perceptdata.plugins import Tagger, TextItem
from perceptdata.segmentation import Clauses, segment
from perceptdata.spans import PRO, Scheme, SpanSet

SPANS_TYPE: pa.ListType = Spans.arrow_schema().field("spans").type


def tag_batch(items: Sequence[tuple[str, str, Example | None]], taggers: Sequence[Tagger]) -> list[SpanSet]:
    """One span set a text, in order: what the chain says of it.

    Raises UsageError when the taggers' schemes differ, PluginError when a tagger returns another number of sets than it
    was given texts, cuts through a clause, or labels one that is labelled already.
    """
    schemes = {tagger.scheme for tagger in taggers}
    if len(schemes) > 1:
        named = ", ".join(f"{tagger.name} ({tagger.scheme.id})" for tagger in taggers)
        raise UsageError(f"taggers of one chain share a label scheme, not {named}")
    scheme = schemes.pop() if schemes else PRO
    found = segment([text for _, text, _ in items])
    label = np.full(len(found.start), -1, np.int8)
    score = np.zeros(len(found.start), np.float32)
    texts = []
    for at, (text_id, text, example) in enumerate(items):
        part = slice(int(found.offsets[at]), int(found.offsets[at + 1]))
        # Views: what a tagger says below is seen by the next one through its items.
        texts.append(TextItem(text_id, text, example, found.start[part], found.end[part], label[part], score[part]))
    told = []
    for code, tagger in enumerate(taggers):
        sets = tagger.tag(texts)
        if len(sets) != len(texts):
            raise PluginError(f"tagger '{tagger.name}' returned {len(sets)} span sets for {len(texts)} texts")
        columns = _flat(sets, code)
        _enter(columns, found, label, score, tagger.name, [text_id for text_id, _, _ in items])
        told.append(columns)
    names = tuple(tagger.name for tagger in taggers) or ("",)
    return _by_text(told, len(texts), scheme, names)


class _Columns:
    """The spans of many texts as flat columns; `text` says whose each is."""

    def __init__(self, sets: Sequence[SpanSet]) -> None:
        self.lengths = np.array([len(spans) for spans in sets], np.int64)
        self.text = np.repeat(np.arange(len(sets)), self.lengths)
        self.start = _joined([spans.start for spans in sets], np.int32)
        self.end = _joined([spans.end for spans in sets], np.int32)
        self.label = _joined([spans.label for spans in sets], np.int8)
        self.score = _joined([spans.score for spans in sets], np.float32)
        self.tagger = _joined([spans.tagger for spans in sets], np.int8)


def _joined(arrays: Sequence[NDArray], dtype: type) -> NDArray:
    return np.concatenate(arrays) if arrays else np.empty(0, dtype)


def _flat(sets: Sequence[SpanSet], code: int) -> _Columns:
    columns = _Columns(sets)
    columns.tagger = np.full(len(columns.start), code, np.int8)
    return columns


def _enter(
    spans: _Columns, found: Clauses, label: NDArray, score: NDArray, tagger: str, text_ids: Sequence[str]
) -> None:
    """Write one tagger's spans into the clauses' labels and scores, refusing what breaks the contract."""
    if not len(spans.start):
        return
    # Offsets of different texts are kept apart by a stride longer than any text. stride =
    np.int64(max(int(found.end.max(initial=0)), int(spans.end.max())) + 1) text_of_clause =
    np.repeat(np.arange(len(found.offsets) - 1), np.diff(found.offsets)) starts, ends = text_of_clause * stride +
    found.start, text_of_clause * stride + found.end first = np.searchsorted(starts, spans.text * stride +
    spans.start) last = np.searchsorted(ends, spans.text * stride + spans.end) inside = (first <= last) & (last <
    len(starts)) here = np.where(inside, first, 0) there = np.where(inside, last, 0) whole = inside & (starts[here] ==
    spans.text * stride + spans.start) & (ends[there] == spans.text * stride + spans.end) _refuse(~whole, spans, "does
    not cover whole clauses", tagger, text_ids) count = last - first + 1 clause = np.repeat(first, count) +
    np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count) span = np.repeat(np.arange(len(first)), count)
    taken = label[clause] >= 0 order = np.argsort(clause, kind="stable") twice = np.zeros(len(clause), bool)
    twice[order[1:]] = clause[order[1:]] == clause[order[:-1]] bad = np.zeros(len(first), bool) bad[span[taken |
    twice]] = True _refuse(bad, spans, "covers a clause that has a label already", tagger, text_ids) label[clause] =
    spans.label[span] score[clause] = spans.score[span]


def _refuse(bad: NDArray, spans: _Columns, what: str, tagger: str, text_ids: Sequence[str]) -> None:
    if bad.any():
        at = int(np.flatnonzero(bad)[0])
        where = f"span [{spans.start[at]}, {spans.end[at]}) of {text_ids[spans.text[at]]}"
        raise PluginError(f"tagger '{tagger}': {where} {what}")


def _by_text(told: Sequence[_Columns], texts: int, scheme: Scheme, names: tuple[str, ...]) -> list[SpanSet]:
    """The spans of all taggers, sorted within each text."""
    text = _joined([spans.text for spans in told], np.int64)
    start = _joined([spans.start for spans in told], np.int32)
    order = np.lexsort((start, text))
    columns = [start[order]]
    for name, dtype in (("end", np.int32), ("label", np.int8), ("score", np.float32), ("tagger", np.int8)):
        columns.append(_joined([getattr(spans, name) for spans in told], dtype)[order])
    return _split(columns, np.searchsorted(text[order], np.arange(texts + 1)), scheme, names)


def _split(columns: Sequence[NDArray], offsets: NDArray, scheme: Scheme, names: tuple[str, ...]) -> list[SpanSet]:
    """Flat columns (start, end, label, score, tagger) as one set a text."""
    start, end, label, score, tagger = columns
    cuts = offsets.tolist()
    return [
        SpanSet(scheme, start[a:b], end[a:b], label[a:b], score[a:b], tagger[a:b], names)
        for a, b in zip(cuts[:-1], cuts[1:], strict=True)
    ]


def spans_to_arrow(sets: Sequence[SpanSet]) -> pa.ListArray:
    """Span sets of one scheme as the `spans` column of `layers.Spans`, one list a set."""
    schemes = {spans.scheme for spans in sets}
    if len(schemes) > 1:
        raise UsageError(f"one column holds one label scheme, not {', '.join(sorted(scheme.id for scheme in schemes))}")
    scheme = schemes.pop() if schemes else PRO
    columns = _Columns(sets)
    names = tuple(dict.fromkeys(name for taggers in dict.fromkeys(spans.taggers for spans in sets) for name in taggers))
    tagger = columns.tagger
    if any(spans.taggers != names for spans in sets):
        recode = {taggers: np.array([names.index(name) for name in taggers], np.int8) for taggers in {s.taggers for s
        in sets}} tagger = _joined([recode[spans.taggers][spans.tagger] for spans in sets], np.int8)
    values = pa.StructArray.from_arrays(
        [
            pa.array(columns.start, pa.int32()),
            pa.array(columns.end, pa.int32()),
            _strings(columns.label, scheme.labels),
            pa.array(columns.score, pa.float32()),
            _strings(tagger, names),
        ],
        fields=list(SPANS_TYPE.value_type),
    )
    offsets = np.zeros(len(sets) + 1, np.int32)
    np.cumsum(columns.lengths, out=offsets[1:])
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), values, type=SPANS_TYPE)


def _strings(codes: NDArray, names: Sequence[str]) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(codes, pa.int8()), pa.array(names, pa.string())).cast(pa.string())


def spans_from_arrow(column: pa.ListArray | pa.ChunkedArray, scheme: Scheme) -> list[SpanSet]:
    """The span sets of a `spans` column. A label outside the scheme is a UsageError."""
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    values = column.flatten()
    label, labels = _codes(values.field("label"))
    tagger, names = _codes(values.field("tagger"))
    recode = np.array([scheme.code(name) for name in labels], np.int8)
    columns = [
        values.field("start").to_numpy(),
        values.field("end").to_numpy(),
        recode[label],
        values.field("score").to_numpy(),
        tagger.astype(np.int8),
    ]
    offsets = column.offsets.to_numpy()
    return _split(columns, offsets - offsets[0], scheme, tuple(names) or ("",))


def _codes(strings: pa.Array) -> tuple[NDArray, list[str]]:
    encoded = strings.dictionary_encode()
    return encoded.indices.to_numpy(), encoded.dictionary.to_pylist()
