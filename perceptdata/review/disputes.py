"""Disputes: texts that people read differently, put to somebody who decides; and whose reading stands in the end.

    tasks = disputes(plan, shared(...))         # for the reader `last`: shown all readings, marked what all agree on
    standing = decide(plan, shared(...), last)   # whose reading stands of each text

Of traces, a dispute is a clause with two labels (as `perceptdata agreement` counts them); of captions, two verdicts, or
a claim that one calls supported and another contradicted; of errors, two kinds, wherever they are said to begin. Who
decides sees readings by number, not by name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from perceptdata.agreement.annotations import Coded
from perceptdata.agreement.units import refine
from perceptdata.review.design import LAST
from perceptdata.review.plan import PlannedTask, PlannedTasks, RegionRecord, ReviewPlan, content_of
from perceptdata.review.readings import Reading
from perceptdata.review.screens import READINGS, judged
from perceptdata.review.taking import Said, claim_verdicts
from perceptdata.spans import PRO, Span, SpanSet

ADJUDICATOR = "adjudication"
Text = tuple[str, str | None, str | None]
"""What was read: the task's key and the hashes of its texts."""


@dataclass(frozen=True, slots=True)
class Shared:
    """One text that several people read: by reader, in the order of the plan."""

    row: Mapping[str, Any]
    said: dict[str, Said]


def text_of(row: Mapping[str, Any]) -> Text:
    """What a task's reading is of, whoever reads."""
    return row["key"], row["text_sha256"], row["caption_sha256"]


def shared(plan: ReviewPlan, tasks: PlannedTasks, found: Iterable[Reading]) -> dict[Text, Shared]:
    """The texts that two people or more have read. Only what is dealt to several is held."""
    dealt: dict[str, set[str]] = {}
    table = tasks.table(["key", "reader"])
    for key, reader in zip(table.column("key").to_pylist(), table.column("reader").to_pylist(), strict=True):
        dealt.setdefault(key, set()).add(reader)
    held: dict[Text, Shared] = {}
    for reading in found:
        row = reading.row
        if not reading.counts or row is None or reading.said is None or len(dealt.get(row["key"], ())) < 2:
            continue
        held.setdefault(text_of(row), Shared(row, {})).said[row["reader"]] = reading.said
    order = {person: at for at, person in enumerate(plan.people)}
    return {
        text: Shared(each.row, dict(sorted(each.said.items(), key=lambda pair: order.get(pair[0], len(order)))))
        for text, each in held.items()
        if len(each.said) > 1
    }


def disputes(plan: ReviewPlan, both: Mapping[Text, Shared]) -> list[PlannedTask]:
    """A task for each text in dispute, for whoever has the last word, in the order of their addresses."""
    apart = _clauses(plan, both)
    found: list[PlannedTask] = []
    for text, each in sorted(both.items(), key=lambda pair: pair[0][0]):
        clauses, agreed = apart.get(text, ([], []))
        verdicts = _verdicts_differ(plan, each)
        if not clauses and not verdicts:
            continue
        lines = [
            f"“{' '.join(part.split())}”: {', '.join(f'reading {n} {label}' for n, label in labels)}"
            for part, labels in clauses
        ]
        if verdicts:
            lines += [_told(plan, number, each.row, said) for number, said in enumerate(each.said.values(), 1)]
        found.append(_task(plan, each.row, len(found), "\n".join(lines), agreed))
    return found


def decide(plan: ReviewPlan, both: Mapping[Text, Shared], last: Iterable[Text]) -> dict[Text, str | None]:
    """Whose reading stands of each text that several read: the last word, or that of whoever marked most where nobody
    disagrees; None where the dispute is open.
    """
    spoken, apart = set(last), _clauses(plan, both)
    found: dict[Text, str | None] = dict.fromkeys(spoken, LAST)
    for text, each in both.items():
        if text in spoken:
            continue
        if apart.get(text, ([], []))[0] or _verdicts_differ(plan, each):
            found[text] = None
        else:
            found[text] = max(
                each.said, key=lambda reader: (_marked(each.said[reader]), -list(each.said).index(reader))
            )
    return found


def _clauses(
    plan: ReviewPlan, both: Mapping[Text, Shared]
) -> dict[Text, tuple[list[tuple[str, list[tuple[int, str]]]], list[Span]]]:
    """By text, the clauses in dispute with who gave which label, and what all who labelled it agree on."""
    if plan.screen == "errors":  # the kind is what counts
        return {}
    texts = [text for text, each in both.items() if sum(said.cot is not None for said in each.said.values()) > 1]
    if not texts:
        return {}
    many = max(len(both[text].said) for text in texts)
    sets = [[_set(list(both[text].said.values()), at) for text in texts] for at in range(many)]
    coded = Coded(
        PRO,
        tuple(map(str, range(many))),
        [text[0] for text in texts],
        [both[t].row["texts"]["cot"] for t in texts],
        sets,
    )
    pieces = refine(coded)
    label = pieces.clauses().label
    found: dict[Text, tuple[list[tuple[str, list[tuple[int, str]]]], list[Span]]] = {text: ([], []) for text in texts}
    for at in range(len(label)):
        text, start, end = texts[pieces.clause_text[at]], int(pieces.clause_start[at]), int(pieces.clause_end[at])
        said = [(number + 1, PRO.labels[code]) for number, code in enumerate(label[at].tolist()) if code >= 0]
        names = {name for _, name in said}
        if len(names) > 1:
            found[text][0].append((both[text].row["texts"]["cot"][start:end], said))
        elif names:
            found[text][1].append(Span(start, end, names.pop()))
    return found


def _set(said: Sequence[Said], at: int) -> SpanSet | None:
    """The spans of one of several readings; None where there is none."""
    cot = said[at].cot if at < len(said) else None
    return None if cot is None else SpanSet.of([Span(each.start, each.end, each.label) for each in cot])


def _verdicts_differ(plan: ReviewPlan, each: Shared) -> bool:
    said = [one for one in each.said.values() if one.verdict is not None]
    if len({one.verdict for one in said}) > 1:
        return True
    by_claim = zip(*(claim_verdicts(each.row, one) for one in said), strict=True)
    return any(len({verdict for verdict, _ in claim if verdict is not None}) > 1 for claim in by_claim)


def _told(plan: ReviewPlan, number: int, row: Mapping[str, Any], said: Said) -> str:
    text = row["texts"][judged(plan.screen)]
    marked = said.cot if plan.screen == "errors" else said.words
    marks = "; ".join(f"{mark.label} “{text[mark.start : mark.end]}”" for mark in marked or ())
    return f"reading {number}: {said.verdict}{'; ' + marks if marks else ''}"


def _marked(said: Said) -> int:
    return sum(mark.end - mark.start for mark in said.cot or ())


def _task(plan: ReviewPlan, row: Mapping[str, Any], place: int, told: str, agreed: Sequence[Span]) -> PlannedTask:
    shown = {**row["texts"], READINGS: told}
    kept = ("key", "about", "text_id", "text_sha256", "caption_id", "caption_sha256", "image", "stratum", "score")
    spans = SpanSet.of(agreed).merge(gap=1)
    return PlannedTask(
        **{name: row[name] for name in kept},
        reader=LAST,
        content=content_of(plan.screen, shown, row["image"]),
        place=place,
        texts=shown,
        guesses=tuple(RegionRecord(text="cot", start=span.start, end=span.end, label=span.label) for span in spans),
        guessed_by=ADJUDICATOR if agreed else None,
        claims=tuple(row["claims"]),
        probability=row["probability"],
    )
