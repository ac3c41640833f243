"""`perceptdata review init`: how to start the place where people read."""

from __future__ import annotations

import typer

from perceptdata.cli.common import AsJson, print_json, print_next
from perceptdata.cli.review.asked import Place, PlaceName


def command(backend: Place = PlaceName.LABEL_STUDIO, as_json: AsJson = False) -> None:
    """Say how the place where people read is started, and which variables it wants. Nothing is written."""
    lines: list[str] = []
    variables: dict[str, str] = {}
    if backend is PlaceName.LABEL_STUDIO:
        from perceptdata.review.label_studio.server import ENVIRONMENT, start_lines

        lines, variables = list(start_lines()), dict(ENVIRONMENT)
    following = f"perceptdata review plan NAME --from STEP --people ann,bob --backend {backend.value}"
    if as_json:
        print_json({"backend": backend.value, "start": lines, "environment": variables, "next": following})
        return
    if lines:
        typer.echo("a Label Studio of its own, in its own environment:")
        for line in lines:
            typer.echo(f"  {line}")
        typer.echo("then, where perceptdata runs:")
        for name, meaning in variables.items():
            typer.echo(f"  {name}  {meaning}")
    else:
        typer.echo("files need no server: `review push NAME --to FOLDER` writes a sheet for each reader, and")
        typer.echo("`review pull NAME` reads what they filled in")
    print_next(following)
