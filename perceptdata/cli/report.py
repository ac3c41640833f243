"""`perceptdata report`: one self-contained page about a workspace, or with `--run` about a training run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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
from perceptdata.errors import UsageError

if TYPE_CHECKING:
    from perceptdata.steps.output import Written


def command(
    to: Annotated[
        Path | None,
        typer.Option("--to", help="The file to write.  [default: report/index.html in the workspace, or in the run]"),
    ] = None,
    view: Annotated[str | None, typer.Option("--view", help="Speak of one view's rows.  [default: all rows]")] = None,
    sample: Annotated[int, typer.Option("--sample", min=1, help="How many rows can be browsed.")] = 200,
    run: Annotated[
        Path | None, typer.Option("--run", help="Speak of a training run: the --out folder of perceptdata train.")
    ] = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Write one self-contained HTML page: what the workspace holds, how it was made, and rows to browse.

    With `--run`, about a training run instead: its curves, what the model wrote, what was left out.
    """
    from perceptdata.steps.report import Report, write_training
    from perceptdata.workspace import Workspace

    if run is not None:
        if view is not None:
            raise UsageError("--view chooses rows of a workspace, and --run speaks of a training run; leave one out")
        _tell(write_training(run, to, dry_run), dry_run, as_json)
        return
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


def _tell(done: Written, planned: bool, as_json: bool) -> None:
    """What became of the page about a training run."""
    if as_json:
        print_json(done.to_json())
    elif planned:
        typer.echo(f"{done.files[0]}: a page with {done.rows:,} rollouts would be written")
    else:
        print_outcome(done)
        print_next(f"open {done.files[0]} in a browser")
