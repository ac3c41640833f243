from pathlib import Path

import pytest

from perceptdata.builders.corpora.dialogue import exchanges
from perceptdata.builders.corpora.problem import chosen, final, last_box, problem, solved
from perceptdata.builders.corpora.questions import same_question
from perceptdata.builders.corpora.tabular import Row
from perceptdata.builders.reading.pictures import Store
from perceptdata.errors import Rejected
from perceptdata.example import Turn


@pytest.fixture
def row(corpus: Path) -> Row:
    return Row({}, "7", "train", corpus / "rows.jsonl", Store(corpus))


@pytest.mark.parametrize(
    ("written", "text", "kind", "unit"),
    [
        ("(3, 4)", "(3, 4)", "expression", None),
        ("[-2,7]", "[-2,7]", "expression", None),
        ("$a+b$", "a+b", "expression", None),
        ("2ab", "2ab", "expression", None),
        ("3 or 4", "3 or 4", "expression", None),
        ("\\text{even}", "even", "text", None),
        ("14 meters", "14 meters", "number", "meters"),
        ("5\\sqrt{3}cm", "5\\sqrt{3}cm", "number", "cm"),
        ("$12$ cm", "12 cm", "number", "cm"),
        ("\\dfrac{1}{2} \\text{ hours}", "\\dfrac{1}{2} \\text{ hours}", "number", "hours"),
        ("\\$115,000", "\\$115,000", "number", "$"),
        ("7 days a week", "7 days a week", "text", None),
        ("\\text{(C)}", "C", "text", None),
        ("<answer> \\boxed{5} </answer>", "5", "number", None),
        ("**Final Answer:** 12", "12", "number", None),
        ("∵ AB = CD,\n∴ all is said. Therefore, it is: 25°.", "25", "number", "°"),
        ("So AC is 5. The answer is option B.", "B", "text", None),
        ("It is a dog", "It is a dog", "text", None),
        ("#### Step 1\nWe add.\n#### Step 2\nTherefore, the answer is 7.", "7", "number", None),
        ("We add.\n#### 1,207", "1207", "number", None),
        ("We compare.\n\nTherefore, the correct answer is:\n\n**C**", "C", "text", None),
        ("### Final Answer:\n\n4.5", "4.5", "number", None),
    ],
)
def test_open_answers(written: str, text: str, kind: str, unit: str | None) -> None:
    answer = solved(written)
    assert (answer.text, answer.kind, answer.unit) == (text, kind, unit)


@pytest.mark.parametrize(
    ("text", "inner"),
    [
        ("first \\boxed{1}, then $\\boxed{\\frac{1}{\\sqrt{2}}}$", "\\frac{1}{\\sqrt{2}}"),
        ("so $\\boxed 7$.", "7"),
        ("so \\fbox{x = {2}}", "x = {2}"),
    ],
)
def test_the_last_box(text: str, inner: str) -> None:
    assert last_box(text) == inner


@pytest.mark.parametrize(
    "text", ["\\boxed{1", "\\boxed{1} and \\boxed{\\frac{1}{2}", "\\boxed{}", "no box", "\\boxed{ }"]
)
def test_a_box_that_holds_nothing_or_never_ends(text: str) -> None:
    with pytest.raises(Rejected) as caught:
        last_box(text)
    assert caught.value.code == "answer.missing"


def test_an_open_box_is_no_answer() -> None:
    with pytest.raises(Rejected, match="never closed"):
        final("We get \\boxed{3}, or rather \\boxed{4")
    with pytest.raises(Rejected, match="empty"):
        solved("  ")


def test_choices_are_named_by_letter_text_or_number() -> None:
    choices = ("60°", "70 cm", "80")
    assert chosen("(B)", choices).index == 1
    assert chosen("B: 70cm", choices).index == 1  # its text is spelt otherwise: the letter decides
    assert chosen("80", choices).index == 2
    assert chosen("2", ("red", "blue", "green"), counted=True).index == 2
    for wrong in ("D", "E. none", "B. 80", "90", ""):
        with pytest.raises(Rejected) as caught:
            chosen(wrong, choices)
        assert caught.value.code == "answer.index"


def test_a_problem_keeps_what_was_written(row: Row) -> None:
    draft = problem(row, "Which?\n<image1>\nChoices:\nA. 3\nB. 4", "\\boxed{B}", images=[b"x"], meta={"level": None})
    assert (draft.question, draft.choices, draft.answer.text) == ("Which?\n<image>", ("3", "4"), "4")
    assert draft.meta == {"raw_question": "Which?\n<image1>\nChoices:\nA. 3\nB. 4", "raw_answer": "\\boxed{B}"}
    assert (draft.stage, draft.group) == ("visual_reasoning", None)
    bare = problem(row, "What is 2+3?", "5", meta={"subject": "sums"})
    assert (bare.stage, bare.group) == ("textual_reasoning", same_question("What is  2+3?"))
    assert bare.meta == {"subject": "sums"}
    assert problem(row, "Odd one?\nA. x\nB. y", "A").group != problem(row, "Odd one?\nA. u\nB. v", "A").group


def test_exchanges_carry_pictures_and_history() -> None:
    turns = [
        {"from": "human", "value": "<image>\nOne?"},
        {"from": "gpt", "value": "1"},
        {"from": "human", "value": "And <image>?"},
        {"from": "gpt", "value": " 2 "},
    ]
    first, second = exchanges(turns, [b"a", b"b"])
    assert (first.key("k"), first.images, first.history) == ("k", [b"a"], ())
    assert (second.key("k"), second.images, second.said) == ("k/turn2", [b"a", b"b"], "2")
    assert second.history == (Turn(role="user", text="<image>\nOne?"), Turn(role="assistant", text="1"))


def test_a_conversation_that_is_none(row: Row) -> None:
    with pytest.raises(Rejected, match="no user turn"):
        list(exchanges([{"from": "gpt", "value": "hello"}], []))
    with pytest.raises(Rejected, match="ends with a question"):
        list(exchanges([{"from": "human", "value": "hello?"}], []))


def test_exchanges_without_a_picture_share_the_group_of_the_first(row: Row) -> None:
    turns = [
        {"from": who, "value": text} for who, text in (("human", "A?"), ("gpt", "1"), ("human", "B?"), ("gpt", "2"))
    ]
    groups = {one.place(problem(row, one.question, one.said), row).group for one in exchanges(turns, [])}
    assert groups == {same_question("A?")}
