"""`perceptdata report`: one self-contained page about a workspace."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from perceptdata.cli.common import (
    DEFAULT_WORKSPACE,
    AsJson,
    DryRun,
    WorkspaceOption,
    print_json,
    print_next,
    print_outcome,
)


def command(
    to: Annotated[
        Path | None, typer.Option("--to", help="The file to write.  [default: report/index.html in the workspace]")
    ] = None,
    view: Annotated[str | None, typer.Option("--view", help="Speak of one view's rows.  [default: all rows]")] = None,
    sample: Annotated[int, typer.Option("--sample", min=1, help="How many rows can be browsed.")] = 200,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Write one self-contained HTML page: what the workspace holds, how it was made, and rows to browse."""
    from perceptdata.steps.report import Report
    from perceptdata.workspace import Workspace

    ws = Workspace(workspace)
    output = Report(report=to, sample=sample, view=view)
    if dry_run:
        rows = len(ws.view(view or "all"))
        if as_json:
            print_json({"file": str(output.file(ws)), "rows": rows, "sample": min(sample, rows)})
        else:
            typer.echo(f"{output.file(ws)}: a page about {rows:,} rows would be written")
        return
    done = output.write(ws)
    if as_json:
        print_json(done.to_json())
        return
    print_outcome(done)
    where = "" if workspace == DEFAULT_WORKSPACE else f" --workspace {workspace}"
    print_next(
        f"open {done.files[0]} in a browser",
        f"perceptdata show ROW --why{where}",
        f"perceptdata export parquet --view all --to FOLDER{where}",
    )
