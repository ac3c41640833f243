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
    tokens: Annotated[
        bool, typer.Option("--tokens", help="Show its responses as --model is trained on them, tokens by role.")
    ] = False,
    model: Annotated[
        str | None, typer.Option(help="With --tokens: the folder or Hub name of a model; weights are not needed.")
    ] = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    as_json: AsJson = False,
) -> None:
    """Show one row: its texts with their spans in colour, its layers, where it came from; or its tokens by role."""
    from perceptdata.errors import UsageError
    from perceptdata.report.row import print_row, row_of
    from perceptdata.workspace import Workspace

    if tokens != (model is not None):
        raise UsageError("--tokens and --model go together: tokens are those of a model")
    ws = Workspace(workspace)
    found = row_of(ws, row, why=why)
    if model is not None:
        from perceptdata.report.tokens import print_tokens, tokens_of
        from perceptdata.vlm.loading import Reader

        shown = tokens_of(ws, found, Reader.read(model), asked=row)
        if as_json:
            print_json([each.to_json() for each in shown])
        else:
            for each in shown:
                print_tokens(each, console())
        return
    if as_json:
        print_json(found.to_json())
    else:
        print_row(found, console())
