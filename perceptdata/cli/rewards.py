"""`perceptdata rewards`: measure rewards against perception, and serve them to trainers over HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from perceptdata.cli.common import DEFAULT_WORKSPACE, AsJson, Limit, WorkspaceOption, console, print_json, print_next

if TYPE_CHECKING:
    from perceptdata.formats import Format

app = typer.Typer(no_args_is_help=True, help="Measure rewards against perception, and serve them to trainers.")

RewardOption = Annotated[
    list[str] | None,
    typer.Option(
        "--reward", metavar="NAME=WEIGHT", help="outcome, format, perception or perception_dense; repeat for more."
    ),
]
SurrogateOption = Annotated[
    list[str] | None,
    typer.Option("--surrogate", metavar="NAME=WEIGHT", help="A surrogate (`perceptdata list surrogates`); repeat."),
]
SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="NAME.KEY=VALUE", help="An option of a surrogate, such as facts.captions=caps; repeat."
    ),
]
ReferenceOption = Annotated[
    str | None, typer.Option("--reference", metavar="STEP", help="Whose captions `facts` compares with.")
]
CertificateOption = Annotated[
    Path | None, typer.Option("--certificate", metavar="FILE", help="What proves those captions.")
]
AllowOption = Annotated[
    bool, typer.Option("--allow-uncertified", help="Take captions without a certificate, and mark all that they score.")
]
FormOption = Annotated[str, typer.Option("--format", help="How responses are written; `perceptdata list formats`.")]
FormOptions = Annotated[
    list[str] | None, typer.Option("--format-set", metavar="KEY=VALUE", help="An option of the format; repeat.")
]
ViewOption = Annotated[str, typer.Option("--view", help="The view whose rows are answered.")]

# What a probe measures unless told: every surrogate that needs nothing but the rollouts and the workspace.
FREE = ("consensus", "solver", "render", "wellformed")
DEFAULT_FORMAT = "describe_think_boxed"


@app.command("probe")
def probe(
    texts: Annotated[str, typer.Option("--from", help="The step whose responses are scored.")],
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    view: ViewOption = "all",
    surrogates: SurrogateOption = None,
    options: SetOption = None,
    reference: ReferenceOption = None,
    certificate: CertificateOption = None,
    allow_uncertified: AllowOption = False,
    form: FormOption = DEFAULT_FORMAT,
    form_options: FormOptions = None,
    limit: Limit = None,
    as_json: AsJson = False,
) -> None:
    """Say which rewards follow perception, on responses to rows whose scene is known.

    A surrogate passes where its correlation with perception is surely above the outcome's, over all rollouts and
    within the rollouts of one row. Without --surrogate, those that need no endpoint and no captions are measured.
    """
    from perceptdata.rewards.mixture import Mixture
    from perceptdata.rewards.reliability import measure, table
    from perceptdata.rewards.rollouts import rollouts_of
    from perceptdata.workspace import Workspace

    ws, made = Workspace(workspace), _form(form, form_options)
    named = _weights(surrogates, "--surrogate") if surrogates else dict.fromkeys(FREE, 1.0)
    named |= {"facts": 1.0} if reference else {}
    given = _options(options, reference, certificate, allow_uncertified)
    rollouts = rollouts_of(ws, texts, view, limit)
    rewards = {"outcome": 1.0, "format": 1.0}
    with Mixture.of(rewards, made, surrogates=named, options=given, workspace=workspace) as mixture:
        found = measure(mixture, rollouts, made)
    if as_json:
        standings = [each.to_json() for each in found]
        print_json({"from": texts, "view": view, "rollouts": len(rollouts), "rewards": standings})
        return
    _print(table(found))
    passing = [each.name for each in found if each.passes]
    typer.echo(
        "r: correlation with perception [95 %]; within: each rollout against the mean of its row's, as GRPO sees it; "
        "P(1|a_p=0): how often it gives 1 where perception is wrong"
    )
    if passing:
        print_next(f"perceptdata rewards serve --workspace {workspace} --surrogate {passing[0]}=0.3")
    else:
        typer.echo("no surrogate follows perception surely better than the outcome: train on none of them")


@app.command("serve")
def serve(
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    view: ViewOption = "all",
    rewards: RewardOption = None,
    surrogates: SurrogateOption = None,
    options: SetOption = None,
    reference: ReferenceOption = None,
    certificate: CertificateOption = None,
    allow_uncertified: AllowOption = False,
    form: FormOption = DEFAULT_FORMAT,
    form_options: FormOptions = None,
    host: Annotated[str, typer.Option("--host", help="Where to listen; others than this machine need a token.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="0 takes any that is free.")] = 8765,
    token_env: Annotated[
        str | None, typer.Option("--token-env", help="The environment variable that holds the token to ask for.")
    ] = None,
    workers: Annotated[int | None, typer.Option("--workers", min=1, help="Processes.  [default: one a core]")] = None,
    as_json: AsJson = False,
) -> None:
    """Answer `{example_id, response}` with `{total, parts, unscored, reason}` over HTTP, for any trainer.

    Without --reward, outcome=0.9 and format=0.1. Ctrl-C, or SIGTERM, lets requests under way finish.
    """
    import asyncio
    import os

    from perceptdata.errors import UsageError
    from perceptdata.rewards.pool import Pool, Serving
    from perceptdata.rewards.server import RewardServer, check_open, serve_until_told

    token = None
    if token_env is not None:
        token = os.environ.get(token_env, "").strip()
        if not token:
            raise UsageError(f"the token is read from ${token_env}, which is not set; export it first")
    check_open(host, token)
    serving = Serving(
        workspace,
        view,
        _form(form, form_options),
        _weights(rewards, "--reward") if rewards else {"outcome": 0.9, "format": 0.1},
        _weights(surrogates, "--surrogate"),
        _options(options, reference, certificate, allow_uncertified),
    )

    def ready(url: str) -> None:
        if as_json:
            typer.echo(json_line({"url": url, **pool.about()}))
            return
        about = pool.about()
        weights = ", ".join(f"{name}={weight:g}" for name, weight in about["weights"].items())
        typer.echo(f"{url}/score answers for {about['examples']:,} examples of view '{view}': {weights}")
        for name, mark in about["marks"].items():
            typer.echo(f"  {name}: {mark}")

    with Pool(serving, workers or os.cpu_count() or 1) as pool:
        pool.begin()
        asyncio.run(serve_until_told(RewardServer(pool, token), host, port, ready))
    if not as_json:
        typer.echo("stopped")


def json_line(value: Any) -> str:
    """One line of JSON, for a program that waits for it."""
    import json

    return json.dumps(value, ensure_ascii=False, default=str)


def _form(name: str, options: list[str] | None) -> Format:
    from perceptdata.cli.common import parse_options
    from perceptdata.registry import make

    made: Format = make("formats", name, parse_options(options, "--format-set"))
    return made


def _weights(pairs: list[str] | None, flag: str) -> dict[str, float]:
    """`outcome=0.9` as a weight; a name alone weighs 1."""
    from perceptdata.errors import UsageError

    found: dict[str, float] = {}
    for pair in pairs or []:
        name, equals, weight = pair.partition("=")
        try:
            found[name] = float(weight) if equals else 1.0
        except ValueError:
            raise UsageError(f"{flag} takes NAME=WEIGHT, not '{pair}'") from None
    return found


def _options(
    pairs: list[str] | None, reference: str | None, certificate: Path | None, allow_uncertified: bool
) -> dict[str, dict[str, Any]]:
    """`facts.captions=caps` as options by surrogate; the other flags are options of `facts`."""
    from perceptdata.cli.common import parse_options
    from perceptdata.errors import UsageError

    found: dict[str, dict[str, Any]] = {}
    for key, value in parse_options(pairs).items():
        name, dot, option = key.partition(".")
        if not dot:
            raise UsageError(f"--set takes NAME.KEY=VALUE, such as facts.captions=caps, not '{key}'")
        found.setdefault(name, {})[option] = value
    flags = {"captions": reference, "certificate": certificate, "allow_uncertified": allow_uncertified or None}
    own = {name: value for name, value in flags.items() if value is not None}
    if own:
        found["facts"] = {**own, **found.get("facts", {})}
    return found


def _print(rows: list[Any]) -> None:
    from rich import box
    from rich.table import Table

    shown = Table(box=box.SIMPLE, padding=(0, 1, 0, 0))
    for name in rows[0]:
        shown.add_column(name, justify="left" if name == "reward" else "right")
    for row in rows:
        shown.add_row(*row.values())
    console().print(shown)
