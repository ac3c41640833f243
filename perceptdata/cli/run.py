"""`perceptdata run`: bring a workspace to what a recipe says."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from perceptdata.cli.common import (
    AsJson,
    DryRun,
    ExecutorName,
    ExecutorOptions,
    Limit,
    Workers,
    console,
    executor_of,
    print_json,
    print_next,
    print_outcome,
    progress,
)

if TYPE_CHECKING:
    from perceptdata.recipe import Recipe
    from perceptdata.workspace import Workspace

RecipeFile = Annotated[Path, typer.Argument(help="The recipe (YAML); `perceptdata init FILE` writes a first one.")]
RecipeWorkspace = Annotated[
    Path | None,
    typer.Option(
        "--workspace",
        "-w",
        envvar="PERCEPTDATA_WORKSPACE",
        help="The workspace folder.  [default: the recipe's own, or 'workspace' beside it]",
    ),
]


def command(
    recipe: RecipeFile,
    to: Annotated[str | None, typer.Option("--to", metavar="STEP", help="Stop after this step.")] = None,
    preview: Annotated[
        int | None, typer.Option("--preview", min=1, metavar="N", help="Try the recipe on N rows a source, aside.")
    ] = None,
    workspace: RecipeWorkspace = None,
    limit: Limit = None,
    workers: Workers = None,
    executor: ExecutorName = "local",
    executor_set: ExecutorOptions = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Do what a recipe says, as far as it is not done."""
    import tempfile
    from contextlib import ExitStack

    from perceptdata.recipe import Recipe
    from perceptdata.steps.pipeline import run_recipe
    from perceptdata.workspace import Workspace

    declared = Recipe.load(recipe)
    chosen = executor_of(executor, workers, executor_set)
    folder = workspace_of(declared, workspace)
    if dry_run:
        _dry_run(declared, folder, to, as_json)
        return
    with ExitStack() as stack:
        if preview:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="perceptdata-"))) / "preview"
            limit, to = preview, to or declared.declared()[-1].name
        ws = Workspace.create(folder)
        results = []
        with ws.lock(f"run {recipe}"), progress() as watch:
            tell = None if as_json else lambda said: typer.echo(said, err=True)
            for done in run_recipe(ws, declared, to=to, limit=limit, executor=chosen, watch=watch, tell=tell):
                results.append(done.to_json())
                if not as_json:
                    print_outcome(done)
        if preview and not as_json:
            _print_sample(ws, preview)
    if as_json:
        print_json(results)
    elif preview:
        print_next(f"perceptdata run {recipe}")
    else:
        print_next(f"perceptdata status {recipe}", f"perceptdata report --workspace {folder}")


def workspace_of(recipe: Recipe, given: Path | None) -> Path:
    """The workspace of a recipe: the one named on the command line, the recipe's own, or `workspace` beside it."""
    return given or recipe.folder / (recipe.workspace or Path("workspace")).expanduser()


def _dry_run(recipe: Recipe, folder: Path, to: str | None, as_json: bool) -> None:
    import tempfile

    from perceptdata.steps.pipeline import outputs_of, status_of, steps_of
    from perceptdata.workspace import Workspace

    if not to:
        outputs_of(recipe)
    with tempfile.TemporaryDirectory() as nowhere:
        exists = (folder / "manifest.json").exists()
        ws = Workspace(folder) if exists else Workspace.create(Path(nowhere) / "ws")
        steps = status_of(ws, steps_of(recipe, to))
    if as_json:
        print_json([step.to_json() for step in steps])
        return
    for step in steps:
        left = "after the steps before it" if step.left is None else f"{step.left} shards to make"
        typer.echo(f"{step.step} ({step.do}): {step.state}, {left}")
    for name in recipe.views if not to else ():
        typer.echo(f"view {name}")
    for output in recipe.outputs if not to else ():
        typer.echo(f"output {output}")


def _print_sample(ws: Workspace, rows: int) -> None:
    from perceptdata.report.row import print_row, row_of
    from perceptdata.workspace import EXAMPLES

    if not ws.shards(EXAMPLES):
        return
    ids = ws.examples().scanner(columns=["id"]).head(min(rows, 3)).column("id").to_pylist()
    for each in ids:
        print_row(row_of(ws, each), console())
