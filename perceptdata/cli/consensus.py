"""`perceptdata consensus`: one layer out of several annotators' labels."""

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
    layers: Annotated[list[str], typer.Option("--from", help="A step that wrote spans or reviews; repeat for more.")],
    margin: Annotated[
        float, typer.Option("--margin", min=0.0, max=1.0, help="By how much a label must lead the second.")
    ] = 0.2,
    name: Annotated[str, typer.Option("--name", help="What to call the layer.")] = "consensus",
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    workers: Workers = None,
    executor: ExecutorName = "local",
    executor_set: ExecutorOptions = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Label every clause by what its annotators say, each believed as far as it deserves; leave open what is unsure."""
    from perceptdata.recipe import check_name

    run_verb(
        check_name(name),
        "consensus",
        {"from": layers, "margin": margin},
        workspace=workspace,
        create=False,
        dry_run=dry_run,
        as_json=as_json,
        executor=executor_of(executor, workers, executor_set),
        then=(f"perceptdata agreement {' '.join([*layers, name])}", "perceptdata report"),
    )
