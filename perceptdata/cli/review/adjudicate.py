"""`perceptdata review adjudicate`: what people differ on, put to somebody who decides."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from perceptdata.cli.common import DEFAULT_WORKSPACE, AsJson, DryRun, WorkspaceOption, print_json, print_next
from perceptdata.cli.review.asked import Name, bar, the_review, where


def command(
    name: Name = None,
    to: Annotated[Path | None, typer.Option("--to", help="Another folder for the sheet than the one of push.")] = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Put disputes before the reader `last`, with all readings beside; of an audit, everything that somebody failed.

    Pull afterwards: what was decided, and what nobody disputed, is the layer NAME_final.
    """
    from dataclasses import asdict

    from perceptdata.errors import UsageError
    from perceptdata.review import load_plan, tasks_of
    from perceptdata.review.places import open_place
    from perceptdata.steps.reviews import adjudicate, disputed, push
    from perceptdata.workspace import Workspace

    ws = Workspace(workspace)
    name = the_review(ws, name)
    plan = load_plan(ws, name)
    if dry_run:
        typer.echo(f"{name}: {len(disputed(ws, name)):,} tasks for a last word would be pushed")
        return
    with ws.lock(f"review {name}"):
        many, waiting = adjudicate(ws, name)
        if not waiting:
            raise UsageError(f"nothing of review '{name}' waits for a last word")
        place = open_place(ws, plan, to, keep=to is not None)
        with bar(name, len(tasks_of(ws, plan)) + waiting) as advance:
            done = push(ws, name, place, advance)
    if as_json:
        print_json({"review": name, "tasks": many, "waiting": waiting, **asdict(done)})
        return
    typer.echo(f"{name}: {many:,} new items to look at once more, {waiting:,} in all, in the queue of `last`")
    print_next(f"perceptdata review pull {name}{where(workspace)}   # when they are decided")
