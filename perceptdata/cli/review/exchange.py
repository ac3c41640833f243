"""`perceptdata review push` and `pull`: tasks go to where people read, answers come back."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from perceptdata.cli.common import DEFAULT_WORKSPACE, AsJson, DryRun, WorkspaceOption, print_json, print_next
from perceptdata.cli.review.asked import Name, bar, the_review, where

if TYPE_CHECKING:
    from perceptdata.review import Pushed, ReviewPlan
    from perceptdata.steps.reviews import Taken
    from perceptdata.workspace import Workspace

SHOWN = 5


class Kind(StrEnum):
    """Who answered."""

    PERSON = "person"
    SIMULATED = "simulated"
    MODEL = "model"


def push_command(
    name: Name = None,
    to: Annotated[
        Path | None, typer.Option("--to", help="The folder for the sheets and pictures, of files; remembered.")
    ] = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Put every task where its reader finds it. Again, it adds what is missing and changes no answer."""
    from perceptdata.review import last_tasks_of, load_plan, tasks_of
    from perceptdata.review.places import open_place
    from perceptdata.steps.reviews import push
    from perceptdata.workspace import Workspace

    ws = Workspace(workspace)
    name = the_review(ws, name)
    plan = load_plan(ws, name)
    many = len(tasks_of(ws, plan)) + len(last_tasks_of(ws, plan))
    if dry_run:
        typer.echo(f"{name}: {many:,} tasks for {', '.join(plan.people)} would be in {plan.backend}")
        return
    with ws.lock(f"review {name}"), bar(name, many) as advance:
        done = push(ws, name, open_place(ws, plan, to, keep=to is not None), advance)
    if as_json:
        print_json({"review": name, **_counts(done)})
        return
    typer.echo(
        f"{name}: {done.new:,} new tasks, {done.known:,} were there, {done.revised:,} new revisions of changed texts, "
        f"{done.guesses:,} new pre-annotations"
    )
    print_next(f"perceptdata review pull {name}{where(workspace)}   # when people have read some")


def pull_command(
    name: Name = None,
    source: Annotated[
        Path | None, typer.Option("--from", help="The folder of the sheets, where it is another than the one of push.")
    ] = None,
    kind: Annotated[Kind, typer.Option("--kind", help="Who answered. Only people certify anything.")] = Kind.PERSON,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    as_json: AsJson = False,
) -> None:
    """Take in what people did since the last time, and make layers of it. The same answers again change nothing."""
    from perceptdata.review import load_plan
    from perceptdata.review.places import open_place
    from perceptdata.steps.reviews import pull
    from perceptdata.workspace import Workspace

    ws = Workspace(workspace)
    name = the_review(ws, name)
    plan = load_plan(ws, name)
    with ws.lock(f"review {name}"):
        taken = pull(ws, name, open_place(ws, plan, source), kind.value)
    sentences = _sentences(ws, name)
    stands = _audit(ws, plan)
    if as_json:
        layers = {each.step: each.made for each in taken.layers}
        told = {"review": name, **_counts(taken.changes), "layers": layers, "rejected": taken.rejected}
        print_json({**told, "sentences": sentences, **(stands or {})})
        return
    _print(name, taken, sentences)
    _print_next(name, plan, stands, workspace)


def _sentences(ws: Workspace, name: str) -> list[str]:
    """Why annotations do not count."""
    from perceptdata.workspace import REJECTS

    if not ws.shards(REJECTS, name):
        return []
    table = ws.rejects(name).to_table(columns=["code", "message"])
    rows = zip(table.column("code").to_pylist(), table.column("message").to_pylist(), strict=True)
    return [message for code, message in rows if code != "review.skipped"]


def _audit(ws: Workspace, plan: ReviewPlan) -> dict[str, Any] | None:
    """Where an audit stands."""
    from perceptdata.review import load_sample, progress
    from perceptdata.steps.reviews import reviews_of

    if plan.screen != "claims":
        return None
    return progress(load_sample(ws, plan.name), reviews_of(ws, plan.name)).to_json()


def _print(name: str, taken: Taken, sentences: list[str]) -> None:
    done = taken.changes
    typer.echo(f"{name}: {done.new:,} new annotations, {done.changed:,} changed, {done.gone:,} gone")
    for layer in taken.layers:
        made = ", ".join(f"{count:,} {room.removeprefix('layers/')}" for room, count in layer.made.items())
        typer.echo(f"  {layer.step}: {made or 'nothing yet'}")
    if taken.rejected:
        reasons = ", ".join(f"{reason} {count:,}" for reason, count in taken.rejected.items())
        typer.echo(f"  not counted: {reasons}")
    for sentence in sentences[:SHOWN]:
        typer.echo(f"    {sentence}")
    if len(sentences) > SHOWN:
        typer.echo(f'    and {len(sentences) - SHOWN:,} more: `perceptdata sql "select message from rejects"`')


def _print_next(name: str, plan: ReviewPlan, stands: dict[str, Any] | None, workspace: Path) -> None:
    there = where(workspace)
    if stands is None:
        following = [f"perceptdata review status {name}{there}", f"perceptdata agreement {name}{there}"]
        if plan.screen == "errors":
            diagnosis = plan.layers[0].removesuffix("_image")
            following.append(f"perceptdata diagnose blame --name {diagnosis} --audited {name}{there}")
        if plan.overlap > 1:
            following.append(f"perceptdata review adjudicate {name}{there}")
        print_next(*following)
        return
    pace = "" if stands["seconds"] is None else f", {stands['seconds']:.0f} s a reading"
    typer.echo(f"  {stands['read']:,} read, {stands['unread']:,} to read{pace}")
    if stands["waiting"]:
        typer.echo(f"  {stands['waiting']:,} items that somebody failed wait for a last word")
        print_next(f"perceptdata review adjudicate {name}{there}")
    elif not stands["unread"]:
        print_next(f"perceptdata certify --audit {name}{there}")


def _counts(done: Pushed | Any) -> dict[str, Any]:
    from dataclasses import asdict

    return asdict(done)
