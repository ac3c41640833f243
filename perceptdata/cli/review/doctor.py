"""`perceptdata review doctor`: whether people could read now."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from perceptdata.cli.common import DEFAULT_WORKSPACE, AsJson, WorkspaceOption, print_json
from perceptdata.cli.review.asked import Name, the_review


def command(
    name: Name = None,
    folder: Annotated[Path | None, typer.Option("--to", help="The folder of the sheets, of files.")] = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    as_json: AsJson = False,
) -> None:
    """Check the tasks, their pictures and texts, the layers, and the place where people read."""
    from dataclasses import asdict

    from perceptdata.errors import PerceptDataError
    from perceptdata.review import Finding, load_plan
    from perceptdata.review.places import findings, open_place
    from perceptdata.workspace import Workspace

    ws = Workspace(workspace)
    plan = load_plan(ws, the_review(ws, name))
    found = findings(ws, plan)
    try:
        found += open_place(ws, plan, folder).doctor()
    except PerceptDataError as error:
        found.append(Finding(plan.backend, False, str(error)))
    if as_json:
        print_json({"review": plan.name, "well": all(each.ok for each in found), "findings": [*map(asdict, found)]})
    else:
        for each in found:
            typer.echo(f"{'ok ' if each.ok else 'NOT'}  {each.name}: {each.message}")
    if not all(each.ok for each in found):
        raise typer.Exit(1)
