"""`utility`: questions answered from the caption alone, in more than one order of their choices."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from llm.judging import Wire, image_of, quoted, text_of
from llm.server import Say

from perceptdata.example import Answer, Example
from perceptdata.plugins import CaptionItem

Item = Callable[..., CaptionItem]
Shows = Callable[..., Example]
COLOURS = ("red", "blue", "green", "black")


def reader(asked: dict[str, Any], times: int) -> Say:
    """A model that answers with the choice, or the number, that the description names; else with A."""
    seen, text = quoted(asked, "Description"), text_of(asked)
    choices = re.findall(r"^([A-Z])\. (.*)$", text, re.MULTILINE)
    letter = next((letter for letter, choice in choices if choice in seen), "A")
    number = next(iter(re.findall(r"\d+", seen)), "0")
    return Say.text(json.dumps({"answer": letter if choices else number}))


def coloured(shows: Shows, index: int, **more: Any) -> Example:
    gold = Answer(text=COLOURS[index], kind="choice", index=index)
    return shows(question="Which colour?", answer=gold, choices=COLOURS, **{"id": f"q{index}", **more})


def test_the_score_is_the_share_of_right_answers(item: Item, shows: Shows, says: Wire) -> None:
    number = shows(question="How many cups?", answer=Answer(text="3", kind="number"), id="n")
    right, wrong = says(
        "utility",
        reader,
        item("3 cups, all blue.", coloured(shows, 1), number),
        item("4 cups, all blue.", coloured(shows, 1), number),
    )
    assert (right.score, right.opinions) == (1.0, ())
    assert right.meta == {"questions": 2, "answers": 3, "failed": 0}
    assert wrong.score == pytest.approx(2 / 3)
    assert all(image_of(asked) == "" for asked in says.asked)


def test_choices_come_in_another_order_each_time(item: Item, shows: Shows, says: Wire) -> None:
    """A model that always says A is right about as often as chance, whatever the gold letter is."""
    scores = []
    for index in range(4):
        caption = item("Nothing is told.", coloured(shows, index))
        (judged,) = says("utility", lambda asked, times: Say.text('{"answer": "A"}'), caption, shuffles=40)
        assert judged.score is not None
        scores.append(judged.score)
    assert sum(scores) / 4 == pytest.approx(0.25, abs=0.12)
    orders = {tuple(re.findall(r"^[A-Z]\. (.*)$", text_of(asked), re.MULTILINE)) for asked in says.asked}
    assert len(orders) > 10


def test_questions_are_chosen_once_for_all_captions_of_an_image(item: Item, shows: Shows, says: Wire) -> None:
    given = [shows(question=f"Question {n}?", answer=Answer(text=str(n), kind="number"), id=f"q{n}") for n in range(9)]
    says("utility", reader, item("One.", *given), item("Two.", *reversed(given)), questions=3)
    asked: dict[str, set[str]] = {}
    for each in says.asked:
        asked.setdefault(quoted(each, "Description"), set()).update(re.findall(r"Question \d", text_of(each)))
    assert len(asked["One."]) == 3
    assert asked["One."] == asked["Two."]


def test_no_question_and_no_answer_are_no_score(item: Item, shows: Shows, says: Wire) -> None:
    whole = shows(question="State it.", answer=Answer(text="x", kind="structure"))
    several = coloured(shows, 1, count=2)
    (judged,) = says("utility", reader, item("Blue.", whole, several))
    assert (judged.score, judged.unscored) == (None, "utility.no_questions")
    (judged,) = says("utility", lambda asked, times: Say.text("I say blue."), item("Blue.", coloured(shows, 1)))
    assert (judged.score, judged.unscored) == (None, "utility.invalid")
    assert judged.meta == {"questions": 1, "answers": 0, "failed": 2}


def test_a_failed_call_counts_for_nothing(item: Item, shows: Shows, says: Wire) -> None:
    said = iter([Say.text(None, refusal="no"), Say.text('{"answer": "3"}')])
    numbers = [shows(question=f"Q{n}?", answer=Answer(text="3", kind="number"), id=f"q{n}") for n in range(2)]
    (judged,) = says("utility", lambda asked, times: next(said), item("3 cups.", *numbers))
    assert judged.score == 1.0
    assert judged.meta["failed"] == 1
    assert judged.problem is not None
    assert judged.problem.code == "utility.refusal"
