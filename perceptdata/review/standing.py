"""Standing: how far a review is, person by person, and whether their answers can be relied on.

found = standing(plan, tasks, log)
found.people["ann"].open, found.people["ann"].qualification
found.changes.labels["ann"]
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from perceptdata.review.changes import Changes
from perceptdata.review.checks import match
from perceptdata.review.design import LAST
from perceptdata.review.log import Log
from perceptdata.review.plan import PlannedTasks, ReviewPlan
from perceptdata.review.readings import readings
from perceptdata.spans import Span, SpanSet
from perceptdata.verification.verdicts import SUPPORTED, VERDICTS


@dataclass(slots=True)
class Person:
    """One person's queue. `seconds` are those that the place measured, `timed` of how many readings. `qualification`
    is the mean match with known answers before work begins, `traps` how many of those met since were passed.
    """

    tasks: int = 0
    done: int = 0
    skipped: int = 0
    refused: int = 0
    unmarked: int = 0
    seconds: float = 0.0
    timed: int = 0
    qualification: float | None = None
    traps: int = 0
    passed: int = 0
    like_guess: float | None = None
    like_guess_blind: float | None = None
    _matches: list[float] = field(default_factory=list)

    @property
    def open(self) -> int:
        """Tasks without an answer that counts."""
        return self.tasks - self.done - self.skipped

    @property
    def pace(self) -> float | None:
        """Mean seconds a reading."""
        return self.seconds / self.timed if self.timed else None

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        told = {name: value for name, value in asdict(self).items() if not name.startswith("_")}
        return {**told, "open": self.open, "minutes": round(self.seconds / 60, 2), "pace": self.pace}


@dataclass(frozen=True, slots=True)
class Standing:
    """People, what they changed, annotations that do not count (id and sentence), and warnings in sentences."""

    people: dict[str, Person]
    changes: Changes
    refused: Mapping[str, str]
    warnings: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "people": {name: each.to_json() for name, each in self.people.items()},
            "changes": self.changes.to_json(),
            "refused": dict(self.refused),
            "warnings": list(self.warnings),
        }


def standing(
    plan: ReviewPlan, tasks: PlannedTasks, last: PlannedTasks, log: Log, traps: Collection[str] = ()
) -> Standing:
    """Everything that `review status` shows, in one pass. `traps` are the items of an audit that are false."""
    people = {name: Person() for name in (*plan.people, *([LAST] if len(last) else []))}
    for file in (tasks, last):
        for reader in file.table(["reader"]).column("reader").to_pylist():
            people.setdefault(reader, Person()).tasks += 1
    changes, refused = Changes(), dict(log.refused)
    for reading in readings(plan, (tasks, last), log):
        annotation, row = reading.annotation, reading.row
        if reading.problem is not None and reading.problem.code != "review.skipped":
            refused[annotation["id"]] = reading.problem.message
        if row is None:
            continue
        person = people[row["reader"]]
        if annotation["seconds"] is not None:
            person.seconds += annotation["seconds"]
            person.timed += 1
        if reading.said is None:
            skipped = reading.problem is not None and reading.problem.code == "review.skipped"
            person.skipped += skipped
            empty = reading.problem is not None and reading.problem.code == "review.empty"
            person.unmarked += empty
            person.refused += not skipped
            continue
        person.done += 1
        for part in reading.said.refused:
            refused[annotation["id"]] = part.message
        if row["key"] in traps:
            person.traps += 1
            person.passed += reading.said.verdict != VERDICTS[SUPPORTED]
        elif row["check"] is not None:
            spans = reading.said.cot
            marked = None if spans is None else SpanSet.of([Span(m.start, m.end, m.label) for m in spans])
            score = match(row, marked, reading.said.verdict)
            if row["check"] == "qualification":
                person._matches.append(score)
            else:
                person.traps += 1
                person.passed += score >= plan.pass_at
        elif row["reader"] != LAST:
            changes.add(reading)
    for name, person in people.items():
        if person._matches:
            person.qualification = sum(person._matches) / len(person._matches)
        person.like_guess, person.like_guess_blind = changes.agreement(name), changes.agreement(name, blind=True)
    return Standing(people, changes, refused, tuple(_warnings(plan, people)))


def _warnings(plan: ReviewPlan, people: Mapping[str, Person]) -> list[str]:
    found = []
    for name, person in people.items():
        if person.tasks and not person.done and not person.skipped:
            more = f"; {person.unmarked} were submitted with nothing marked" if person.unmarked else ""
            found.append(f"{name} has answered none of {person.tasks} tasks{more}")
        elif person.unmarked:
            found.append(f"{name} submitted {person.unmarked} tasks with nothing marked; they do not count")
        if person.tasks and person.skipped and not person.done:
            found.append(f"{name} has skipped all {person.skipped} tasks that were answered")
        if person.qualification is not None and person.qualification < plan.pass_at:
            found.append(
                f"{name} did not qualify: {person.qualification:.0%} like the known answers, "
                f"and {plan.pass_at:.0%} are needed"
            )
        if person.traps and person.passed < person.traps / 2:
            found.append(f"{name} passed {person.passed} of {person.traps} traps; look at these answers before use")
    return found
