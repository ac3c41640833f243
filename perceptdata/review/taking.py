"""Taking in: from an annotation and its task to what the reader said, or why it cannot count.

    said = take(row, annotation, plan)           # Said(spans, words, verdict, …); raises Rejected

Offsets are all that is believed of a region; what text a place says that it covers is not looked at. Each stretch is
trimmed of white space, and must lie inside its text. Stretches of one label that overlap say one thing and become one;
of different labels they are refused, or the `first` or the `longest` stays, as the plan says. An annotation counts
whole or not at all: half of it would say something that its reader never said.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, NamedTuple

from perceptdata.errors import Rejected
from perceptdata.review.plan import ReviewPlan
from perceptdata.review.screens import CORRECT, FIELDS, NOTHING_WRONG, WORDS, WORDS_OF, judged
from perceptdata.spans import Scheme, Span, SpanSet

REASONS = {
    "review.content": "the annotation is of a text that was not planned like that",
    "review.empty": "nothing is marked, or a marked stretch is empty",
    "review.gone": "the answer was removed after it had been taken in",
    "review.label": "a label or field that the screen does not have",
    "review.overlap": "two stretches overlap and have different labels",
    "review.place": "the place where people read could not hand the annotation back",
    "review.range": "a stretch lies outside its text",
    "review.replaced": "the same reader annotated the same task again, later",
    "review.skipped": "the reader skipped the task",
    "review.stands": "another answer than the one that was taken in before",
    "review.task": "there is no such task in the plan",
    "review.verdict": "no verdict, one that the screen does not have, or one that contradicts what is marked",
}
"""Why an annotation is not taken in; the codes of the rejects that a review's step writes."""


class Marked(NamedTuple):
    """A stretch, its label, and how it came to be."""

    start: int
    end: int
    label: str
    origin: str


@dataclass(frozen=True, slots=True)
class Said:
    """What a reader said of a task: `cot` and `words` are stretches of trace and caption, None where not asked."""

    cot: tuple[Marked, ...] | None = None
    words: tuple[Marked, ...] | None = None
    verdict: str | None = None
    refused: tuple[Rejected, ...] = field(default=())
    """Why a part of it does not count, of a screen with two."""


def take(row: Mapping[str, Any], annotation: Mapping[str, Any], plan: ReviewPlan) -> Said:
    """What counts of an annotation of the task in `row` (`texts` parsed). Raises Rejected where nothing does.

    On the combined screen trace and caption count each for itself.
    """
    who, key = annotation["reader"], row["key"]
    if annotation["skipped"]:
        raise Rejected("review.skipped", f"{who} skipped {key}{_note(annotation)}")
    fields = FIELDS[plan.screen]
    for region in annotation["regions"]:
        if region["text"] not in fields or region["text"] not in row["texts"]:
            raise Rejected(
                "review.label", f"{who}, {key}: something is marked in '{region['text']}', which nobody asks"
            )
    marked, problems = {}, []
    for name, scheme in fields.items():
        if name in row["texts"]:
            own = [region for region in annotation["regions"] if region["text"] == name]
            try:
                marked[name] = stretches(row["texts"][name], own, scheme, plan.overlaps, f"{who}, {key}")
                if name == "cot" and not marked[name] and plan.screen != "errors":
                    raise Rejected("review.empty", f"{who} submitted {key} without marking anything; mark it, or skip")
            except Rejected as problem:
                marked.pop(name, None)
                problems.append(problem)
    verdict, about = annotation["verdict"], judged(plan.screen)
    if words := WORDS_OF[plan.screen]:
        if about in row["texts"] and verdict not in words:
            told = "no verdict" if verdict is None else f"the verdict '{verdict}'"
            problems.append(Rejected("review.verdict", f"{who} gave {key} {told}; it is one of {', '.join(words)}"))
            marked.pop(about, None)
            verdict = None
        elif verdict == NOTHING_WRONG and marked.get(about):
            message = f"{who} said of {key} that nothing is wrong, and marked where it goes wrong; correct one of them"
            problems.append(Rejected("review.verdict", message))
            marked.pop(about)
            verdict = None
        elif verdict == CORRECT and any(mark.label == WORDS.labels[0] for mark in marked.get("caption", ())):
            message = f"{who} called {key} {verdict} and marked hallucinated words in it; correct one of them"
            problems.append(Rejected("review.verdict", message))
            marked.pop("caption")
            verdict = None
        elif about in fields and about not in marked:
            verdict = None
    if problems and not marked:
        raise problems[0]
    return Said(marked.get("cot"), marked.get("caption"), verdict, tuple(problems))


def stretches(
    text: str, regions: Sequence[Mapping[str, Any]], scheme: Scheme, overlaps: str, where: str
) -> tuple[Marked, ...]:
    """Regions of one text, sorted, trimmed, inside it and free of overlaps. Raises Rejected."""
    found = []
    for region in regions:
        start, end, label = region["start"], region["end"], region["label"]
        if label not in scheme.labels:
            has = ", ".join(scheme.labels)
            raise Rejected("review.label", f"{where}: '{label}' at {start} to {end} is no label; there are {has}")
        if not 0 <= start <= end <= len(text):
            raise Rejected(
                "review.range",
                f"{where}: {label} at {start} to {end} lies outside the text, which has {len(text)} characters",
            )
        covered = text[start:end]
        start, end = start + len(covered) - len(covered.lstrip()), start + len(covered.rstrip())
        if start >= end:
            raise Rejected("review.empty", f"{where}: {label} at {region['start']} covers nothing but white space")
        found.append(Marked(start, end, label, region["origin"]))
    return _apart(_joined(found), scheme, overlaps, where)


def _joined(found: Sequence[Marked]) -> list[Marked]:
    """Overlapping stretches of one label as one. What was made of several was changed by hand."""
    kept: dict[str, list[Marked]] = {}
    for each in sorted(found):
        own = kept.setdefault(each.label, [])
        if own and each.start < own[-1].end:
            last = own.pop()
            origin = last.origin if last[:2] == each[:2] else "manual"
            each = Marked(last.start, max(last.end, each.end), each.label, origin)
        own.append(each)
    return sorted(each for own in kept.values() for each in own)


def _apart(found: list[Marked], scheme: Scheme, overlaps: str, where: str) -> tuple[Marked, ...]:
    clash = next(((one, two) for one, two in pairwise(found) if two.start < one.end), None)
    if clash is None:
        return tuple(found)
    if overlaps == "refuse":
        one, two = clash
        raise Rejected(
            "review.overlap",
            f"{where}: {one.label} at {one.start} to {one.end} and {two.label} at {two.start} to {two.end} overlap; "
            "correct one of them",
        )
    spans = SpanSet.of([Span(each.start, each.end, each.label) for each in found], scheme)
    kept = {(span.start, span.end, span.label) for span in spans.resolve("first" if overlaps == "first" else "longest")}
    return tuple(each for each in found if each[:3] in kept)


def claim_verdicts(row: Mapping[str, Any], said: Said) -> list[tuple[str | None, str | None]]:
    """Of each claim of the caption a verdict, or why there is none.

    A claim with hallucinated words in it is contradicted, one with imprecise words is neither; all others are
    supported, unless the caption was called wrong and nothing in it was marked.
    """
    marks = said.words or ()
    found: list[tuple[str | None, str | None]] = []
    for claim in row["claims"]:
        inside = {mark.label for mark in marks if mark.start < claim["end"] and claim["start"] < mark.end}
        if "hallucinated" in inside:
            found.append(("contradicted", None))
        elif inside:
            found.append((None, "imprecise words are marked in it"))
        elif said.verdict != "correct" and not marks:
            found.append((None, f"the caption is {said.verdict}, and nothing is marked"))
        elif said.verdict == "wrong":
            found.append((None, "the caption is wrong, and other words are marked"))
        else:
            found.append(("supported", None))
    return found


def origins(marked: Sequence[Marked]) -> dict[str, int]:
    """How many stretches came to be in which way."""
    return dict(sorted(Counter(each.origin for each in marked).items()))


def _note(annotation: Mapping[str, Any]) -> str:
    return f": {annotation['note']}" if annotation["note"] else ""
