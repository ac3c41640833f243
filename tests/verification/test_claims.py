"""Claims: their places and kinds, and captions that give an answer away."""

from typing import Any

import pytest

from perceptdata.example import Answer, Example, Image, Source
from perceptdata.plugins import Claim
from perceptdata.verification.claims import in_digits, kind_of, leaks, split, states_answer


def example(answer: str, facts: str | None = None, stage: Any = "visual_reasoning", **more: Any) -> Example:
    return Example(
        id=more.pop("id", "a"),
        stage=stage,
        group="g",
        images=(Image(sha256="0" * 64, width=4, height=4),),
        question="<image>How many?",
        answer=Answer(text=answer, **more.pop("gold", {})),
        facts=facts,
        source=Source(builder="b", version="1", corpus="c", split="train", key="a", licence="MIT"),
        **more,
    )


def test_claims_are_clauses_with_their_place() -> None:
    text = "Two red cups. The left one is full.\n\n---\n"
    ((first, second),) = split([text])
    assert (first, second) == (Claim(0, 13, "count"), Claim(14, 35, "spatial"))
    assert text[second.start : second.end] == "The left one is full."


@pytest.mark.parametrize(
    ("claim", "kind"),
    [
        ("There are 3 cups", "count"),
        ("Seven birds sit there", "count"),
        ("The cup is red", "colour"),
        ("A red cup stands behind the jug", "spatial"),
        ('A sign says "STOP"', "text"),
        ("The corner is labelled B", "spatial"),  # the more specific word wins
        ("It is a right angle", "other"),  # a right that is no side
        ("The man looks tired", "other"),
    ],
)
def test_kinds_follow_from_words(claim: str, kind: str) -> None:
    assert kind_of(claim) == kind


def test_number_words_become_digits() -> None:
    assert in_digits("Three of twelve, someone said") == "3 of 12, someone said"


@pytest.mark.parametrize(
    ("caption", "given", "found"),
    [
        ("The sum is 42.", example("42"), ["a"]),
        ("There are seven cups.", example("7"), ["a"]),  # a word for the number
        ("There are 421 cups.", example("42"), []),
        ("The sum is 42.", example("42", facts="a card that reads 42"), []),  # to be seen
        ("The sum is 42.", example("42", stage="perception"), []),  # looking is all that is asked
        ("No cup is yes or no.", example("no"), []),
        ("It is a blue bird.", example("B", gold={"index": 1, "kind": "choice"}, choices=("red", "blue")), ["a"]),
        ("It is B.", example("B", gold={"index": 1, "kind": "choice"}, choices=("red", "blue")), []),
    ],
)
def test_a_caption_leaks_what_facts_do_not_say(caption: str, given: Example, found: list[str]) -> None:
    assert leaks(caption, [given]) == found


def test_every_example_of_the_image_counts() -> None:
    given = [example("42", id="a"), example("9", id="b"), example("42", id="c")]
    assert leaks("It says 42.", given) == ["a", "c"]
    assert leaks("It says 42.", [*given, example("1", facts="the number 42", id="d")]) == []  # of the same image


def test_decimals_are_not_their_beginning() -> None:
    assert not states_answer("It is 4.25 long", example("4"))
    assert states_answer("It is 4.", example("4"))
