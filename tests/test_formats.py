"""The four response formats: what is valid, what the answer is, and that writing and parsing are inverse."""

from __future__ import annotations

import time
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perceptdata import registry
from perceptdata.errors import Rejected, UsageError
from perceptdata.formats import FORMATS, Format, Parsed, Reason, find_boxes

THINK: Format = registry.make("formats", "think_boxed")
DESCRIBE: Format = registry.make("formats", "describe_think_boxed")
FACTS: Format = registry.make("formats", "facts_trace")
ONLY: Format = registry.make("formats", "answer_only")
ALL = [THINK, DESCRIBE, FACTS, ONLY]


def parts(parsed: Parsed, text: str) -> dict[str, str]:
    return {span.label: text[span.start : span.end] for span in parsed.segments}


# Boxes


@pytest.mark.parametrize(
    ("text", "count", "content", "unclosed"),
    [
        (r"\boxed{5}", 1, "5", False),
        (r"first \boxed{5}, then \boxed{\frac{1}{2}}.", 2, r"\frac{1}{2}", False),
        (r"\boxed {7}", 1, "7", False),
        (r"\boxed{\{1, 2\}}", 1, r"\{1, 2\}", False),  # escaped braces do not count
        (r"\boxed{\{1, 2)}", 1, r"\{1, 2)", False),
        (r"\boxed{\boxed{5}}", 2, "5", False),
        (r"a } stray { \boxed{5}", 1, "5", False),
        (r"\boxed{5} and \boxed{7", 1, "5", True),
        (r"\boxed{ {5}", 0, "", True),
        (r"\boxed{5\}", 0, "", True),
        (r"\boxed 5", 0, "", False),
        (r"boxed{5}", 0, "", False),
        ("", 0, "", False),
    ],
)
def test_boxes(text: str, count: int, content: str, unclosed: bool) -> None:
    boxes = find_boxes(text)
    assert (boxes.count, boxes.content, boxes.unclosed) == (count, content, unclosed)
    assert boxes.start == (
        text.rfind("\\boxed", 0, len(text) if not unclosed else text.rfind("\\boxed")) if count else -1
    )


# Shape and answer


@pytest.mark.parametrize(
    ("text", "reason", "answer"),
    [
        ("<think>x + 3 = 7</think> So \\boxed{4}.", None, "4"),
        ("\n<think>\na\n</think>\n\\boxed{ 4 }\n", None, "4"),
        ("< think >a</ think >\\boxed{4}", None, "4"),
        ("<think></think>\\boxed{4}", None, "4"),
        ("<think>\\boxed{1}</think>\\boxed{2} or \\boxed{3}", None, "3"),
        ("<think>see <description></think>\\boxed{4}", None, "4"),  # no tag of this format
        ("<thinking>a</thinking>\\boxed{4}", "tag_missing", "4"),
        ("a</think>\\boxed{4}", "tag_missing", "4"),
        ("\\boxed{4}", "tag_missing", "4"),
        ("<think>a \\boxed{4}", "tag_unclosed", "4"),
        ("</think>a<think>\\boxed{4}", "tag_order", "4"),
        ("<think>a<think>b</think>\\boxed{4}", "tag_repeated", "4"),
        ("<think>a</think>b</think>\\boxed{4}", "tag_repeated", "4"),
        ("Well: <think>a</think>\\boxed{4}", "text_outside", "4"),
        ("<think>a \\boxed{4}</think> It is 4.", "answer_missing", None),
        ("<think>a</think> It is 4.", "answer_missing", None),
        ("<think>a</think>\\boxed{4", "box_unclosed", None),
        ("<think>a</think>\\boxed{3} \\boxed{4", "box_unclosed", None),
        ("<think>a</think>\\boxed{ }", "answer_empty", None),
        ("<think>a</think>\\boxed{" + "9" * 2001 + "}", "answer_too_long", None),
        ("", "tag_missing", None),
    ],
)
def test_think_boxed(text: str, reason: str | None, answer: str | None) -> None:
    parsed = THINK.parse(text)
    assert (parsed.reason, parsed.answer, parsed.valid) == (reason, answer, reason is None)


@pytest.mark.parametrize(
    ("text", "reason", "segments"),
    [
        (
            "<description> AB = 3 </description>\n<think>\nso x = 3\n</think>\nIt is \\boxed{3}. ",
            None,
            {"description": "AB = 3", "think": "so x = 3", "answer": "It is \\boxed{3}."},
        ),
        (" AB = 3</description><think>b</think>\\boxed{3}", None, {"description": "AB = 3", "think": "b"}),
        ("<description>a</description> hm <think>b</think>\\boxed{3}", "text_outside", {"think": "b"}),
        ("<think>b</think><description>a</description>\\boxed{3}", "tag_order", {"description": "a", "think": "b"}),
        ("<think>b</think>\\boxed{3}", "tag_missing", {"think": "b", "answer": "\\boxed{3}"}),
        ("<description>a<think>b", "tag_unclosed", {"description": "a", "think": "b"}),
        ("<description></description><think></think>\\boxed{3}", None, {"answer": "\\boxed{3}"}),
    ],
)
def test_describe_think_boxed(text: str, reason: str | None, segments: dict[str, str]) -> None:
    parsed = DESCRIBE.parse(text)
    assert parsed.reason == reason
    assert segments.items() <= parts(parsed, text).items()


def test_a_response_is_parsed_with_or_without_its_prefill() -> None:
    whole = DESCRIBE.write("3", think="b", description="a")
    assert whole.startswith(DESCRIBE.prefill)
    rest = whole.removeprefix(DESCRIBE.prefill)
    assert parts(DESCRIBE.parse(rest), rest) == parts(DESCRIBE.parse(whole), whole)
    assert DESCRIBE.parse(rest).valid
    opened: Format = registry.make("formats", "think_boxed", {"prefill": "<think>\n"})
    assert opened.parse("a</think>\\boxed{4}").valid
    assert not THINK.parse("a</think>\\boxed{4}").valid


@pytest.mark.parametrize(
    ("text", "reason", "segments"),
    [
        (
            "AB\nBC\n\nFirst.\n\nThen.\n\n\\boxed{3}",
            None,
            {"description": "AB\nBC", "think": "First.\n\nThen.", "answer": "\\boxed{3}"},
        ),
        (
            "\n\nAB\n \nFirst \\boxed{1}.\nSo it is \\boxed{3}.\n",
            None,
            {"description": "AB", "think": "First \\boxed{1}.", "answer": "So it is \\boxed{3}."},
        ),
        ("AB. First. \\boxed{3}", "facts_missing", {"answer": "AB. First. \\boxed{3}"}),
        ("AB\nFirst.\n\\boxed{3}", "facts_missing", {"think": "AB\nFirst.", "answer": "\\boxed{3}"}),
        ("AB\n\n\\boxed{3}", "think_missing", {"description": "AB", "answer": "\\boxed{3}"}),
        ("AB\n\nFirst.", "answer_missing", {"description": "AB", "think": "First."}),
        ("", "facts_missing", {}),
    ],
)
def test_facts_trace(text: str, reason: str | None, segments: dict[str, str]) -> None:
    parsed = FACTS.parse(text)
    assert parsed.reason == reason
    assert parts(parsed, text) == segments


@pytest.mark.parametrize(
    ("text", "reason", "answer"),
    [
        (" 13 \n", None, "13"),
        ("Answer: 13", None, "13"),
        ("I add them.\n**Final answer:** 13 cm\n", None, "13 cm"),
        ("Answer: 1\nanswer : 2", None, "2"),
        ("so <answer> B </answer>.", None, "B"),
        ("<answer>A</answer> no, <Answer>B</ answer>", None, "B"),
        ("It is \\boxed{13}. Answer: 14", None, "13"),
        ("<answer>B", "tag_unclosed", None),
        ("B</answer>", "tag_unclosed", None),
        ("<answer> </answer>", "answer_empty", None),
        ("Answer:", "answer_empty", None),
        ("\\boxed{13", "box_unclosed", None),
        (" \n", "answer_missing", None),
        ("long " * 500, "answer_too_long", None),
    ],
)
def test_answer_only(text: str, reason: str | None, answer: str | None) -> None:
    parsed = ONLY.parse(text)
    assert (parsed.reason, parsed.answer) == (reason, answer)


def test_two_boxes_are_counted_and_the_last_one_counts() -> None:
    parsed = THINK.parse("<think>a</think>\\boxed{1} \\boxed{2}")
    assert (parsed.boxes, parsed.answer, parsed.valid) == (2, "2", True)


PIECES = st.sampled_from(
    [
        "<think>",
        "</think>",
        "<description>",
        "</description>",
        "<answer>",
        "</answer>",
        "\\boxed{",
        "{",
        "}",
        "\\",
        "\n\n",
        "a",
        " ",
        "Answer: ",
        "7",
        "é",
    ]
)


@given(st.lists(PIECES, max_size=20).map("".join))
def test_parse_takes_anything_apart(text: str) -> None:
    for form in ALL:
        parsed = form.parse(text)
        parsed.segments.check(len(text))
        assert all(not text[at].isspace() for span in parsed.segments for at in (span.start, span.end - 1))
        assert parsed.reason is None or parsed.reason in get_args(Reason)
        assert not (parsed.valid and parsed.answer is None)
        assert parsed.answer is None or parsed.answer in text


@pytest.mark.parametrize("unit", ["\\boxed{", "<think>", "<", "< ", "{", "<answer>", "Answer:", "\n", "* ", "\\"])
def test_hostile_repetition_stays_cheap(unit: str) -> None:
    text = unit * (200_000 // len(unit))
    started = time.process_time()
    for form in ALL:
        form.parse(text)
    assert time.process_time() - started < 5  # quadratic work would take minutes


# Writing

WORDS = st.text(st.characters(exclude_characters="\\{}<>", exclude_categories=("Cs", "Cc")), min_size=1).filter(
    str.strip
)


@given(answer=WORDS, think=WORDS, facts=WORDS)
def test_what_is_written_parses_back(answer: str, think: str, facts: str) -> None:
    for form in (THINK, DESCRIBE, FACTS):
        given_parts = {"think": think, "description": facts} if "description" in form.blocks else {"think": think}
        text = form.write(answer, **given_parts)
        parsed = form.parse(text)
        assert (parsed.valid, parsed.answer, parsed.boxes) == (True, answer.strip(), 1)
        read = parts(parsed, text)
        assert read.pop("answer") == f"\\boxed{{{answer.strip()}}}"
        assert read == {block: part.strip() for block, part in given_parts.items()}


@given(WORDS.filter(lambda word: "answer" not in word.casefold()))
def test_a_lone_answer_parses_back(answer: str) -> None:
    assert ONLY.parse(ONLY.write(answer)).answer == answer.strip()


def test_the_canonical_form_of_the_synthetic_families() -> None:
    facts, trace, answer = "edges: 0-1, 1-2", "Colour 0 a.\n\nThen 1 is b.", "0: a, 1: b, 2: a"
    text = f"{facts}\n\n{trace}\n\n\\boxed{{{answer}}}"
    assert FACTS.write(answer, think=trace, description=facts) == text
    assert parts(FACTS.parse(text), text) == {"description": facts, "think": trace, "answer": f"\\boxed{{{answer}}}"}


@pytest.mark.parametrize(
    ("form", "answer", "think", "description"),
    [
        (THINK, "4", "a</think>b", ""),
        (THINK, "4}", "a", ""),
        (THINK, "{4", "a", ""),
        (THINK, " ", "a", ""),
        (DESCRIBE, "4", "a", "see <think>"),
        (FACTS, "4", "a", "one\n\ntwo"),
        (FACTS, "4", "", "one"),
        (FACTS, "4", "a", ""),
        (ONLY, "<answer>4</answer>", "", ""),
    ],
)
def test_parts_that_would_not_parse_back_are_refused(form: Format, answer: str, think: str, description: str) -> None:
    with pytest.raises(Rejected) as caught:
        form.write(answer, think=think, description=description)
    assert caught.value.code == "format.unwritable"


def test_a_part_without_a_place_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="think_boxed has no place for a description"):
        THINK.write("4", think="a", description="b")


# Options


def test_every_format_of_the_catalogue_has_its_name_and_words() -> None:
    for name in FORMATS:
        form = registry.make("formats", name)
        assert form.name == name
        assert form.ask("Find x.") == f"Find x.\n\n{form.rule}"
        assert (form.system, form.instruction) == ("", form.rule)
        for block in form.blocks if form is not FACTS and name != "facts_trace" else ():
            assert f"<{block}>" in form.rule
            assert f"</{block}>" in form.rule


def test_the_rule_moves_to_the_system_prompt() -> None:
    form = registry.make(
        "formats", "think_boxed", {"place": "system", "max_pixels": 1048576, "max_prompt_tokens": 4096}
    )
    assert (form.system, form.instruction, form.ask("Find x.")) == (form.rule, "", "Find x.")
    assert form.options()["max_pixels"] == 1048576


def test_the_answer_limit_is_an_option() -> None:
    short = registry.make("formats", "think_boxed", {"max_answer": 3})
    assert short.parse("<think>a</think>\\boxed{123}").answer == "123"
    assert short.parse("<think>a</think>\\boxed{1234}").reason == "answer_too_long"


def test_a_wrong_option_is_named() -> None:
    with pytest.raises(
        UsageError, match=r"format 'think_boxed': unknown key 'max_pixel' \(did you mean 'max_pixels'\?\)"
    ):
        registry.make("formats", "think_boxed", {"max_pixel": 1})


def test_choices_are_listed_by_letter_between_question_and_instruction() -> None:
    form = registry.make("formats", "answer_only", {"rule": "Only the answer."})
    asked = form.ask("<image>Find x.", ["12", "13"])
    assert asked == (
        "<image>Find x.\n\nChoices:\nA. 12\nB. 13\nAnswer with the letter of the right choice.\n\nOnly the answer."
    )
    assert form.ask("Why?") == "Why?\n\nOnly the answer."


def test_answer_only_takes_other_labels_for_the_answer_s_line() -> None:
    form: Format = registry.make("formats", "answer_only", {"labels": ["A", "####"]})
    assert form.parse("13 * 2 = 26\nA: 26").answer == "26"
    assert form.parse("A: 1\n####: 2").answer == "2"
    assert form.parse("13 * 2 = 26\nAnswer: 26").answer == "13 * 2 = 26\nAnswer: 26"
    with pytest.raises(UsageError, match="labels"):
        registry.make("formats", "answer_only", {"labels": []})


@pytest.mark.parametrize(
    ("text", "answer", "in_prose"),
    [
        ("B", "B", "B"),
        ("(B)", "B", "B"),
        ("**B**", "B", "B"),
        ("B. red", "B", "B"),
        ("B: red\nbecause", "B", "B"),
        ("Option C.", "C", "C"),
        ("The answer is (d).", "D", "D"),
        ("Answer: B", "B", "B"),
        ("I see two. Answer: C\nA is wrong.", "C", "C"),
        ("A red car", None, "A"),  # the English article, which the released filter takes for an answer
        ("answer is a red car", None, None),
        ("It could be B or C", None, "B"),
        ("nothing", None, None),
        ("", None, None),
    ],
)
def test_letters(text: str, answer: str | None, in_prose: str | None) -> None:
    parsed = registry.make("formats", "letter").parse(text)
    assert (parsed.answer, parsed.valid) == (answer, answer is not None)
    assert registry.make("formats", "letter", {"prose": True}).parse(text).answer == in_prose


def test_a_letter_is_written_as_it_is_read() -> None:
    assert registry.make("formats", "letter").write("C") == "C"
