"""`perceptdata status`: how far a workspace is, and what can be cleared away."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from perceptdata.cli.common import AsJson, console, print_json, say_counts, say_spent
from perceptdata.cli.run import RecipeWorkspace, workspace_of

if TYPE_CHECKING:
    from perceptdata.steps.pipeline import StepStatus
    from perceptdata.workspace import Workspace


def command(
    recipe: Annotated[Path | None, typer.Argument(help="A recipe to compare the workspace with.")] = None,
    workspace: RecipeWorkspace = None,
    prune: Annotated[
        bool, typer.Option("--prune", help="Remove replaced runs, leftovers, the cache, and steps that RECIPE lacks.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show what is done, stale, rejected and left."""
    from perceptdata.recipe import Recipe
    from perceptdata.steps.pipeline import extra, recorded, status_of, steps_of
    from perceptdata.workspace import Workspace

    declared = Recipe.load(recipe) if recipe else None
    ws = Workspace(workspace_of(declared, workspace) if declared else workspace or Path("workspace"))
    freed = None
    if prune:
        with ws.lock("status --prune"):
            freed = ws.prune({step.name for step in declared.declared()} if declared else None)
    steps = status_of(ws, steps_of(declared)) + extra(ws, declared) if declared else recorded(ws)
    if as_json:
        print_json(
            {
                "workspace": str(ws.path),
                "steps": [step.to_json() for step in steps],
                "views": {name: view.model_dump() for name, view in ws.manifest.views.items()},
                "stale": [f"{step}/{version}" for step, version in ws.stale()],
                "freed": freed,
            }
        )
        return
    _print(ws, steps)
    if freed is not None:
        typer.echo(f"pruned: {freed / 1e6:,.1f} MB freed")
    elif any(step.state == "extra" for step in steps):
        typer.echo("extra steps are not in the recipe, and their rows still count; `--prune` removes them")
    elif ws.stale():
        replaced = ", ".join(f"{step}/{version}" for step, version in ws.stale())
        typer.echo(f"replaced by newer options: {replaced}; `perceptdata status --prune` removes them")


def _print(ws: Workspace, steps: list[StepStatus]) -> None:
    from rich.table import Table

    table = Table("step", "do", "state", "made", "rejected", "left", title=f"workspace {ws.path}", title_justify="left")
    colour = {"done": "green", "partial": "yellow", "stale": "yellow", "new": "cyan", "extra": "magenta"}
    for step in steps:
        made = say_counts(step.outcome.made) if step.outcome else "nothing yet"
        rejected = f"{sum(step.outcome.rejected.values()):,}" if step.outcome else ""
        left = "?" if step.left is None else f"{step.left} shards"
        table.add_row(step.step, step.do, f"[{colour[step.state]}]{step.state}[/]", made, rejected, left)
    console().print(table)
    for step in steps:
        if step.outcome and step.outcome.spent:
            typer.echo(f"{step.step}: {say_spent(step.outcome.spent)}")
    for name, view in ws.manifest.views.items():
        dropped = f"; left out: {say_counts(view.dropped)}" if view.dropped else ""
        typer.echo(f"view {name}: {view.rows or 0:,} rows{dropped}")
