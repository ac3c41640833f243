"""`perceptdata list`: which plugins there are, and who provides them."""

from __future__ import annotations

from typing import Annotated

import typer

from perceptdata.cli.common import AsJson, console, print_json


def command(
    kind: Annotated[
        str | None, typer.Argument(help="builders, families, taggers, checkers, surrogates, exporters, formats …")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show the plugins of a kind, or of all, with the package each came from."""
    from dataclasses import asdict

    from perceptdata import registry

    kinds = [kind] if kind else list(registry.KINDS)
    found = [entry for each in kinds for entry in registry.entries(each, check=True)]
    if as_json:
        print_json([asdict(entry) for entry in found])
        return
    from rich.markup import escape
    from rich.table import Table

    table = Table("kind", "name", "what", "from")
    for entry in found:
        what = (
            f"[red]cannot be used: {escape(entry.error)}[/red]"
            if entry.error
            else escape(_summary(entry.kind, entry.name))
        )
        table.add_row(entry.kind, entry.name, what, f"{entry.package} {entry.package_version}")
    console().print(table)


def _summary(kind: str, name: str) -> str:
    from perceptdata import registry

    return (registry.load(kind, name).__doc__ or "").strip().split("\n")[0]
