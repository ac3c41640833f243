"""`perceptdata build`: a corpus or a synthetic task family becomes examples."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from perceptdata.cli.common import (
    DEFAULT_WORKSPACE,
    AsJson,
    DryRun,
    ExecutorName,
    ExecutorOptions,
    Limit,
    Options,
    Workers,
    WorkspaceOption,
    executor_of,
    parse_options,
)
from perceptdata.cli.steps import run_verb


def command(
    builder: Annotated[str, typer.Argument(help="Which builder; `perceptdata list builders` shows them.")],
    source: Annotated[Path | None, typer.Option("--source", "-s", help="The corpus: a folder or file.")] = None,
    name: Annotated[
        str | None, typer.Option("--name", help="What to call this source.  [default: the builder]")
    ] = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    options: Options = None,
    limit: Limit = None,
    workers: Workers = None,
    executor: ExecutorName = "local",
    executor_set: ExecutorOptions = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Turn a corpus or a synthetic task family into examples.

    Running it again makes only what is missing or has changed.
    """
    from perceptdata.recipe import check_name

    run_verb(
        check_name(name or builder),
        "build",
        {"use": builder, "path": source, "limit": limit, **parse_options(options)},
        workspace=workspace,
        create=True,
        dry_run=dry_run,
        as_json=as_json,
        executor=executor_of(executor, workers, executor_set),
        then=("perceptdata tag", "perceptdata report", 'perceptdata sql "select id, question from examples limit 5"'),
    )
