"""`perceptdata caption`: every image is described, once."""

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
from perceptdata.cli.generate import FormatName, KeyEnv, MaxCalls, Model, RetryFailed, Urls, given_endpoint
from perceptdata.cli.steps import run_verb


def command(
    url: Urls = None,
    model: Model = None,
    key_env: KeyEnv = None,
    given: Annotated[
        str | None, typer.Option("--from", help="Captions that are there: corpus, facts, or a step's descriptions.")
    ] = None,
    n: Annotated[int | None, typer.Option("-n", min=1, help="Captions an image.  [default: 1]")] = None,
    temperature: Annotated[float | None, typer.Option("--temperature", min=0)] = None,
    form: FormatName = None,
    max_calls: MaxCalls = None,
    retry_failed: RetryFailed = False,
    name: Annotated[str, typer.Option("--name", help="What to call the layer.")] = "caps",
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    options: Options = None,
    workers: Workers = None,
    executor: ExecutorName = "local",
    executor_set: ExecutorOptions = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Caption every image, and cut each caption into claims."""
    from perceptdata.recipe import check_name

    asked: dict[str, Any] = {"n": n, "temperature": temperature, "retry_failed": retry_failed}
    if endpoint := given_endpoint(url, model, key_env):
        asked["endpoint"] = endpoint
    if given:
        asked["from"] = given
    if form:
        asked["format"] = {"use": form}
    if max_calls:
        asked["budget"] = {"max_calls": max_calls}
    run_verb(
        check_name(name),
        "caption",
        {**asked, **parse_options(options)},
        workspace=workspace,
        create=False,
        dry_run=dry_run,
        as_json=as_json,
        executor=executor_of(executor, workers, executor_set),
        then=(f"perceptdata judge --from {name}", "perceptdata report"),
    )
