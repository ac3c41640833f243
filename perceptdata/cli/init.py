"""`perceptdata init`: a first recipe, from a look at the data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from perceptdata.cli.common import AsJson, DryRun, print_json, print_next


def command(
    file: Annotated[Path, typer.Argument(help="Your rows: JSONL, JSON, CSV, TSV or parquet.")],
    images: Annotated[
        Path | None, typer.Option("--images", help="The folder or zip that image paths start from.")
    ] = None,
    recipe: Annotated[
        str | None, typer.Option("--recipe", help="Write this packaged recipe for the file: perception_mcq.")
    ] = None,
    to: Annotated[Path, typer.Option("--to", help="The recipe to write.")] = Path("recipe.yaml"),
    licence: Annotated[str, typer.Option("--licence", help="Under which licence you hold the data.")] = "internal",
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Look at a file of VQA rows, say what each column is taken for, and write a first recipe.

    With --recipe, a packaged one and its prompts are written for the file instead, to be changed as you like.
    """
    from perceptdata import registry
    from perceptdata.errors import UsageError
    from perceptdata.steps.first_recipe import first_recipe
    from perceptdata.steps.packaged import write_packaged

    if not file.exists():
        raise UsageError(f"{file} does not exist; name the file of your rows")
    if to.exists() and not dry_run:
        raise UsageError(f"{to} is there already; name another file with --to")
    if recipe is not None:
        text, written = write_packaged(recipe, file, images, licence, to, dry_run)
        if as_json:
            print_json({"recipe": text, "written": [str(path) for path in written]})
            return
        typer.echo(text if dry_run else "wrote " + ", ".join(map(str, written)))
        print_next(f"perceptdata run {to} --dry-run", f"perceptdata run {to} --preview 20", f"perceptdata run {to}")
        return
    auto: Any = registry.load("builders", "auto")
    found = auto.detect(file, images)
    traces = bool(found.of("response") or found.of("conversation"))
    text = first_recipe(file, found.columns, images=images, licence=licence, folder=to.parent, traces=traces)
    if not dry_run:
        to.parent.mkdir(parents=True, exist_ok=True)
        to.write_text(text, encoding="utf-8")
    if as_json:
        print_json({**found.to_json(), "recipe": text, "written": None if dry_run else str(to)})
        return
    typer.echo(found.describe())
    typer.echo(text if dry_run else f"wrote {to}")
    print_next(f"perceptdata run {to} --preview 20", f"perceptdata run {to}")
