"""`perceptdata review status`: how far people are, and whether their answers can be relied on."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Annotated

import typer

from perceptdata.cli.common import DEFAULT_WORKSPACE, AsJson, WorkspaceOption, console, print_json
from perceptdata.cli.review.asked import Name, the_review

if TYPE_CHECKING:
    from perceptdata.review import ReviewPlan, Standing
    from perceptdata.review.standing import Person
    from perceptdata.workspace import Workspace


def command(
    name: Name = None,
    live: Annotated[bool, typer.Option("--live", help="Also ask the place what was answered since the pull.")] = False,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    as_json: AsJson = False,
) -> None:
    """Say of each person what is done, skipped and open, traps and qualification, time; and what people changed.

    Of what was pulled. A line that begins with ! needs a look.
    """
    from perceptdata.review import last_tasks_of, load_plan, standing, tasks_of
    from perceptdata.review.log import Log
    from perceptdata.workspace import Workspace

    ws = Workspace(workspace)
    plan = load_plan(ws, the_review(ws, name))
    found = standing(plan, tasks_of(ws, plan), last_tasks_of(ws, plan), Log.read(ws, plan.name), _traps(ws, plan))
    there = _there(ws, plan) if live else None
    if as_json:
        print_json({"review": plan.name, **found.to_json(), **({"there": there} if there is not None else {})})
        return
    _print_people(plan, found, there)
    _print_changes(found)
    _print_verdicts(found)
    for each in found.warnings:
        typer.echo(f"! {each}")
    if found.refused:
        typer.echo(
            f"! {len(found.refused):,} annotations do not count; the first: {next(iter(found.refused.values()))}"
        )


def _traps(ws: Workspace, plan: ReviewPlan) -> frozenset[str]:
    """The items of an audit that are false."""
    from perceptdata.review import load_sample

    if plan.screen != "claims":
        return frozenset()
    sample = load_sample(ws, plan.name)
    return frozenset(turn.item for turn in (*sample.turns, *sample.last_words()) if turn.trap is not None)


def _there(ws: Workspace, plan: ReviewPlan) -> dict[str, int]:
    """How many tasks of each person the place has answers to."""
    from perceptdata.review.places import open_place

    counted: Counter[str] = Counter()
    for _, reader, answered in open_place(ws, plan).waiting():
        counted[reader] += answered
    return dict(counted)


def _print_people(plan: ReviewPlan, found: Standing, there: dict[str, int] | None) -> None:
    from rich.table import Table

    columns = ["", "tasks", "done", "skipped", "open", "qualified", "traps", "minutes", "s a task", "as shown", "blind"]
    table = Table(*columns, *([] if there is None else ["in the place"]), title=plan.name, title_justify="left")
    for name, person in found.people.items():
        table.add_row(name, *_cells(person), *([] if there is None else [f"{there.get(name, 0):,}"]))
    console().print(table)


def _cells(person: Person) -> list[str]:
    return [
        f"{person.tasks:,}",
        f"{person.done:,}",
        f"{person.skipped:,}",
        f"{person.open:,}",
        _share(person.qualification),
        f"{person.passed} of {person.traps}" if person.traps else "–",
        f"{person.seconds / 60:,.1f}",
        "–" if person.pace is None else f"{person.pace:.0f}",
        _share(person.like_guess),
        _share(person.like_guess_blind),
    ]


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.0%}"


def _print_changes(found: Standing) -> None:
    """A row for each label shown to each person, a column for what became of its characters."""
    from rich.table import Table

    from perceptdata.review.changes import NONE
    from perceptdata.spans import PRO

    said = (*PRO.labels, NONE)
    table = Table("", "shown as", "characters", *said, title="what became of the labels shown", title_justify="left")
    for who, counts in found.changes.labels.items():
        for shown in said:
            total = sum(counts[shown, label] for label in said)
            if total:
                table.add_row(who, shown, f"{total:,}", *(f"{counts[shown, label] / total:.0%}" for label in said))
    if table.row_count:
        console().print(table)
    for who, ways in found.changes.origins.items():
        typer.echo(f"{who}, stretches: {', '.join(f'{count:,} {way}' for way, count in sorted(ways.items()))}")


def _print_verdicts(found: Standing) -> None:
    for who, counts in found.changes.verdicts.items():
        parts = (f"{shown} to {said} {count:,}" for (shown, said), count in sorted(counts.items()))
        typer.echo(f"{who}, verdicts shown and given: {', '.join(parts)}")
