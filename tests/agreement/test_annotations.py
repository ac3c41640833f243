"""Joining: which rows meet, which are left out and why; and a layer's annotators, people among them."""

from math import isnan
from typing import Any

import pytest
from agreement.coding import spans

from perceptdata.agreement import compare
from perceptdata.agreement.annotations import Annotator, join
from perceptdata.errors import REASONS, UsageError
from perceptdata.layers import Producer, Review, SpanRecord, Spans, text_sha256
from perceptdata.spans import PRO, SEGMENTS, Span, SpanSet

TEXTS = {"a#response": "abcd", "b#response": "efgh", "c#response": "ijkl"}
BY = Producer(name="tag", version="1", config="00000000")


def annotator(name: str, rows: dict[str, str], **texts: str) -> Annotator:
    hashes = [text_sha256({**TEXTS, **texts}[address]) for address in rows]
    return Annotator(name, PRO, list(rows), hashes, [spans(drawn) for drawn in rows.values()])


def test_texts_of_two_annotators_meet_in_order() -> None:
    one = annotator("one", {"c#response": "PPPP", "a#response": "PPRR", "b#response": "RRRR"})
    other = annotator("other", {"a#response": "PPPP", "c#response": "----"})
    joined = join([one, other], TEXTS)
    assert joined.coded.ids == ["a#response", "c#response"]
    assert joined.coded.texts == ["abcd", "ijkl"]
    assert joined.coded.spans == [[spans("PPRR"), spans("PPPP")], [spans("PPPP"), spans("----")]]
    assert joined.counts() == {"one": {"unpaired": 1}}


def test_what_does_not_fit_its_text_is_left_out_and_said() -> None:
    fine = annotator("fine", dict.fromkeys(TEXTS, "PPPP"))
    sha256 = [text_sha256("abcd "), text_sha256("efgh"), text_sha256("ijkl"), text_sha256("gone")]
    overlapping = SpanSet.of([Span(0, 3, "perception"), Span(2, 4, "other")])
    drawn = [spans("PPPP"), spans("PPPPP"), overlapping, spans("P")]
    wrong = Annotator("wrong", PRO, [*TEXTS, "gone#response"], sha256, drawn)
    joined = join([fine, wrong, annotator("third", {"a#response": "RRRR"})], TEXTS)
    assert joined.coded.ids == ["a#response"]  # the two others go on without it
    assert joined.coded.spans[1] == [None]
    assert joined.counts() == {
        "fine": {"unpaired": 2},
        "wrong": {"spans.range": 2, "text.changed": 1, "text.missing": 1},
    }
    assert {row.code for row in joined.left_out} - {"unpaired"} <= set(REASONS)
    said = {row.code: row.message for row in joined.left_out if row.annotator == "wrong"}
    assert said["text.changed"] == "wrong: the text of a#response is another than it was"


def test_a_row_of_an_annotator_counts_once() -> None:
    one = annotator("one", {"a#response": "PPPP"})
    twice = Annotator("other", PRO, ["a#response"] * 2, one.sha256 * 2, [spans("RRRR"), spans("OOOO")])
    joined = join([one, twice], TEXTS)
    assert joined.coded.spans[1] == [spans("OOOO")]
    assert joined.counts() == {"other": {"row.replaced": 1}}


def test_one_annotator_is_enough_where_that_is_asked() -> None:
    joined = join([annotator("one", {"a#response": "PPPP"}), annotator("other", {})], TEXTS, at_least=1)
    assert joined.coded.spans == [[spans("PPPP")], [None]]
    assert joined.left_out == []


def test_names_and_schemes_must_fit() -> None:
    one = annotator("one", {"a#response": "PPPP"})
    with pytest.raises(UsageError, match="each annotator is named once, not one, one"):
        join([one, one], TEXTS)
    segments = Annotator("two", SEGMENTS, [], [], [])
    with pytest.raises(UsageError, match=r"only labels of one scheme can be compared, not one \(pro@1\), two \(seg"):
        join([one, segments], TEXTS)
    with pytest.raises(UsageError, match="there is no annotator"):
        join([], TEXTS)


def row(address: str, label: str = "perception", **rest: Any) -> dict[str, Any]:
    marked = (SpanRecord(start=0, end=4, label=label, score=1, tagger="x"),)
    given = {"text_id": address, "text_sha256": text_sha256(TEXTS[address]), "scheme": "pro@1", "spans": marked}
    return {**given, "producer": BY, **rest}


def test_a_spans_layer_is_one_annotator() -> None:
    found = Annotator.of_layer("tags", Spans.table([Spans(**row("a#response")), Spans(**row("b#response", "other"))]))
    assert [each.name for each in found] == ["tags"]
    assert [span.label for each in found[0].spans for span in each] == ["perception", "other"]


def test_a_row_of_an_unknown_label_is_left_out_and_the_rest_goes_on() -> None:
    rows = [row("a#response"), row("b#response", "guess"), row("c#response", "other")]
    table = Spans.table([Spans(**each) for each in rows])
    found = Annotator.of_layer("tags", table)[0]
    assert found.text_id == ["a#response", "c#response"]
    joined = join([found, annotator("other", dict.fromkeys(TEXTS, "PPPP"))], TEXTS)
    assert joined.coded.ids == ["a#response", "c#response"]
    assert joined.counts() == {"tags": {"spans.label": 1}, "other": {"unpaired": 1}}
    assert joined.left_out[0].message == "tags: 'guess' of b#response is none of perception, reasoning, other"
    assert joined.left_out[0].code in REASONS
    nothing = Annotator.of_layer("tags", Spans.table([]))[0]
    assert (nothing.text_id, nothing.spans, nothing.refused) == ([], [], [])


def test_texts_without_a_letter_are_compared_and_say_nothing() -> None:
    texts = {"a#response": "", "b#response": " \n "}
    hashes = [text_sha256(text) for text in texts.values()]
    both = [Annotator(name, PRO, list(texts), hashes, [spans(""), spans("")]) for name in ("one", "other")]
    joined = join(both, texts)
    found = compare(joined.coded, bootstraps=5)["all"]
    assert (found.texts, found.clauses, found.characters) == (2, 0, 0)
    assert all(isnan(estimate.value) for estimate in found.estimates.values())


def test_every_reviewer_is_an_annotator_and_a_verdict_is_no_annotation() -> None:
    table = Review.table(
        [
            Review(**row("a#response", reviewer="eve")),
            Review(**row("b#response", reviewer="ann")),
            Review(**row("a#response", "other", reviewer="ann")),
            Review(**{**row("c#response", reviewer="bob", verdict="yes"), "spans": ()}),
        ]
    )
    found = {each.name: each.text_id for each in Annotator.of_layer("people", table)}
    assert found == {"people:ann": ["b#response", "a#response"], "people:eve": ["a#response"]}


def test_a_layer_of_two_schemes_is_not_compared() -> None:
    rows = [Spans(**row("a#response")), Spans(**row("b#response", "think", scheme="segments@1"))]
    with pytest.raises(UsageError, match=r"layer 'tags' has labels of pro@1, segments@1"):
        Annotator.of_layer("tags", Spans.table(rows))
    with pytest.raises(UsageError, match="layer 'tags' has labels of mine@1; one of pro@1, segments@1 is compared"):
        Annotator.of_layer("tags", Spans.table([Spans(**row("a#response", scheme="mine@1"))]))
