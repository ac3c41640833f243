"""`perceptdata score`: is each response's answer right, and does it keep to its format?"""

from __future__ import annotations

from typing import Annotated

import typer

from perceptdata.cli.common import (
    DEFAULT_WORKSPACE,
    AsJson,
    DryRun,
    ExecutorName,
    ExecutorOptions,
    Options,
    Workers,
    WorkspaceOption,
    executor_of,
    parse_options,
)
from perceptdata.cli.steps import run_verb


def command(
    texts: Annotated[str, typer.Option("--from", help="Whose responses: a step's, or `response`, the source's own.")],
    form: Annotated[
        str, typer.Option("--format", help="How they are written; `perceptdata list formats` shows the formats.")
    ] = "answer_only",
    name: Annotated[str, typer.Option("--name", help="What to call the layer.")] = "pass",
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    options: Options = None,
    workers: Workers = None,
    executor: ExecutorName = "local",
    executor_set: ExecutorOptions = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Compare the answer in each response with the gold answer.

    `--set` gives the format's options. What cannot be compared is unscored, with a reason.
    """
    from perceptdata.recipe import check_name

    run_verb(
        check_name(name),
        "score",
        {"from": texts, "format": {"use": form, **parse_options(options)}},
        workspace=workspace,
        create=False,
        dry_run=dry_run,
        as_json=as_json,
        executor=executor_of(executor, workers, executor_set),
        then=(
            f'perceptdata sql "select name, avg(value) as rate, count(*) as n from {name} group by name"',
            f"perceptdata sql \"select meta->>'rung', meta->>'reason', count(*) from {name} group by all\"",
        ),
    )
