"""`perceptdata sql`: ask the workspace."""

from __future__ import annotations

from typing import Annotated

import typer

from perceptdata.cli.common import DEFAULT_WORKSPACE, AsJson, WorkspaceOption, console, print_json


def command(
    query: Annotated[str, typer.Argument(help="DuckDB SQL over examples, rejects, each layer kind and each step.")],
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Rows to print.")] = 50,
    as_json: AsJson = False,
) -> None:
    """Ask the workspace in SQL; it can reach nothing outside."""
    from perceptdata.query import fetch
    from perceptdata.workspace import Workspace

    answer = fetch(Workspace(workspace).sql(query).limit(limit + 1))
    rows = answer.slice(0, limit).to_pylist()
    if as_json:
        print_json(rows)
        return
    from rich.table import Table

    table = Table(*answer.column_names, show_lines=False)
    for row in rows:
        table.add_row(*(_cell(value) for value in row.values()))
    console().print(table)
    if answer.num_rows > limit:
        typer.echo(f"only the first {limit} rows are shown; --limit shows more")


def _cell(value: object) -> str:
    from rich.markup import escape

    text = "" if value is None else str(value)
    return escape(text if len(text) <= 200 else f"{text[:199]}…")
