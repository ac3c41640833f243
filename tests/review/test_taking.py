"""Taking in: offsets alone, trimmed, inside the text, free of overlaps; each refusal a sentence."""

from typing import Any

import pytest
from review import reading

from perceptdata.errors import Rejected
from perceptdata.review import ReviewPlan
from perceptdata.review.screens import WORDS
from perceptdata.review.taking import Marked, Said, claim_verdicts, origins, stretches, take
from perceptdata.spans import PRO

TEXT = "🙂🙂 two\n\n $x$ é<b> end "


def region(
    start: Any, end: Any, label: str = "perception", text: str = "cot", origin: str = "manual"
) -> dict[str, Any]:
    return {"text": text, "start": start, "end": end, "label": label, "score": None, "origin": origin}


def given(*regions: dict[str, Any], **more: Any) -> dict[str, Any]:
    told = {"reader": "ann", "skipped": False, "note": None, "verdict": None, "regions": list(regions)}
    return {**told, **more}


def spans(*regions: dict[str, Any], overlaps: str = "refuse") -> list[tuple[int, int, str]]:
    return [mark[:3] for mark in stretches(TEXT, regions, PRO, overlaps, "ann, t")]


def test_stretches_are_code_points_and_lose_only_white_space() -> None:
    (mark,) = stretches(TEXT, [region(2, 8)], PRO, "refuse", "t")
    assert TEXT[mark.start : mark.end] == "two"
    assert spans(region(0, 2), region(8, 14, "reasoning")) == [(0, 2, "perception"), (9, 14, "reasoning")]
    assert TEXT[9:14] == "$x$ é"
    assert spans(region(0, len(TEXT))) == [(0, len(TEXT) - 1, "perception")]


@pytest.mark.parametrize(
    ("bad", "code", "says"),
    [
        (region(0, 99), "review.range", "lies outside the text, which has 22 characters"),
        (region(-1, 3), "review.range", "lies outside"),
        (region(5, 3), "review.range", "lies outside"),
        (region(3, 3), "review.empty", "nothing but white space"),
        (region(6, 9), "review.empty", "nothing but white space"),
        (region(0, 2, "PERCEPTION"), "review.label", "'PERCEPTION' at 0 to 2 is no label; there are perception"),
    ],
)
def test_what_cannot_be_is_refused_with_a_sentence(bad: dict[str, Any], code: str, says: str) -> None:
    assert len(TEXT) == 22
    with pytest.raises(Rejected, match=says) as told:
        spans(region(0, 2), bad)
    assert told.value.code == code
    assert str(told.value).startswith("ann, t: ")


def test_overlaps_of_one_label_are_one_and_of_two_are_for_the_plan_to_decide() -> None:
    assert spans(region(0, 4), region(3, 6)) == [(0, 6, "perception")]
    marks = stretches(TEXT, [region(0, 4, origin="prediction"), region(3, 6)], PRO, "refuse", "t")
    assert origins(marks) == {"manual": 1}
    clash = (region(0, 4), region(3, 14, "reasoning"))
    with pytest.raises(Rejected, match="perception at 0 to 4 and reasoning at 3 to 14 overlap; correct one of them"):
        spans(*clash)
    assert spans(*clash, overlaps="first") == [(0, 4, "perception")]
    assert spans(*clash, overlaps="longest") == [(3, 14, "reasoning")]
    inside = (region(0, 14), region(3, 6, "reasoning"), region(16, 18, "other"))
    assert spans(*inside, overlaps="first") == [(0, 14, "perception"), (16, 17, "other")]


def row(screen: str, **more: Any) -> tuple[dict[str, Any], ReviewPlan]:
    texts = {"cot": TEXT, "caption": "Two red cups. One is full."}
    shown = {name: texts[name] for name in {"spans": ["cot"], "captions": ["caption"]}.get(screen, ["cot", "caption"])}
    planned = reading.plan(screen=screen, layers=("tags",), captions=None if screen == "spans" else "caps")
    return {"key": "t", "texts": shown, **more}, planned


def test_a_trace_without_marks_is_no_reading_and_a_skip_is_one() -> None:
    task, planned = row("spans")
    with pytest.raises(Rejected, match="ann submitted t without marking anything") as told:
        take(task, given(), planned)
    assert told.value.code == "review.empty"
    with pytest.raises(Rejected, match="ann skipped t: too dark") as told:
        take(task, given(region(0, 2), skipped=True, note="too dark"), planned)
    assert told.value.code == "review.skipped"
    with pytest.raises(Rejected, match="something is marked in 'question'"):
        take(task, given(region(0, 2, text="question")), planned)
    assert take(task, given(region(0, 2)), planned) == Said(cot=(Marked(0, 2, "perception", "manual"),))


def test_a_caption_needs_a_verdict_of_the_screen() -> None:
    task, planned = row("captions")
    with pytest.raises(Rejected, match="ann gave t no verdict; it is one of correct, partially, wrong"):
        take(task, given(), planned)
    with pytest.raises(Rejected, match="the verdict 'fine'"):
        take(task, given(verdict="fine"), planned)
    said = take(task, given(region(4, 7, "hallucinated", "caption"), verdict="partially"), planned)
    assert said == Said(words=(Marked(4, 7, "hallucinated", "manual"),), verdict="partially")
    with pytest.raises(Rejected, match="called t correct and marked hallucinated words in it"):
        take(task, given(region(4, 7, "hallucinated", "caption"), verdict="correct"), planned)
    with pytest.raises(Rejected, match="'perception' at 4 to 7 is no label"):
        take(task, given(region(4, 7, text="caption"), verdict="partially"), planned)


def test_on_a_screen_with_two_each_part_counts_for_itself() -> None:
    task, planned = row("combined")
    said = take(task, given(region(0, 2)), planned)
    assert (said.cot is not None, said.words, said.verdict) == (True, None, None)
    assert [problem.code for problem in said.refused] == ["review.verdict"]
    said = take(task, given(verdict="correct"), planned)
    assert (said.cot, said.words, said.verdict) == (None, (), "correct")
    assert [problem.code for problem in said.refused] == ["review.empty"]
    with pytest.raises(Rejected, match="without marking anything"):
        take(task, given(), planned)


def test_claims_follow_from_marked_words() -> None:
    claims = [{"start": 0, "end": 13}, {"start": 14, "end": 26}]

    def of(verdict: str, *marks: tuple[int, int, str]) -> list[str | None]:
        words = tuple(Marked(*mark, "manual") for mark in marks)
        return [word for word, _ in claim_verdicts({"claims": claims}, Said(words=words, verdict=verdict))]

    assert of("correct") == ["supported", "supported"]
    assert of("partially", (4, 7, WORDS.labels[0])) == ["contradicted", "supported"]
    assert of("partially", (4, 16, WORDS.labels[0])) == ["contradicted", "contradicted"]
    assert of("partially", (4, 7, WORDS.labels[1])) == [None, "supported"]
    assert of("partially") == [None, None]  # which claim is wrong is not said
    assert of("wrong", (4, 7, WORDS.labels[0])) == ["contradicted", None]
