"""`perceptdata diagnose`: where a model's errors come from, what would help, and whether it then did."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from perceptdata.cli.common import (
    DEFAULT_WORKSPACE,
    AsJson,
    DryRun,
    Options,
    WorkspaceOption,
    parse_options,
    print_json,
    print_next,
    progress,
    say_spent,
)
from perceptdata.cli.generate import KeyEnv, Local, MaxCalls, Model, RetryFailed, Urls, Where, given_endpoint
from perceptdata.errors import UsageError

if TYPE_CHECKING:
    from perceptdata.diagnosis.diagnosis import Diagnosis

Name = Annotated[str, typer.Option("--name", help="What to call the layers and the folder.")]
Only = Annotated[
    list[str] | None, typer.Option("--only", help="Only these conditions; repeat.  [default: all that apply]")
]
DEFAULT_FORMAT = "describe_think_boxed"


def command(
    url: Urls = None,
    model: Model = None,
    key_env: KeyEnv = None,
    local: Local = None,
    items: Annotated[int, typer.Option("--items", min=1, help="Rows of each source that are asked at most.")] = 300,
    n: Annotated[int, typer.Option("-n", min=1, help="Answers a row; several tell the coupling within rows.")] = 1,
    temperature: Annotated[float, typer.Option("--temperature", min=0)] = 0.0,
    max_tokens: Annotated[int, typer.Option("--max-tokens", min=1)] = 2048,
    only: Only = None,
    where: Where = None,
    form: Annotated[str, typer.Option("--format", help="A response format with a description.")] = DEFAULT_FORMAT,
    dependency: Annotated[
        str | None, typer.Option("--dependency", help="A dependency step over the answers to the picture.")
    ] = None,
    run: Annotated[Path | None, typer.Option("--run", help="The training run that made the model.")] = None,
    max_calls: MaxCalls = None,
    retry_failed: RetryFailed = False,
    name: Name = "diag",
    to: Annotated[Path | None, typer.Option("--to", help="The folder.  [default: diagnosis/NAME there]")] = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    options: Options = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Say where a model's errors come from: perception, reasoning, or neither; with a page to look at.

    The same rows are asked with their picture, with the true facts given, with the picture blanked, exchanged and taken
    away. What was answered is kept and not asked again; a run that stopped goes on. --max-calls is a condition's.
    """
    from perceptdata.diagnosis.conditions import CONDITIONS
    from perceptdata.diagnosis.whole import whole
    from perceptdata.recipe import check_name
    from perceptdata.steps.diagnose import diagnose, foresee, layer_of
    from perceptdata.steps.diagnosed import write_diagnosis
    from perceptdata.workspace import Workspace

    if strangers := sorted(set(only or ()) - set(CONDITIONS)):
        raise UsageError(f"there is no condition '{strangers[0]}'; there are {', '.join(CONDITIONS)}")
    conditions = [each for each in CONDITIONS if not only or each in only or each == "image"]
    asked: dict[str, Any] = {
        "items": items,
        "n": n,
        "temperature": temperature,
        "max_tokens": max_tokens,
        "where": where,
        "format": {"use": form},
        "retry_failed": retry_failed,
    }
    if endpoint := given_endpoint(url, model, key_env):
        asked["endpoint"] = endpoint
    if local:
        asked["model"] = local
    if max_calls:
        asked["budget"] = {"max_calls": max_calls}
    asked |= parse_options(options)
    ws = Workspace(workspace)
    if dry_run:
        _foreseen(foresee(ws, check_name(name), asked, conditions), as_json)
        return
    with ws.lock(f"diagnose {name}"), progress() as watch:
        done = diagnose(ws, check_name(name), asked, conditions, watch)
    if done.stopped is not None:
        typer.echo(f"stopped: {done.stopped}", err=True)
        typer.echo("what is answered is kept; run the same command again to go on", err=True)
        raise typer.Exit(1)
    from perceptdata.steps.declared import make_format

    layers: dict[str, str] = {each: layer_of(name, each) for each in conditions if each not in done.left_out}
    known = str(local or asked.get("endpoint", {}).get("model"))
    found, table = whole(
        ws,
        name,
        layers,
        make_format(asked["format"]),
        model=known,
        continuation=done.continuation,
        left_out=done.left_out,
        scores=dependency,
        run=run,
    )
    folder = to or ws.path / "diagnosis" / name
    files = write_diagnosis(found, table, folder)
    if as_json:
        from perceptdata.diagnosis.diagnosis import to_json

        print_json({"folder": str(folder), **to_json(found)})
        return
    _print(found)
    print_next(
        f"open {files[-1]} in a browser",
        f"perceptdata diagnose blame --name {name} --url URL --model JUDGE --workspace {workspace}",
        f"perceptdata compare {folder} OTHER_FOLDER",
    )


def _foreseen(found: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(found)
        return
    for condition, each in found["conditions"].items():
        typer.echo(f"{condition}: {_said(each)}")
    typer.echo(f"in all: {_said(found['total'])}, and up to 9 calls that ask whether opened answers are continued")


def _said(each: dict[str, Any]) -> str:
    if "calls" not in each:
        return ", ".join(f"{what} {amount:,}" for what, amount in each.items() if amount is not None)
    tokens = f"{each['prompt_tokens']:,} + {each['completion_tokens']:,} tokens"
    cost = "cost unknown (no price is declared)" if each["cost"] is None else f"cost {each['cost']:.4f}"
    return f"{each['calls']:,} calls ({each['cached']:,} answered already), about {tokens}, {cost}"


def _print(found: Diagnosis) -> None:
    """The numbers that fit a screen."""
    from rich.table import Table

    from perceptdata.cli.common import console

    typer.echo(found.sentence)
    first = found.overall
    for name, rate, what in (
        ("a", first.a, "right from the picture"),
        ("a_p", first.a_p, "described as it is"),
        ("a_r", first.a_r, "right once the facts are given"),
        ("a_r", first.a_r_text, "the same, text only"),
    ):
        if rate.value is not None:
            typer.echo(f"  {name:<4} {rate!s:<22} {what}")
    shown = Table(box=None, pad_edge=False)
    for title in ("items of", "n", "a", "a_p", "a_r", "bottleneck"):
        shown.add_column(title, justify="left" if title in ("items of", "bottleneck") else "right")
    for each in found.rates:
        rates = (each.a, each.a_p, each.a_r if each.a_r.value is not None else each.a_r_text)
        values = ("–" if rate.value is None else f"{100 * rate.value:.0f} %" for rate in rates)
        shown.add_row(each.name, f"{each.items:,}", *values, each.bottleneck.verdict)
    console().print(shown)
    states = next(each.states for each in found.overall.answers if each.condition == "image")
    typer.echo(f"answers: {', '.join(f'{state} {count:,}' for state, count in states.items())}")
    for loss in found.shortcuts.losses:
        typer.echo(f"{loss.condition}: {loss.accuracy}, {loss.change} points")
    if found.shortcuts.aligned is not None and found.shortcuts.counter is not None:
        guessed, against = found.shortcuts.aligned, found.shortcuts.counter
        typer.echo(f"prior: {guessed} right where one would guess it, {against} where the picture is against the guess")
    typer.echo(f"the trace: {found.shortcuts.reads}")
    for note in found.notes:
        typer.echo(f"note: {note}")
    if found.spent:
        typer.echo(f"spent: {say_spent({'gpu_hours': None, **found.spent})}")
