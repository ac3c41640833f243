"""`perceptdata judge`: is what captions claim there to be seen?"""

from __future__ import annotations

from pathlib import Path
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


def command(
    captions: Annotated[str, typer.Option("--from", help="Whose captions are judged: a caption step's.")] = "caps",
    use: Annotated[list[str] | None, typer.Option("--use", help="The judges; repeat for a panel.")] = None,
    url: Urls = None,
    model: Model = None,
    key_env: KeyEnv = None,
    probe: Annotated[
        list[str] | None, typer.Option("--probe", help="Which probes; repeat. 'none' leaves judges unprobed.")
    ] = None,
    max_calls: MaxCalls = None,
    retry_failed: RetryFailed = False,
    name: Annotated[str, typer.Option("--name", help="What to call the layer.")] = "judged",
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    options: Options = None,
    workers: Workers = None,
    executor: ExecutorName = "local",
    executor_set: ExecutorOptions = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Let judges say of every claim whether the image shows it, and probe the judges.

    With --url and --model the judges that ask a model ask that one.
    """
    from perceptdata.recipe import check_name

    panel: list[Any] = list(use or ["oracle", "consistency"])
    if endpoint := given_endpoint(url, model, key_env):
        panel = [_asked(each, endpoint) for each in panel]
    chosen: dict[str, Any] = {"from": captions, "use": panel, "retry_failed": retry_failed}
    if probe:
        chosen["probes"] = [] if probe == ["none"] else probe
    if max_calls:
        chosen["budget"] = {"max_calls": max_calls}
    run_verb(
        check_name(name),
        "judge",
        {**chosen, **parse_options(options)},
        workspace=workspace,
        create=False,
        dry_run=dry_run,
        as_json=as_json,
        executor=executor_of(executor, workers, executor_set),
        then=(f'perceptdata sql "select producer.name, verdict, count(*) as n from {name} group by all"',),
    )
    if not dry_run and not as_json:
        _print_probes(workspace, name)


def _asked(name: str, endpoint: dict[str, Any]) -> Any:
    """A judge with its endpoint, where it is one that asks."""
    from perceptdata import registry
    from perceptdata.verification.asking import AskingJudge

    kind: type = registry.load("judges", name)
    return {name: {"endpoint": endpoint}} if issubclass(kind, AskingJudge) else name


def _print_probes(workspace: Path, name: str) -> None:
    """How each judge fared under its probes; who is refused, and why."""
    from perceptdata.steps.opinions import probe_reports
    from perceptdata.workspace import Workspace

    ws = Workspace(workspace)
    if "verdicts" not in ws.layers().get(name, []):
        return
    for judge, report in probe_reports(ws, name).items():
        typer.echo(f"{judge} passes {report.own} of the probed claims as they are")
        for probe in report.probes:
            what = "changes its verdict on" if probe.kind == "neutral" else "passes"
            typer.echo(f"  {probe.name} ({probe.kind}): {what} {probe.rate}")
        if report.refused:
            typer.echo(f"  refused: {report.refused}")
