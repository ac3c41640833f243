"""`perceptdata list`: which plugins there are, and who provides them."""

from __future__ import annotations

from typing import Annotated

import typer

from perceptdata.cli.common import AsJson, console, print_json

BUILDERS = ("stages", "licence", "use", "corpus")


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
    table = Table("kind", "name", *columns, "from") if kind is None else Table("name", *columns, "from")
    for entry, about in zip(found, said, strict=True):
        if entry.error:
            cells = [f"[red]cannot be used: {escape(entry.error)}[/red]", *[""] * (len(columns) - 1)]
        elif kind == "builders":
            cells = [
                ", ".join(about["stages"]),
                *(escape(about[name]) for name in ("licence", "allowed_use", "corpus")),
            ]
        else:
            cells = [escape(about["summary"])]
        head = [entry.name] if kind else [entry.kind, entry.name]
        table.add_row(*head, *cells, f"{entry.package} {entry.package_version}")
    console().print(table)
