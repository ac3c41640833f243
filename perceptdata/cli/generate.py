"""`perceptdata generate`: a model answers the examples."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from perceptdata.cli.common import DEFAULT_WORKSPACE, AsJson, DryRun, Options, WorkspaceOption, parse_options
from perceptdata.cli.steps import run_verb

Urls = Annotated[list[str] | None, typer.Option("--url", help="An OpenAI-compatible endpoint; repeat to balance.")]
Model = Annotated[str | None, typer.Option("--model", help="The model to ask for at the endpoint.")]
KeyEnv = Annotated[str | None, typer.Option("--key-env", help="The variable that holds the endpoint's key.")]
Local = Annotated[Path | None, typer.Option("--local", help="A local transformers model, instead of an endpoint.")]
FormatName = Annotated[str | None, typer.Option("--format", help="The response format.  [default: think_boxed]")]
Where = Annotated[str | None, typer.Option("--where", help="Only examples for which this SQL holds.")]
MaxCalls = Annotated[int | None, typer.Option("--max-calls", min=1, help="Stop cleanly after so many calls.")]
RetryFailed = Annotated[bool, typer.Option("--retry-failed", help="Ask again where an answer was of no use.")]


def command(
    url: Urls = None,
    model: Model = None,
    key_env: KeyEnv = None,
    local: Local = None,
    format: FormatName = None,
    n: Annotated[int, typer.Option("-n", min=1, help="Answers an example.")] = 1,
    see: Annotated[str, typer.Option("--see", help="image, caption, nothing or facts.")] = "image",
    where: Where = None,
    temperature: Annotated[float, typer.Option("--temperature", min=0)] = 0.0,
    max_tokens: Annotated[int, typer.Option("--max-tokens", min=1)] = 2048,
    max_calls: MaxCalls = None,
    retry_failed: RetryFailed = False,
    name: Annotated[str, typer.Option("--name", help="What to call the layer.")] = "cot",
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    options: Options = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Let a model answer the examples, each answer paid for once."""
    from perceptdata.recipe import check_name

    asked: dict[str, Any] = {"n": n, "see": see, "where": where, "temperature": temperature, "max_tokens": max_tokens}
    if endpoint := given_endpoint(url, model, key_env):
        asked["endpoint"] = endpoint
    if local:
        asked["model"] = local
    if format or see == "facts":
        asked["format"] = {"use": format or "facts_trace"}
    if max_calls:
        asked["budget"] = {"max_calls": max_calls}
    run_verb(
        check_name(name),
        "generate",
        {**asked, "retry_failed": retry_failed, **parse_options(options)},
        workspace=workspace,
        create=False,
        dry_run=dry_run,
        as_json=as_json,
        then=(f"perceptdata score --from {name}", f"perceptdata tag --from {name}", "perceptdata report"),
    )


def given_endpoint(url: list[str] | None, model: str | None, key_env: str | None) -> dict[str, Any] | None:
    """The endpoint that these options name; None where they name none."""
    if not url and not model:
        return None
    named = {"urls": url or [], "model": model, "key_env": key_env}
    return {key: value for key, value in named.items() if value is not None}
