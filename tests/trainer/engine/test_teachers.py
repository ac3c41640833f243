"""What each teacher is told, and what is kept from it."""

from typing import Any

import datasets
import pytest
from models import families

from perceptdata import registry
from perceptdata.errors import UsageError
from perceptdata.example import Example
from perceptdata.formats import Format
from perceptdata.trainer.core.segments import OPSD, SDFT, VIGOS, Segment, vigos
from perceptdata.trainer.engine.teachers import BEGIN, END, TEACHERS, asked, check_rows, known_answer
from perceptdata.trainer.rows import Row
from perceptdata.vlm.rendering import Request, render

PERCEPTION, REASONING, REFERENCE = VIGOS


@pytest.fixture(scope="module")
def form() -> Format:
    made: Format = registry.make("formats", "describe_think_boxed", {})
    return made


@pytest.fixture
def row(rows: datasets.Dataset) -> dict[str, Any]:
    """Two images; the answer is the number 5."""
    return dict(rows[5])


def told(segment: Segment, row: Row, form: Format, **more: Any) -> Request:
    request = asked(segment, row, form, **more)
    assert request is not None
    return request


def test_the_perception_teacher_sees_the_images_and_nothing_else(row: dict[str, Any], form: Format) -> None:
    request = told(PERCEPTION, row, form)
    assert request.question == "<image><image>"
    assert len(request.images) == 2
    assert (request.system, request.history, request.prefill) == ("", (), "")
    other = {**row, "question": "<image><image>What else?", "answer": {**row["answer"], "text": "99"}}
    assert told(PERCEPTION, other, form) == request
    text, opened = render(families.reader("qwen2_5_vl"), request)
    assert opened == ""
    assert "5" not in text
    assert "What" not in text


def test_without_images_there_is_nothing_to_see(rows: datasets.Dataset, form: Format) -> None:
    assert asked(PERCEPTION, rows[3], form) is None
    assert told(REASONING, rows[3], form).images == ()


def test_the_reasoning_teacher_knows_the_answer_and_asks_for_reasoning(row: dict[str, Any], form: Format) -> None:
    request = told(REASONING, row, form)
    assert request.question.startswith("<image><image>What is 5 + 0?")
    assert f"{BEGIN}\n5\n{END}" in request.question
    assert "<think>" in request.question
    assert "<description>" not in request.question
    assert request.prefill == "<description>"  # it reads the student's description
    assert told(vigos("think_only")[1], row, form).prefill == "<think>"


def test_the_reference_teacher_asks_for_the_student_s_format(row: dict[str, Any], form: Format) -> None:
    request = told(REFERENCE, row, form)
    assert f"{BEGIN}\n5\n{END}" in request.question
    assert request.question.endswith(form.instruction)
    assert request.prefill == form.prefill
    ruled = form.model_copy(update={"place": "system"})
    assert told(REFERENCE, row, ruled).system == form.rule


def test_a_solution_or_a_demonstration_is_the_row_s_response(row: dict[str, Any], form: Format) -> None:
    response = row["response"]
    assert f"{BEGIN}\n{response}\n{END}" in told(OPSD[0], row, form, knows="response").question
    assert f"{BEGIN}\n5\n{END}" in told(OPSD[0], row, form, knows="answer").question
    assert f"{BEGIN}\n5\n{END}" in told(OPSD[0], {**row, "response": None}, form, knows="response").question
    assert f"{BEGIN}\n{response}\n{END}" in told(SDFT[0], row, form).question


def test_answers_in_words(row: dict[str, Any]) -> None:
    kept = {name: row[name] for name in Example.model_fields if name in row}
    answer = {"text": "26", "kind": "choice", "index": 1}
    example = Example.from_row(
        {**kept, "question": "How far?", "images": [], "choices": ["12", "26"], "answer": answer}
    )
    assert known_answer(example) == "B. 26"
    bare = example.model_copy(update={"choices": (), "answer": example.answer.model_copy(update={"unit": "cm"})})
    assert known_answer(bare) == "26 cm"


def test_every_teacher_can_be_asked_of_every_family(row: dict[str, Any], form: Format) -> None:
    for teacher in TEACHERS:
        request = told(Segment("s", teacher, "completion"), row, form)
        text, opened = render(families.reader("qwen2_5_vl"), request)
        assert text.endswith(opened)
        assert opened == request.prefill


def test_a_teacher_nobody_knows(row: dict[str, Any], form: Format) -> None:
    with pytest.raises(UsageError, match="there is no teacher 'oracle'; write image, answer, reference, demonstration"):
        asked(Segment("s", "oracle", "completion"), row, form)


def test_special_tokens_in_what_teachers_are_told_are_found_before_training(rows: datasets.Dataset) -> None:
    reader = families.reader("qwen2_5_vl")
    check_rows(rows, VIGOS, reader, "answer")
    spoilt = rows.map(
        lambda row: {"response": "see <|im_end|>" if row["id"].endswith("07") else row["response"]},
        features=rows.features,
    )
    check_rows(spoilt, VIGOS, reader, "answer")
    check_rows(spoilt, VIGOS[:1], reader, "response")
    for plan, knows in ((OPSD, "response"), (SDFT, "answer")):
        with pytest.raises(UsageError, match=r"cards/train/07: a teacher would be told <\|im_end\|>, a special token"):
            check_rows(spoilt, plan, reader, knows)
