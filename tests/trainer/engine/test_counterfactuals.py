"""Rows as they are not: every wrong answer is wrong, every other picture another row's."""

from collections.abc import Iterator
from typing import Any

import datasets
import pytest

from perceptdata import registry
from perceptdata.answers import Ladder
from perceptdata.formats import Format
from perceptdata.trainer.engine.counterfactuals import (
    misinformed,
    moved,
    neighbours,
    other_pictures,
    taken,
    wrong_answers,
)
from perceptdata.trainer.engine.teachers import known_answer
from perceptdata.trainer.rows import Row, example_of, pictures_of, read_rows

THINK = "<think>{}</think> \\boxed{{{}}}"


@pytest.fixture(scope="module")
def ladder() -> Iterator[Ladder]:
    with Ladder() as made:
        yield made


@pytest.fixture(scope="module")
def form() -> Format:
    made: Format = registry.make("formats", "think_boxed", {})
    return made


@pytest.fixture
def row(rows: datasets.Dataset) -> dict[str, Any]:
    return dict(rows[5])


def answered(row: Row, text: str, kind: str = "text", **more: Any) -> Row:
    return {**row, "answer": {**row["answer"], "text": text, "kind": kind, "checker": None, **more}}


def texts(found: list[Row]) -> list[str]:
    return [each["answer"]["text"] for each in found]


def test_numbers_have_neighbours_written_alike() -> None:
    assert neighbours("7") == ["8", "6", "14", "4", "9", "70"]
    assert neighbours("2.50") == ["2.51", "2.49", "2.75", "2.25", "5.00", "1.25", "2.52", "25.00"]
    assert neighbours("0") == ["1", "2"]
    assert "-6" in neighbours("-5")
    assert all(not each.startswith("-") for each in neighbours("1"))


def test_a_near_miss_within_the_tolerance_is_right_and_not_taken(row: dict[str, Any], ladder: Ladder) -> None:
    loose = answered(row, "50", "number", tolerance=2.0)
    assert texts(wrong_answers([loose], ladder, 3)[0]) == ["55", "45", "100"]
    assert texts(wrong_answers([answered(row, "50", "number")], ladder, 3)[0]) == ["51", "49", "55"]
    assert texts(wrong_answers([answered(row, "30 cm", "number")], ladder, 2)[0]) == ["31 cm", "29 cm"]
    spelt = answered(row, "50", "number", accepts=["51"])
    assert texts(wrong_answers([spelt], ladder, 2)[0]) == ["49", "55"]


def test_choices_are_the_row_s_others(row: dict[str, Any], ladder: Ladder) -> None:
    chosen = {**answered(row, "26", "choice", index=1), "choices": ["12", "26", "40"]}
    found = wrong_answers([chosen], ladder, 3)[0]
    assert [known_answer(example_of(each)) for each in found] == ["A. 12", "C. 40"]  # no more than there are


def test_words_are_those_of_other_rows_of_their_kind(row: dict[str, Any], ladder: Ladder) -> None:
    said = [answered(row, text) for text in ("red", "blue", "Red", "green", "blue")]
    found = wrong_answers([*said, answered(row, "9", "number")], ladder, 3)
    assert texts(found[0]) == ["blue", "green"]  # Red is right too
    assert texts(found[3]) == ["blue", "red", "Red"]
    assert texts(found[5]) == ["10", "8", "18"]
    assert texts(wrong_answers([answered(row, "Yes")], ladder, 3)[0]) == ["no"]
    assert wrong_answers([answered(row, "red")], ladder, 3) == [[]]


def test_a_family_s_own_checker_decides(graphs: Any, ladder: Ladder) -> None:
    """Colourings of other graphs may be right here: those that are stay out."""
    told = [row for row in read_rows(graphs) if row["stage"] != "perception"]
    for row, found in zip(told, wrong_answers(told, ladder, 3), strict=True):
        for each in found:
            assert ladder.judge(each["answer"]["text"], example_of(row)).score == 0
            assert each["answer"]["text"] != row["answer"]["text"]


@pytest.mark.parametrize(
    ("response", "old", "new", "expected"),
    [
        (THINK.format("2 + 3 = 5, not 15 or 5.5", 5), {"text": "5"}, {"text": "6"}, ("2 + 3 = 6, not 15 or 5.5", 6)),
        (THINK.format("A dot; B it is", "B"), {"text": "26"}, {"text": "12", "index": 0}, ("A dot; B it is", "A")),
        (THINK.format("a red one", "red"), {"text": "red"}, {"text": "blue"}, ("a blue one", "blue")),
        (THINK.format("I see A", "A"), {"text": "A"}, {"text": "C"}, ("I see A", "C")),
    ],
)
def test_responses_are_misinformed_with_their_answer(
    row: dict[str, Any], form: Format, response: str, old: dict[str, Any], new: dict[str, Any], expected: Any
) -> None:
    before = {**row, "response": response, "answer": {"index": None, **old}}
    after = misinformed({**before, "answer": {"index": None, **new}}, before, form)
    assert after is not None
    assert after["response"] == THINK.format(*expected)


def test_a_response_that_names_no_answer_misinforms_nobody(row: dict[str, Any], form: Format) -> None:
    before = {**row, "response": "I give up.", "answer": {**row["answer"], "text": "5"}}
    wrong = {**before, "answer": {**row["answer"], "text": "6"}}
    assert misinformed(wrong, before, form) is None
    bare = {**wrong, "response": None}
    assert misinformed(bare, before | {"response": None}, form) is bare


def test_pictures_are_those_of_the_next_rows(rows: datasets.Dataset) -> None:
    """Of 0, 1, 2, 0 pictures; the second row's picture is one of the third's, which is no other one."""
    batch = [dict(rows[at]) for at in (0, 1, 2, 3)]
    found = other_pictures(batch)
    assert found[0] is None
    assert found[3] is None
    shown = [pictures_of(each) for each in batch]
    for at in (1, 2):
        assert found[at] is not None
        after = moved(batch[at], batch, found[at] or [])
        assert len(pictures_of(after)) == len(shown[at])
        assert not set(pictures_of(after)) & set(shown[at])
        assert taken(shown, found[at] or []) == list(pictures_of(after))
        example = example_of(after)
        assert [image.sha256 for image in example.images] == [image["sha256"] for image in after["image_info"]]
    assert other_pictures(batch[:2]) == [None, None]  # nobody else has any
    assert other_pictures([batch[1], batch[1]]) == [None, None]  # the same one twice
