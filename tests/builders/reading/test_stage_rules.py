import pytest

from perceptdata.builders.reading.stage_rules import RULES, stage_of

CASES = {
    "works_out": [
        "Find the value of x.",
        "What is the area of the shaded region?",
        "How many more apples than pears are there?",
        "If the figure is folded, what colour is opposite red?",
    ],
    "attribute": ["What color is the car?", "<image>Which kind of animal is on the left?"],
    "exists": ["Is there a dog?", "Look. Are there any people?"],
    "reads": ["What number is written on the bus?", "What does the sign say?", "Transcribe the text."],
    "counts": ["How many people are there?", "How many cars can you see in the picture?"],
    "places": ["Where is the cat?", "What is to the left of the lamp?"],
    "describes": ["Describe the image.", "What is shown?"],
    "otherwise": ["∠AOD = 65°. ∠EOC = ___", "The kangaroo is inside how many circles?"],
}


@pytest.mark.parametrize(("rule", "question"), [(rule, q) for rule, questions in CASES.items() for q in questions])
def test_each_rule(rule: str, question: str) -> None:
    stage, decided = stage_of(question, images=1)
    assert decided.name == rule
    assert stage == ("visual_reasoning" if rule in ("works_out", "otherwise") else "perception")


def test_without_an_image_every_question_is_textual() -> None:
    for questions in CASES.values():
        for question in questions:
            stage, rule = stage_of(question, images=0)
            assert (stage, rule.name) == ("textual_reasoning", "no_image")


def test_every_rule_is_tried_here_and_has_its_reason() -> None:
    assert {rule.name for rule in RULES} == {"no_image", *CASES}
    assert all(rule.reason for rule in RULES)
