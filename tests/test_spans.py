"""Span sets: hand-worked cases, and the algebra against a reading of it on sets of code points."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from perceptdata.errors import Rejected, UsageError
from perceptdata.spans import PRO, SCHEMES, SEGMENTS, OverlapPolicy, Scheme, Span, SpanSet, stack

LENGTH = 40


@st.composite
def any_spans(draw: st.DrawFn) -> SpanSet:
    """Up to eight spans of a text of 40 code points, overlaps allowed. Scores are exact in float32."""
    rows = []
    for _ in range(draw(st.integers(0, 8))):
        start = draw(st.integers(0, LENGTH - 1))
        end = draw(st.integers(start + 1, LENGTH))
        rows.append(
            Span(
                start, end, draw(st.sampled_from(PRO.labels)), draw(st.integers(0, 4)) / 4, draw(st.sampled_from("ab"))
            )
        )
    return SpanSet.of(rows, PRO)


@st.composite
def disjoint_spans(draw: st.DrawFn) -> SpanSet:
    borders = sorted(draw(st.sets(st.integers(0, LENGTH), max_size=12)))
    rows = [
        Span(start, end, draw(st.sampled_from(PRO.labels)), draw(st.integers(0, 4)) / 4, "a")
        for start, end in pairwise(borders)
        if draw(st.booleans())
    ]
    return SpanSet.of(rows, PRO)


def painted(spans: SpanSet) -> dict[int, str]:
    """Which label covers which code point."""
    return {at: span.label for span in spans for at in range(span.start, span.end)}


def test_scheme_codes() -> None:
    assert [PRO.code(label) for label in PRO.labels] == [0, 1, 2]
    assert SCHEMES["segments@1"] is SEGMENTS
    with pytest.raises(UsageError, match="'think' is not a label of pro@1; it has perception, reasoning, other"):
        PRO.code("think")


def test_of_sorts_and_names_the_taggers() -> None:
    spans = SpanSet.of([Span(5, 9, "reasoning", 0.5, "llm"), Span(0, 5, "perception")], PRO, tagger="cues")
    assert list(spans) == [Span(0, 5, "perception", 1.0, "cues"), Span(5, 9, "reasoning", 0.5, "llm")]
    assert spans.taggers == ("cues", "llm")
    assert (spans.start.dtype, spans.label.dtype, spans.score.dtype) == (np.int32, np.int8, np.float32)
    assert len(SpanSet.of([])) == 0


def test_equality_is_by_content() -> None:
    one = SpanSet.of([Span(0, 2, "other", 1.0, "a")])
    assert one == SpanSet.of([Span(0, 2, "other")], tagger="a")
    assert one != SpanSet.of([Span(0, 2, "other")], tagger="b")
    assert hash(one) == hash(SpanSet.of([Span(0, 2, "other")], tagger="a"))
    assert SpanSet(PRO) != SpanSet(SEGMENTS)
    assert one != [Span(0, 2, "other", 1.0, "a")]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([(0, 3), (2, 5)], "spans [0, 3) and [2, 5) overlap"),
        ([(0, 11)], "span [0, 11) is empty or outside a text of 10 code points"),
        ([(4, 4)], "span [4, 4) is empty"),
        ([(-1, 4)], "span [-1, 4) is empty or outside"),
    ],
)
def test_check_refuses(rows: list[tuple[int, int]], said: str) -> None:
    spans = SpanSet.of([Span(start, end, "other") for start, end in rows])
    with pytest.raises(Rejected) as caught:
        spans.check(10)
    assert caught.value.code == "spans.range"
    assert said in caught.value.message


def test_check_accepts_neighbours() -> None:
    spans = SpanSet.of([Span(0, 4, "other"), Span(4, 10, "other")])
    assert spans.check(10) is spans


def test_share_by_hand() -> None:
    spans = SpanSet.of([Span(0, 12, "perception"), Span(12, 20, "reasoning")])
    assert spans.share("perception") == 12 / 20
    assert spans.clip(4, 16).share("perception") == 8 / 12
    assert SpanSet(PRO).share("other") == 0.0


def test_merge_by_hand() -> None:
    spans = SpanSet.of(
        [Span(0, 4, "other", 0.9), Span(4, 6, "other", 0.5), Span(7, 9, "other", 0.7), Span(9, 12, "reasoning", 0.2)]
    )
    assert [(s.start, s.end, s.label, round(s.score, 3)) for s in spans.merge()] == [
        (0, 6, "other", 0.5),
        (7, 9, "other", 0.7),
        (9, 12, "reasoning", 0.2),
    ]
    assert [(s.start, s.end) for s in spans.merge(gap=1)] == [(0, 9), (9, 12)]


def test_resolve_by_hand() -> None:
    spans = SpanSet.of([Span(0, 5, "other", 0.4), Span(3, 12, "reasoning", 0.2), Span(11, 14, "perception", 0.9)])
    assert [s.start for s in spans.resolve("first")] == [0, 11]
    assert [s.start for s in spans.resolve("longest")] == [3]
    assert [s.start for s in spans.resolve("score")] == [0, 11]
    with pytest.raises(Rejected, match="overlaps another; name an overlap policy"):
        spans.resolve()


def test_stack_keeps_every_tagger() -> None:
    one, two = SpanSet.of([Span(4, 8, "other")], tagger="b"), SpanSet.of([Span(0, 4, "reasoning")], tagger="a")
    assert list(stack([one, two], PRO)) == [Span(0, 4, "reasoning", 1.0, "a"), Span(4, 8, "other", 1.0, "b")]
    assert stack([], PRO) == SpanSet(PRO)
    with pytest.raises(UsageError, match="only spans of segments@1"):
        stack([one], SEGMENTS)


@given(any_spans(), st.integers(-5, LENGTH + 5), st.integers(-5, LENGTH + 5))
def test_clip_is_the_restriction_of_each_span(spans: SpanSet, start: int, end: int) -> None:
    expected = [
        span._replace(start=max(span.start, start), end=min(span.end, end))
        for span in spans
        if max(span.start, start) < min(span.end, end)
    ]
    assert list(spans.clip(start, end)) == expected


@given(any_spans(), st.integers(0, 100))
def test_shift_there_and_back(spans: SpanSet, by: int) -> None:
    assert spans.shift(by).shift(-by) == spans
    assert [span.start for span in spans.shift(by)] == [span.start + by for span in spans]


@given(disjoint_spans())
def test_merge_paints_the_same_and_leaves_no_equal_neighbours(spans: SpanSet) -> None:
    merged = spans.merge()
    assert painted(merged) == painted(spans)
    rows = list(merged.check(LENGTH))
    assert not [1 for a, b in pairwise(rows) if a.end == b.start and a.label == b.label]
    assert merged.merge() == merged
    assert {label: merged.share(label) for label in PRO.labels} == {label: spans.share(label) for label in PRO.labels}


@given(any_spans(), st.sampled_from(["first", "longest", "score"]))
def test_resolve_keeps_whole_spans_and_only_drops_for_a_reason(spans: SpanSet, policy: OverlapPolicy) -> None:
    kept = list(spans.resolve(policy).check(LENGTH))
    rank = {
        "first": lambda span: (span.start, span.start - span.end),
        "longest": lambda span: (span.start - span.end, span.start),
        "score": lambda span: (-span.score, span.start, span.start - span.end),
    }[policy]
    rows = list(spans)
    assert all(span in rows for span in kept)
    for span in rows:
        rivals = [other for other in kept if other.start < span.end and span.start < other.end]
        assert span in kept or any(rank(other) <= rank(span) for other in rivals)


@given(disjoint_spans())
def test_resolve_changes_nothing_without_overlaps(spans: SpanSet) -> None:
    assert spans.resolve("refuse") == spans


@given(any_spans(), any_spans())
def test_stack_holds_both(one: SpanSet, two: SpanSet) -> None:
    both = stack([one, two], PRO)
    assert sorted(both) == sorted([*one, *two])
    assert (np.diff(both.start) >= 0).all()


@given(any_spans())
def test_take_by_mask_and_by_place(spans: SpanSet) -> None:
    assume(len(spans))
    mask = spans.label == PRO.code("perception")
    assert spans.take(mask) == spans.take(np.flatnonzero(mask))
    assert [span.label for span in spans.take(mask)] == ["perception"] * int(mask.sum())


def test_ten_thousand_spans_resolve_at_once() -> None:
    rows = [Span(at, at + 2, "other", (at * 7 % 11) / 11) for at in range(10_000)]
    kept = SpanSet.of(rows, Scheme("one@1", ("other",))).resolve("first")
    assert [span.start for span in kept] == list(range(0, 10_000, 2))
