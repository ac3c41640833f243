import pytest

from perceptdata.builders.reading.choices import index_of, inline_choices, layout_of, read_choices
from perceptdata.errors import Rejected


@pytest.mark.parametrize(
    "value",
    [
        ["red", "blue", "5 cm"],
        "['red', 'blue', '5 cm']",
        '["red", "blue", "5 cm"]',
        {"B": "blue", "A": "red", "C": "5 cm", "D": None},
        "A. red; B. blue; C. 5 cm",
        "A. red; B．blue；C. 5 cm;",  # a full-width stop and semicolon, as We-Math has them
        "A: red\nB: blue\nC: 5 cm",
        ["A. red", "B. blue", "C. 5 cm"],
        "(A) red (B) blue (C) 5 cm",
    ],
)
def test_choices_in_every_spelling(value: object) -> None:
    assert read_choices(value) == ("red", "blue", "5 cm")


def test_choices_keep_what_only_looks_like_a_letter() -> None:
    assert read_choices(["A", "B", "C"]) == ("A", "B", "C")
    assert read_choices(["(A)", "(B)"]) == ("(A)", "(B)")
    assert read_choices(["B. Franklin", "G. Washington"]) == ("B. Franklin", "G. Washington")
    assert read_choices("A. E. coli; B. yeast") == ("E. coli", "yeast")
    assert read_choices(None) == read_choices([]) == ()


@pytest.mark.parametrize(
    "value", ["A. red; B. blue; B. green", "A. red\nA. blue", "B. red; C. blue", "red or blue", "[open('x')]"]
)
def test_texts_that_are_no_choices(value: str) -> None:
    with pytest.raises(Rejected) as caught:
        read_choices(value)
    assert caught.value.code == "field.invalid"


def test_choices_inside_the_question() -> None:
    found = inline_choices("Which angle?\nChoices:\nA:145°\nB:35°\nC:No correct answer")
    assert found == ("Which angle?", ("145°", "35°", "No correct answer"))
    found = inline_choices("Which?\n(A) one\n(B) two\nAnswer with the letter.")
    assert found == ("Which?\nAnswer with the letter.", ("one", "two"))
    assert inline_choices("A. Smith asks:\nwhat is 1?") is None  # one letter alone is no choice
    assert inline_choices("Is A: 1 so B: 2?") is None


@pytest.mark.parametrize(
    ("answer", "counted", "index"),
    [
        ("blue", False, 1),
        ("B", False, 1),
        ("(b)", False, 1),
        ("B. blue", False, 1),
        (1, True, 1),
        ("2", True, 2),
        ("2", False, 0),
    ],
)
def test_which_choice_an_answer_names(answer: object, counted: bool, index: int) -> None:
    assert index_of(answer, ["2", "blue", "1"], counted) == index


@pytest.mark.parametrize(("answer", "counted"), [("green", False), ("D", False), (3, True), (-1, True), ("red", False)])
def test_an_answer_that_names_none_or_two(answer: object, counted: bool) -> None:
    with pytest.raises(Rejected) as caught:
        index_of(answer, ["red", "blue", "red"], counted)
    assert caught.value.code == "answer.index"


@pytest.mark.parametrize(
    ("answers", "choices", "layout"),
    [
        ([0, 1], [["red", "blue"]] * 2, "list+index"),
        (["0", "1"], [["red", "blue"]] * 2, "list+index"),
        (["2", "1"], [["1", "2"]] * 2, "list+text"),
        ([0, 1], [["0", "1"]] * 2, "list+text"),
        (["A", "B"], [["red", "blue"]] * 2, "list+letter"),
        (["A", "E"], [["A", "E"], ["1", "2", "3", "4", "5"]], "list+letter"),
        (["red", "blue"], [["red", "blue"]] * 2, "list+text"),
        (["6"], [[]], None),
    ],
)
def test_layouts(answers: list[object], choices: list[list[str]], layout: str | None) -> None:
    assert layout_of(answers, choices, False) == layout
