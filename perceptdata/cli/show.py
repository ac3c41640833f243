"""`perceptdata show`: one row with everything that is known of it."""

from __future__ import annotations

from typing import Annotated

import typer

from perceptdata.cli.common import DEFAULT_WORKSPACE, AsJson, WorkspaceOption, console, print_json


def command(
    row: Annotated[str, typer.Argument(help="An example id, a text address, or a rejected row's key.")],
    why: Annotated[
        bool, typer.Option("--why", help="Say how it came about, and why it is or is not in each view.")
    ] = False,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    as_json: AsJson = False,
) -> None:
    """Show one row: its texts with their spans in colour, its layers, where it came from."""
    from perceptdata.report.row import print_row, row_of
    from perceptdata.workspace import Workspace

    found = row_of(Workspace(workspace), row, why=why)
    if as_json:
        print_json(found.to_json())
    else:
        print_row(found, console())
