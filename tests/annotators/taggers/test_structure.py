"""The structure tagger: tags, fenced code, the final answer, and the border of a solver's trace."""

import pytest

from perceptdata.annotators.taggers.cues import Cues
from perceptdata.annotators.taggers.structure import Structure
from perceptdata.example import Answer, Example, Source
from perceptdata.tagging import tag_batch


def example(facts: str | None) -> Example:
    source = Source(builder="t", version="1", corpus="t", split="s", key="k", licence="MIT")
    return Example(
        id="t/s/k",
        stage="textual_reasoning",
        group="g",
        question="Which?",
        answer=Answer(text="1"),
        facts=facts,
        facts_quality="oracle" if facts else None,
        source=source,
    )


def tagged(text: str, facts: str | None = None, **options: object) -> list[tuple[str, str]]:
    (spans,) = tag_batch([("t", text, example(facts))], [Structure.model_validate(options)])
    assert all(span.score == 1.0 and span.tagger == "structure" for span in spans)
    return [(text[span.start : span.end], span.label) for span in spans]


def test_sections_by_name() -> None:
    text = "<CAPTION>A cup.</CAPTION>\n<REASONING>One. Two.</REASONING>\n<answer>2</answer>"
    assert tagged(text) == [
        ("<CAPTION>", "other"),
        ("A cup.", "perception"),
        ("</CAPTION>", "other"),
        ("<REASONING>", "other"),
        ("One.", "reasoning"),
        ("Two.", "reasoning"),
        ("</REASONING>", "other"),
        ("<answer>", "other"),
        ("2", "reasoning"),
        ("</answer>", "other"),
    ]


def test_a_thought_stays_open_and_the_inner_section_counts() -> None:
    text = "<think>Hm. <observe>A cup.</observe> So.</think>"
    assert [row for row in tagged(text) if row[1] != "other"] == [("A cup.", "perception")]
    inner = "<reasoning>So. <observe>A cup.</observe> Thus.</reasoning>"
    assert [row for row in tagged(inner) if row[1] != "other"] == [
        ("So.", "reasoning"),
        ("A cup.", "perception"),
        ("Thus.", "reasoning"),
    ]


@pytest.mark.parametrize("text", ["<caption>A cup.", "A cup.</caption>", "<caption>A cup.</description>"])
def test_a_lone_tag_opens_nothing(text: str) -> None:
    assert [row for row in tagged(text) if row[1] != "other"] == []


def test_code_is_other_and_the_final_box_is_reasoning() -> None:
    text = "Look.\n```py\nx = 1\n```\nMore.\nSo it is $\\boxed{1}$."
    assert tagged(text) == [("```py\nx = 1\n```", "other"), ("So it is $\\boxed{1}$.", "reasoning")]


def test_section_names_are_options() -> None:
    assert ("A cup.", "perception") in tagged("<scene>A cup.</scene>", perception=("scene",))
    with pytest.raises(ValueError, match="perceptions"):
        Structure.model_validate({"perceptions": ("scene",)})


FACTS = "Vertex 1 touches 2.\nVertex 2 touches 3."


@pytest.mark.parametrize(
    ("text", "seen", "thought"),
    [
        (f"{FACTS}\n\nStart at 1. Then 2.\n\\boxed{{2}}", FACTS, "Start at 1. Then 2.\n\\boxed{2}"),
        (f"\n {FACTS} Start at 1.", FACTS, "Start at 1."),
        (f"```\n{FACTS}\n```\nStart at 1.", f"```\n{FACTS}\n```", "Start at 1."),
    ],
)
def test_the_border_of_a_solvers_trace(text: str, seen: str, thought: str) -> None:
    assert tagged(text, FACTS) == [(seen, "perception"), (thought, "reasoning")]


def test_facts_alone() -> None:
    assert tagged(FACTS, FACTS) == [(FACTS, "perception")]


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        (f"First. {FACTS}", FACTS),  # not at the beginning
        ("Vertex 1 touches 23. Then", "Vertex 1 touches 2"),  # ends inside a clause
        (f"{FACTS} Then.", None),
        ("Then.", " "),
    ],
)
def test_no_border(text: str, facts: str | None) -> None:
    assert tagged(text, facts) == []


def test_the_border_can_be_switched_off() -> None:
    assert tagged(f"{FACTS}\nThen.", FACTS, facts_border=False) == []


def test_a_border_behind_another_tagger_is_left_alone() -> None:
    text = f"{FACTS}\nTherefore it follows."
    (spans,) = tag_batch([("t", text, example(FACTS))], [Cues(), Structure()])
    assert {span.tagger for span in spans} == {"cues"}
