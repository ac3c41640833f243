"""`perceptdata demo`: the whole way once, on what the package carries."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from perceptdata.cli.common import AsJson, Workers, print_json, print_next, print_outcome, progress


def command(
    workspace: Annotated[Path, typer.Option("--workspace", "-w", help="The workspace folder.")] = Path(
        "demo-workspace"
    ),
    workers: Workers = None,
    as_json: AsJson = False,
) -> None:
    """Build the embedded corpora, tag their traces, write a report to look at and the dataset as it would be published.

    Graphs and Sudokus are drawn and solved here; the small samples of real corpora come with the package. No network,
    no GPU.
    """
    from importlib.resources import as_file, files

    from perceptdata.execution.executor import make_executor
    from perceptdata.recipe import Recipe
    from perceptdata.steps.pipeline import run_recipe
    from perceptdata.steps.publish import Publish
    from perceptdata.steps.report import Report
    from perceptdata.workspace import Workspace

    ws = Workspace.create(workspace)
    results = []
    with as_file(files("perceptdata.builders") / "samples") as samples:
        recipe = Recipe.load(samples / "demo.yaml")
        executor = make_executor(workers=workers)
        with ws.lock("demo"), progress() as watch:
            for done in run_recipe(ws, recipe, executor=executor, watch=watch):
                results.append(done.to_json())
                if not as_json:
                    print_outcome(done)
    page = Report().write(ws)
    dataset = Publish(to=workspace / "dataset", title="perceptdata demo").write(ws)
    if as_json:
        print_json([*results, page.to_json(), dataset.to_json()])
        return
    typer.echo(f"report:  {page.files[0]}")
    typer.echo(f"dataset: {workspace / 'dataset'}, {len(dataset.files)} files; its card is README.md")
    row = ws.view("sft").rows.column("example_id")[0].as_py()
    print_next(
        f'perceptdata show "{row}" --why --workspace {workspace}',
        f"python -c \"import datasets; print(datasets.load_dataset('{workspace / 'dataset'}', 'visual_reasoning'))\"",
        f"perceptdata export ms_swift --view sft --to demo-swift --workspace {workspace}",
        f'perceptdata sql "select stage, count(*) from examples group by stage" --workspace {workspace}',
    )
