"""Chains of taggers over a batch, and span sets to and from Arrow."""

from collections.abc import Callable, Sequence
from typing import ClassVar

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perceptdata.errors import PluginError, UsageError
from perceptdata.layers import SpanRecord
from perceptdata.plugins import Tagger, TextItem
from perceptdata.spans import PRO, SEGMENTS, Scheme, Span, SpanSet
from perceptdata.tagging import SPANS_TYPE, spans_from_arrow, spans_to_arrow, tag_batch

TEXT = "One. Two. Three."  # clauses [0, 4), [5, 9), [10, 16)


def make(name: str, say: Callable[[TextItem], list[Span]], scheme: Scheme = PRO) -> Tagger:
    """A tagger that says of each text what `say` does."""

    class Made(Tagger):
        def tag(self, texts: Sequence[TextItem]) -> list[SpanSet]:
            return [SpanSet.of(say(item), type(self).scheme, name) for item in texts]

    Made.name, Made.scheme = name, scheme
    return Made()


def test_each_tagger_sees_what_the_others_said() -> None:
    seen = []

    def second(item: TextItem) -> list[Span]:
        seen.append((item.label.tolist(), item.score.tolist()))
        return [
            Span(int(a), int(b), "reasoning") for a, b, c in zip(item.start, item.end, item.label, strict=True) if c < 0
        ]

    first = make("first", lambda item: [Span(5, 16, "perception", 0.5)] if item.text_id == "a" else [])
    one, two = tag_batch([("a", TEXT, None), ("b", "Four.", None)], [first, make("second", second)])
    assert seen == [([-1, 0, 0], [0.0, 0.5, 0.5]), ([-1], [0.0])]
    assert list(one) == [Span(0, 4, "reasoning", 1.0, "second"), Span(5, 16, "perception", 0.5, "first")]
    assert list(two) == [Span(0, 5, "reasoning", 1.0, "second")]


def test_no_tagger_and_no_text() -> None:
    assert tag_batch([("a", TEXT, None)], []) == [SpanSet(PRO)]
    assert tag_batch([], [make("any", lambda item: [])]) == []


@pytest.mark.parametrize("span", [(0, 3), (1, 4), (0, 99), (5, 4), (4, 5), (16, 20), (-5, 4)])
def test_a_span_must_cover_whole_clauses(span: tuple[int, int]) -> None:
    bad = make("bad", lambda item: [Span(*span, "other")] if item.text_id == "b" else [])
    with pytest.raises(PluginError, match=r"tagger 'bad': span .* of b does not cover whole clauses"):
        tag_batch([("a", TEXT, None), ("b", TEXT, None), ("c", TEXT, None)], [bad])


def test_a_text_without_clauses_takes_no_span() -> None:
    with pytest.raises(PluginError, match="does not cover whole clauses"):
        tag_batch([("a", " ", None)], [make("bad", lambda item: [Span(0, 1, "other")])])


def test_a_clause_is_labelled_once() -> None:
    once = make("once", lambda item: [Span(0, 4, "other")])
    with pytest.raises(PluginError, match=r"tagger 'again': span \[0, 9\) of a covers a clause that has a label"):
        tag_batch([("a", TEXT, None)], [once, make("again", lambda item: [Span(0, 9, "other")])])
    twice = make("twice", lambda item: [Span(0, 4, "other"), Span(0, 9, "other")])
    with pytest.raises(PluginError, match="tagger 'twice'"):
        tag_batch([("a", TEXT, None)], [twice])


def test_one_scheme_a_chain() -> None:
    chain = [make("a", lambda item: []), make("b", lambda item: [], SEGMENTS)]
    with pytest.raises(UsageError, match=r"a \(pro@1\), b \(segments@1\)"):
        tag_batch([("a", TEXT, None)], chain)


def test_as_many_sets_as_texts() -> None:
    class Short(Tagger):
        name: ClassVar[str] = "short"

        def tag(self, texts: Sequence[TextItem]) -> list[SpanSet]:
            return []

    with pytest.raises(PluginError, match="'short' returned 0 span sets for 1 texts"):
        tag_batch([("a", TEXT, None)], [Short()])


SETS = st.lists(
    st.lists(
        st.builds(
            lambda start, length, label, score, tagger: Span(start, start + length, label, score / 8, tagger),
            st.integers(0, 1000),
            st.integers(1, 50),
            st.sampled_from(PRO.labels),
            st.integers(0, 8),
            st.sampled_from(["cues", "llm", "structure", ""]),
        ),
        max_size=5,
    ).map(SpanSet.of),
    max_size=5,
)


@given(SETS)
def test_arrow_round_trip(sets: list[SpanSet]) -> None:
    column = spans_to_arrow(sets)
    column.validate(full=True)
    assert column.type == SPANS_TYPE
    assert column.to_pylist() == [[span._asdict() for span in spans] for spans in sets]
    assert spans_from_arrow(column, PRO) == sets
    assert spans_from_arrow(pa.chunked_array([column.slice(0, 1), column.slice(1)]), PRO) == sets
    assert spans_from_arrow(column.slice(1), PRO) == sets[1:]


def test_the_type_is_the_layers() -> None:
    assert SPANS_TYPE.value_type == pa.struct(list(SpanRecord.arrow_schema()))


def test_a_column_may_mix_schemes_and_is_read_by_one() -> None:
    sets = [SpanSet.of([Span(0, 1, "other")]), SpanSet.of([Span(0, 1, "think")], SEGMENTS)]
    column = spans_to_arrow(sets)
    assert [[span["label"] for span in row] for row in column.to_pylist()] == [["other"], ["think"]]
    assert spans_from_arrow(column.slice(1), SEGMENTS) == sets[1:]
    with pytest.raises(UsageError, match="'think' is not a label of pro@1"):
        spans_from_arrow(column, PRO)
