"""`perceptdata corrupt`: a layer with known errors, to measure what errors cost."""

from __future__ import annotations

from typing import Annotated

import typer

from perceptdata.cli.common import (
    DEFAULT_WORKSPACE,
    AsJson,
    DryRun,
    ExecutorName,
    ExecutorOptions,
    Workers,
    WorkspaceOption,
    executor_of,
)
from perceptdata.cli.steps import run_verb


def command(
    source: Annotated[str, typer.Option("--from", help="The step whose spans or captions get errors.")],
    name: Annotated[str, typer.Option("--name", help="What to call the layer.")],
    flip: Annotated[
        float | None,
        typer.Option(
            "--flip", min=0.0, max=1.0, help="The share of labelled clauses whose label is turned; 0 is the control."
        ),
    ] = None,
    shuffle: Annotated[
        bool, typer.Option("--shuffle", help="Let the labels of each text's clauses change places.")
    ] = False,
    mismatch: Annotated[bool, typer.Option("--mismatch", help="Give each image another image's captions.")] = False,
    seed: Annotated[int, typer.Option("--seed", help="Draws the errors.")] = 0,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    workers: Workers = None,
    executor: ExecutorName = "local",
    executor_set: ExecutorOptions = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Write a layer with seeded errors beside the true one. For experiments: nothing good comes of publishing it."""
    from perceptdata.recipe import check_name

    options = {"from": source, "shuffle": shuffle, "mismatch": mismatch, "seed": seed}
    run_verb(
        check_name(name),
        "corrupt",
        {**options, **({} if flip is None else {"flip": flip})},
        workspace=workspace,
        create=False,
        dry_run=dry_run,
        as_json=as_json,
        executor=executor_of(executor, workers, executor_set),
        then=(f"perceptdata compare {source} {name}",),
    )
