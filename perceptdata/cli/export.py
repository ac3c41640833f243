"""`perceptdata export`: a view in the shape another program reads."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from perceptdata.cli.common import (
    DEFAULT_WORKSPACE,
    AsJson,
    DryRun,
    Options,
    WorkspaceOption,
    parse_options,
    print_json,
    print_next,
    print_outcome,
)


def command(
    format: Annotated[str, typer.Argument(help="Which format; `perceptdata list exporters` shows them.")],
    to: Annotated[Path, typer.Option("--to", help="The folder to write.")],
    view: Annotated[str, typer.Option("--view", help="Which view: of a recipe, a stage's, or all.")] = "all",
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    options: Options = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Write a view in the shape another program reads."""
    from perceptdata.steps.export import Export
    from perceptdata.workspace import Workspace

    ws = Workspace(workspace)
    output = Export(export=format, view=view, to=to, options=parse_options(options))
    if dry_run:
        rows = len(ws.view(view))
        if as_json:
            print_json({"view": view, "rows": rows, "to": str(to)})
        else:
            typer.echo(f"view {view}: {rows:,} rows would be written under {to}")
        return
    done = output.write(ws)
    if as_json:
        print_json(done.to_json())
        return
    print_outcome(done)
    readme = to / "README.md"  # an exporter that leaves one says there what is next
    print_next(
        f"cat {readme}"
        if readme in done.files
        else f"python -c \"import datasets; print(datasets.load_dataset('{to}'))\""
    )
