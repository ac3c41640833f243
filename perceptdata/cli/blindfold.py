"""`perceptdata blindfold`: does what perceives hold what the answer needs?"""

from __future__ import annotations

from typing import Annotated, Any

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
from perceptdata.cli.generate import FormatName, KeyEnv, MaxCalls, RetryFailed, given_endpoint
from perceptdata.cli.steps import run_verb


def command(
    spans: Annotated[str, typer.Option("--from", help="Whose spans are tried: a tag or consensus step's.")],
    url: Annotated[list[str], typer.Option("--url", help="An OpenAI-compatible endpoint; repeat to balance.")],
    model: Annotated[str, typer.Option("--model", help="The text-only model to ask for there.")],
    key_env: KeyEnv = None,
    form: FormatName = None,
    n: Annotated[int, typer.Option("-n", min=1, help="Answers a text.")] = 1,
    temperature: Annotated[float, typer.Option("--temperature", min=0)] = 0.0,
    control: Annotated[bool, typer.Option(help="Also ask each question without the spans.")] = True,
    max_calls: MaxCalls = None,
    retry_failed: RetryFailed = False,
    name: Annotated[str, typer.Option("--name", help="What to call the layer.")] = "blind",
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    options: Options = None,
    workers: Workers = None,
    executor: ExecutorName = "local",
    executor_set: ExecutorOptions = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Let a text-only model answer from the perception spans alone, and score its answers."""
    from perceptdata.recipe import check_name

    asked: dict[str, Any] = {"from": spans, "n": n, "temperature": temperature, "control": control}
    asked["endpoint"] = given_endpoint(url, model, key_env)
    if form:
        asked["format"] = {"use": form}
    if max_calls:
        asked["budget"] = {"max_calls": max_calls}
    run_verb(
        check_name(name),
        "blindfold",
        {**asked, "retry_failed": retry_failed, **parse_options(options)},
        workspace=workspace,
        create=False,
        dry_run=dry_run,
        as_json=as_json,
        executor=executor_of(executor, workers, executor_set),
        then=(
            f'perceptdata sql "select name, avg(value) as rate, count(*) as n from {name} group by name"',
            f"perceptdata sql \"select meta->>'leak' as leak, avg(value) as rate from {name} group by all\"",
        ),
    )
