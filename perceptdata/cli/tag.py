"""`perceptdata tag`: every clause of a text is said to perceive or to reason."""

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
from perceptdata.cli.generate import KeyEnv, MaxCalls, Model, RetryFailed, Urls, given_endpoint
from perceptdata.cli.steps import run_verb
from perceptdata.errors import UsageError


def command(
    texts: Annotated[
        list[str] | None, typer.Option("--from", help="Which texts: response, facts, question, or a step's responses.")
    ] = None,
    use: Annotated[list[str] | None, typer.Option("--use", help="The taggers, in order; repeat for a chain.")] = None,
    name: Annotated[str, typer.Option("--name", help="What to call the layer.")] = "tags",
    url: Urls = None,
    model: Model = None,
    key_env: KeyEnv = None,
    margin_below: Annotated[
        float | None,
        typer.Option("--margin-below", min=0, max=1, help="Ask a model only where the others are less sure than this."),
    ] = None,
    max_calls: MaxCalls = None,
    retry_failed: RetryFailed = False,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    options: Options = None,
    workers: Workers = None,
    executor: ExecutorName = "local",
    executor_set: ExecutorOptions = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Say of every clause of a text whether it perceives or reasons.

    With --url and --model the taggers that ask a model ask that one.
    """
    from perceptdata.recipe import check_name

    chain: list[Any] = list(use or ["structure", "cues"])
    endpoint = given_endpoint(url, model, key_env)
    given = {"endpoint": endpoint, "margin_below": margin_below, "max_calls": max_calls}
    if given := {key: value for key, value in given.items() if value is not None}:
        asked = [_asked(each, given) for each in chain]
        if asked == chain:
            raise UsageError("no tagger among --use asks a model, so --url, --margin-below and --max-calls say nothing")
        chain = asked
    chosen = {"from": texts or ["response"], "use": chain, "retry_failed": retry_failed, **parse_options(options)}
    run_verb(
        check_name(name),
        "tag",
        chosen,
        workspace=workspace,
        create=False,
        dry_run=dry_run,
        as_json=as_json,
        executor=executor_of(executor, workers, executor_set),
        then=("perceptdata report", f'perceptdata sql "select text_id, len(spans) from {name} limit 5"'),
    )


def _asked(name: str, given: dict[str, Any]) -> Any:
    """A tagger with its endpoint, where it is one that asks."""
    from perceptdata import registry
    from perceptdata.tagging import AskingTagger

    kind: type = registry.load("taggers", name)
    return {name: given} if issubclass(kind, AskingTagger) else name
