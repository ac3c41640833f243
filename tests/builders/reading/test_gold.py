import pytest

from perceptdata.builders.reading.gold import boxed, final_answer, marked_answer, typed


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("<answer> 145° </answer>", "145°"),
        ("so \\boxed{1} <answer>2</answer>", "2"),
        ("<SUMMARY>s</SUMMARY><CONCLUSION>B</CONCLUSION>", "B"),
        ("1+1=2\n#### 2", "2"),
        ("first \\boxed{1}, then $\\boxed{\\frac{1}{\\sqrt{2}}}$.", "\\frac{1}{\\sqrt{2}}"),
        ("We add.\nAnswer: 12", "12"),
        ("The final answer is: 7", None),
        ("Final answer: 7", "7"),
        ("forty-two", None),
    ],
)
def test_marked_answers(text: str, answer: str | None) -> None:
    assert marked_answer(text) == answer
    assert final_answer(text) == (text if answer is None else answer)


def test_boxes_are_matched_by_brace() -> None:
    assert boxed("\\boxed{a{b}c}") == "a{b}c"
    assert boxed("\\boxed{1} and \\boxed{2") == "1"
    assert boxed("\\fbox{1}") is None
    assert boxed("\\fboxed{1}") == "1"


@pytest.mark.parametrize(
    ("text", "value", "kind", "unit"),
    [
        ("45", "45", "number", None),
        ("$$49$$", "49", "number", None),
        ("109,200", "109200", "number", None),
        ("-3.5", "-3.5", "number", None),
        ("−3", "-3", "number", None),
        ("25°.", "25", "number", "°"),
        ("$$69^{\\circ}$$", "69", "number", "°"),
        ("12\\%", "12", "number", "%"),
        (".5", ".5", "number", None),
        ("$$\\dfrac{25}{8}$$", "\\dfrac{25}{8}", "number", None),
        ("1/3", "1/3", "number", None),
        ("$5n-4$", "5n-4", "expression", None),
        ("$6\\sqrt{3}$.", "6\\sqrt{3}", "expression", None),
        ("$9:10$", "9:10", "expression", None),
        ("$x > 1$", "x > 1", "expression", None),
        ("Jia", "Jia", "text", None),
        ("360 sets", "360 sets", "text", None),
        ("14 meters\n10 square meters", "14 meters\n10 square meters", "text", None),
        (".", ".", "text", None),
    ],
)
def test_kinds(text: str, value: str, kind: str, unit: str | None) -> None:
    answer = typed(text)
    assert (answer.text, answer.kind, answer.unit) == (value, kind, unit)
