"""`perceptdata list`: which plugins there are, and who provides them."""

from __future__ import annotations

from typing import Annotated

import typer

from perceptdata.cli.common import AsJson, console, print_json

BUILDERS = ("stages", "use", "licence", "corpus")
SHORT = {"perception": "P", "visual_reasoning": "V", "textual_reasoning": "T"}


def command(
    kind: Annotated[
        str | None, typer.Argument(help="builders, families, taggers, checkers, surrogates, exporters, formats …")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show the plugins of a kind, or of all, with the package each came from.

    Builders are shown with the stages, licence and allowed use of their corpora.
    """
    from dataclasses import asdict

    from perceptdata import registry

    kinds = [kind] if kind else list(registry.KINDS)
    found = [entry for each in kinds for entry in registry.entries(each, check=True)]
    said = [{} if entry.error else registry.about(entry.kind, entry.name) for entry in found]
    if as_json:
        print_json([{**asdict(entry), **about} for entry, about in zip(found, said, strict=True)])
        return
    from rich.markup import escape
    from rich.table import Table

    columns = BUILDERS if kind == "builders" else ("what",)
    table = Table(*(["kind"] if kind is None else []), box=None, pad_edge=False)
    table.add_column("name", no_wrap=True)
    for column in columns:
        table.add_column(column, no_wrap=column in ("stages", "use"))
    table.add_column("from", no_wrap=True)
    for entry, about in zip(found, said, strict=True):
        if entry.error:
            cells = [f"[red]cannot be used: {escape(entry.error)}[/red]", *[""] * (len(columns) - 1)]
        elif kind == "builders":
            cells = [
                "".join(letter if stage in about["stages"] else "·" for stage, letter in SHORT.items()),
                *(escape(about[name]) for name in ("allowed_use", "licence", "corpus")),
            ]
        else:
            cells = [escape(about["summary"])]
        head = [entry.name] if kind else [entry.kind, entry.name]
        table.add_row(*head, *cells, entry.package)
    console().print(table)
    if kind == "builders":
        typer.echo(
            "stages: P perception, V visual reasoning, T textual reasoning; licences of the data, --json says all"
        )
