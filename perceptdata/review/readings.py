"""Readings: tasks joined with what their readers did to them; and what cannot count, each with its sentence.

    for reading in readings(plan, tasks, log):
        reading.row, reading.annotation, reading.said      # said is None where reading.problem says why

Tasks and annotations are read some at a time; only keys are held.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

import pyarrow.compute as pc

from perceptdata.errors import Rejected
from perceptdata.review.log import Log
from perceptdata.review.plan import PlannedTasks, ReviewPlan
from perceptdata.review.taking import Said, take

BATCH = 512


@dataclass(frozen=True, slots=True)
class Reading:
    """An annotation with its task. `row` is the planned task, None where there is no such task."""

    annotation: Mapping[str, Any]
    row: Mapping[str, Any] | None
    said: Said | None
    problem: Rejected | None = None

    @property
    def counts(self) -> bool:
        """Whether it is an answer to something other than a check."""
        return self.said is not None and self.row is not None and self.row["check"] is None


def readings(plan: ReviewPlan, files: tuple[PlannedTasks, ...], log: Log) -> Iterator[Reading]:
    """Every annotation that is there, once: in the order of the tasks, and then those that no task asked for.

    Where a reader annotated one task twice, the latest counts.
    """
    here = log.rows.filter(pc.invert(log.rows.column("gone"))).combine_chunks()
    keys = zip(*(here.column(name).to_pylist() for name in ("key", "reader", "content")), strict=True)
    moments = list(zip(*(here.column(name).to_pylist() for name in ("updated", "id")), strict=True))
    of: dict[tuple[str, str, str], list[int]] = {}
    for at, key in enumerate(keys):
        of.setdefault(key, []).append(at)
    known: dict[str, set[str]] = {}
    for tasks in files:
        rows = tasks.rows()
        while batch := list(islice(rows, BATCH)):
            asked = []
            for row in batch:
                known.setdefault(row["key"], set()).add(row["reader"])
                places = of.pop((row["key"], row["reader"], row["content"]), [])
                asked += [(row, at) for at in sorted(places, key=lambda at: moments[at], reverse=True)]
            taken = here.take([at for _, at in asked]).to_pylist() if asked else []
            before = None
            for (row, _), annotation in zip(asked, taken, strict=True):
                yield _reading(plan, row, _parsed(annotation), again=row is before)
                before = row
    rest = [at for places in of.values() for at in places]
    for annotation in here.take(rest).to_pylist() if rest else []:
        yield Reading(annotation, None, None, _stray(annotation, known.get(annotation["key"])))


def _reading(plan: ReviewPlan, row: Mapping[str, Any], annotation: dict[str, Any], again: bool) -> Reading:
    if again:
        problem = Rejected(
            "review.replaced", f"{row['reader']} annotated {row['key']} again later; {annotation['id']} does not count"
        )
        return Reading(annotation, row, None, problem)
    if plan.backend == "jsonl" and not row["blind"]:
        shown = {_stretch(guess) for guess in row["guesses"]}
        annotation["regions"] = [
            {**region, "origin": "prediction"} if _stretch(region) in shown else region
            for region in annotation["regions"]  # files do not say how a span came to be; as it was shown, it was left
        ]
    try:
        return Reading(annotation, row, take(row, annotation, plan))
    except Rejected as problem:
        return Reading(annotation, row, None, problem)


def _stretch(region: Mapping[str, Any]) -> tuple[str, int, int, str]:
    return region["text"], region["start"], region["end"], region["label"]


def _parsed(annotation: dict[str, Any]) -> dict[str, Any]:
    return {**annotation, "meta": json.loads(annotation["meta"])}


def _stray(annotation: Mapping[str, Any], readers: set[str] | None) -> Rejected:
    who, key = annotation["reader"], annotation["key"]
    if readers is None:
        return Rejected("review.task", f"{who} annotated {key}, which this review does not ask about")
    if who not in readers:
        return Rejected("review.task", f"{who} annotated {key}, which {', '.join(sorted(readers))} was to read")
    return Rejected(
        "review.content",
        f"{who} annotated {key} as it was not planned: its text was changed in the place where people read",
    )
