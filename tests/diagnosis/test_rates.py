"""The bottleneck, by hand: which of a_p and a_r is lower, how surely, and what does not count."""

import pyarrow as pa
import pytest

from perceptdata.diagnosis.rates import all_rates, bottleneck, slice_rates

from diagnosis.answering import answers, diagnosed, ones  # isort: skip


def test_perception_is_the_bottleneck() -> None:
    # 100 items: 40 are perceived, 90 reasoned right from given facts, 36 right in the end
    found = bottleneck(diagnosed(ones(36, 100), ones(40, 100), ones(90, 100)))
    assert found.verdict == "perception"
    assert found.lead is not None
    assert found.lead.difference == pytest.approx(0.5)
    assert (found.perfect_perception, found.perfect_reasoning) == (pytest.approx(0.9), pytest.approx(0.4))
    assert found.dependence == pytest.approx(0.36 / (0.4 * 0.9))  # 1: independent


def test_matched_facts_alone_do_not_make_perception_the_bottleneck() -> None:
    # By words 5 of 100 descriptions are found right, but facts buy nothing: 62 are right with and without them.
    matched = diagnosed(ones(62, 100), ones(5, 100), ones(62, 100))
    exact = matched.column_names.index("exact")
    matched = matched.set_column(exact, matched.schema.field("exact"), pa.array([False] * matched.num_rows))
    found = bottleneck(matched)
    assert found.verdict == "neither"
    assert found.dependence is None
    bought = bottleneck(diagnosed(ones(30, 100), ones(5, 100), ones(62, 100)))
    assert bought.verdict == "perception"
    assert bought.bought is not None
    assert bought.bought.difference == pytest.approx(0.32)


def test_the_headline_is_of_the_items_that_were_measured() -> None:
    known = diagnosed(ones(20, 100), ones(30, 100), ones(60, 100))
    others = answers("image", ones(100, 100), id=[f"other{at}" for at in range(100)])
    assert bottleneck(pa.concat_tables([known, others])).a == pytest.approx(0.2)


def test_many_questions_of_few_scenes_conclude_nothing() -> None:
    found = diagnosed(ones(10, 60), ones(12, 60), ones(50, 60))
    at = found.column_names.index("group")
    few = found.set_column(at, found.schema.field("group"), pa.array([f"g{row % 5}" for row in range(120)]))
    assert bottleneck(few).verdict == "too few"


def test_reasoning_is_the_bottleneck() -> None:
    assert bottleneck(diagnosed(ones(36, 100), ones(90, 100), ones(40, 100))).verdict == "reasoning"


def test_neither_where_the_interval_holds_zero() -> None:
    a_p = [1.0, 0.0] * 50
    a_r = [0.0, 1.0] * 50
    assert bottleneck(diagnosed(ones(25, 100), a_p, a_r)).verdict == "neither"


def test_fewer_than_thirty_items_have_intervals_and_no_verdict() -> None:
    found = bottleneck(diagnosed(ones(5, 29), ones(5, 29), ones(29, 29)))
    assert found.verdict == "too few"
    assert found.lead is not None
    assert found.lead.low > 0


def test_nothing_is_said_of_what_was_not_measured() -> None:
    found = bottleneck(answers("image", ones(20, 40)))
    assert (found.verdict, found.lead, found.dependence) == ("unknown", None, None)


def test_a_product_of_nothing() -> None:
    found = bottleneck(diagnosed(ones(0, 40), ones(0, 40), ones(40, 40)))
    assert (found.verdict, found.dependence, found.dependence_low) == ("perception", None, None)


def test_facts_in_the_question_stand_in_where_nothing_was_prefilled() -> None:
    table = pa.concat_tables([answers("image", ones(10, 40), seen=ones(10, 40)), answers("facts", ones(40, 40))])
    assert bottleneck(table).verdict == "perception"
    found = slice_rates(table)
    assert (found.a_r.value, found.a_r_text.value) == (None, 1.0)


def test_answers_that_cannot_be_read_are_counted_apart() -> None:
    states = ["right"] * 20 + ["wrong"] * 10 + ["unparsed"] * 10
    found = slice_rates(answers("image", ones(20, 40), state=states, cut=[False] * 39 + [True]))
    (image,) = found.answers
    assert image.states == {"right": 20, "wrong": 10, "unparsed": 10}
    assert (image.accuracy.value, image.readable.value, image.cut) == (0.5, pytest.approx(2 / 3), 1)


def test_slices_are_told_only_where_they_differ() -> None:
    table = answers("image", ones(3, 6), family=["grid"] * 3 + ["graph"] * 3, size=["4 to 7 facts"] * 6)
    found = all_rates(table)
    assert [each.name for each in found] == ["all items", "family: graph", "family: grid"]
    assert [each.a.value for each in found] == [0.5, 0.0, 1.0]


def test_how_perception_was_told() -> None:
    table = answers("image", ones(2, 4), seen=[1, 1, 0, None], exact=[True, False, False, True])
    assert slice_rates(table).perceived == "mixed"
    assert slice_rates(table.slice(1, 2)).perceived == "matched"
    assert slice_rates(answers("image", [1.0])).perceived == "not at all"
