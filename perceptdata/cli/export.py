"""`perceptdata export`: a view in the shape another program reads.

    perceptdata export ms_swift --view sft --set perception=2 --set reasoning=0.5 --to out

What a format cannot carry and which rows are left out is printed here, and kept in the export's README and
`export.json`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from perceptdata.cli.common import (
    DEFAULT_WORKSPACE,
    Allow,
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
    allow: Allow = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Write a view in the shape another program reads."""
    from perceptdata.steps.export import Export
    from perceptdata.workspace import Workspace

    ws = Workspace(workspace)
    output = Export(export=format, view=view, to=to, allow=tuple(allow or ()), options=parse_options(options))
    if dry_run:
        planned = output.plan(ws)
        if as_json:
            print_json({"view": view, "to": str(to), **planned.about, "rows": planned.rows})
            return
        typer.echo(f"view {view}: {planned.rows:,} rows would be written under {to}")
        for note in (*_counts(planned.about), *planned.notes):
            typer.echo(f"  {note}")
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


def _counts(about: Mapping[str, Any]) -> list[str]:
    """Rows by file, and the images, of a plan that says so."""
    files = [f"{name}: {rows:,} rows" for name, rows in about.get("rows_by_file", {}).items()]
    images = about.get("images", {"count": 0})
    return [*files, f"images: {images['count']:,}, {images['bytes']:,} bytes"] if images["count"] else files
