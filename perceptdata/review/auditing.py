"""Auditing: the audit of a certificate as a review like any other. Its tasks are claims, its answers a log that stands.

    sample = make_audit(ws, design, "audit")     # draws, and keeps sample, plan and tasks
    audit_tasks(ws, sample, sample.turns)        # one PlannedTask for each turn: a trap looks like everything else
    rows, problems = audit_rows(sample, earlier, readings(...))

An answer that was taken in stands: a certificate was or will be made of it. Another one to the same item, and its
removal, are said and change nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from perceptdata.errors import Rejected, UsageError
from perceptdata.layers import Review, text_sha256
from perceptdata.review.answers import Answer, as_reviews
from perceptdata.review.design import Chosen, Design, Sample, Trap, Turn
from perceptdata.review.drawing import draw
from perceptdata.review.plan import (
    BackendName,
    PlannedTask,
    ReviewPlan,
    content_of,
    load_plan,
    review_folder,
    save_plan,
    write_tasks,
)
from perceptdata.review.readings import Reading
from perceptdata.review.rows import PRODUCER

if TYPE_CHECKING:
    from perceptdata.workspace import Workspace


def make_audit(
    ws: Workspace, design: Design, name: str, backend: BackendName = "jsonl", options: Mapping[str, Any] | None = None
) -> Sample:
    """Draw the sample and keep it, with the tasks of its readers. Raises UsageError where the name is taken."""
    state = ws.manifest.steps.get(name)
    if state is not None and state.current.do != "review":
        raise UsageError(f"'{name}' is a {state.current.do} step in {ws.path}; give the audit another name")
    folder = review_folder(ws, name)
    if (folder / "plan.json").exists() and load_plan(ws, name).screen != "claims":
        raise UsageError(f"'{name}' is another review in {ws.path}; give the audit another name")
    sample = draw(ws, design, name)
    plan = audit_plan(sample, backend, options or {})
    if not (folder / "plan.json").exists():
        write_tasks(folder / "tasks.parquet", audit_tasks(ws, sample, sample.turns))
    elif load_plan(ws, name).backend != backend:
        raise UsageError(f"audit '{name}' is read elsewhere already; give this one another name")
    save_plan(ws, plan)
    return sample


def audit_plan(sample: Sample, backend: BackendName, options: Mapping[str, Any]) -> ReviewPlan:
    """The plan that follows from a sample."""
    design = sample.design
    return ReviewPlan(
        name=sample.name,
        screen="claims",
        captions=design.captions,
        judges=design.judges,
        people=design.readers,
        select="audit",
        budget=len(sample.turns),
        blind=1.0,
        seed=design.seed,
        backend=backend,
        options=dict(options),
    )


def audit_tasks(ws: Workspace, sample: Sample, turns: Sequence[Turn]) -> Iterator[PlannedTask]:
    """A task for each turn, in order. Raises UsageError where a caption is not what it was when the audit was drawn."""
    texts = caption_texts(ws, sample)
    place: dict[str, int] = {}
    for turn in turns:
        asked = sample.asked(turn)
        text = texts[asked.text_id]
        if text_sha256(text) != asked.text_sha256:
            raise UsageError(f"{asked.text_id} is another text than the one that audit '{sample.name}' was drawn from")
        claim = asked.false if isinstance(asked, Trap) else text[asked.start : asked.end]
        shown = {"caption": text[: asked.start] + claim + text[asked.end :], "claim": claim}
        focus = (asked.start, asked.start + len(claim))
        at = place[turn.reader] = place.get(turn.reader, -1) + 1
        yield PlannedTask(
            key=turn.item,
            reader=turn.reader,
            content=content_of("claims", shown, asked.image, focus),
            place=at,
            about="",
            caption_id=asked.text_id,
            caption_sha256=asked.text_sha256,
            image=asked.image,
            texts=shown,
            blind=True,
            focus_start=focus[0],
            focus_end=focus[1],
        )


def audit_rows(
    sample: Sample, earlier: Sequence[Review], found: Iterable[Reading], gone: Sequence[Mapping[str, Any]] = ()
) -> tuple[list[Review], list[tuple[Mapping[str, Any], Rejected]]]:
    """All answers of an audit by item, those that stood before and those that are new; and what does not count."""
    turns = {turn.item: turn for turn in (*sample.turns, *sample.last_words())}
    rows = {str(row.meta["item"]): row for row in earlier}
    problems: list[tuple[Mapping[str, Any], Rejected]] = []
    for reading in found:
        annotation = reading.annotation
        if reading.said is None or reading.row is None:
            problems.append((annotation, reading.problem or Rejected("review.task", "this is no task of the audit")))
            continue
        item, verdict = reading.row["key"], str(reading.said.verdict)
        (row,) = as_reviews(sample, [Answer(turns[item], verdict, annotation["seconds"])], annotation["kind"], PRODUCER)
        known = rows.setdefault(item, row)
        if known.verdict != verdict:
            problems.append(
                (
                    annotation,
                    Rejected(
                        "review.stands",
                        f"item {item} of {known.reviewer} was answered {known.verdict} before, and {verdict} now; an "
                        "answer that was taken in stands",
                    ),
                )
            )
    for annotation in gone:
        if annotation["key"] in rows:
            message = (
                f"{annotation['reader']} removed the answer to item {annotation['key']}; it was taken in and stands"
            )
            problems.append((annotation, Rejected("review.gone", message)))
    return [rows[item] for item in sorted(rows)], problems


def caption_texts(ws: Workspace, sample: Sample) -> dict[str, str]:
    """The captions of the audit by address."""
    table = ws.layer(sample.design.captions, "captions").to_table(columns=["text_id", "text"])
    texts = dict(zip(table.column("text_id").to_pylist(), table.column("text").to_pylist(), strict=True))
    asked: list[Chosen | Trap] = [*sample.claims, *sample.traps]
    gone = [each.text_id for each in asked if each.text_id not in texts]
    if gone:
        raise UsageError(f"{gone[0]} of audit '{sample.name}' is not in '{sample.design.captions}' any more; draw anew")
    return texts
