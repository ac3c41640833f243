"""What `build` and `tag` share: a verb is a one-step recipe."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from perceptdata.cli.common import print_json, print_next, print_outcome, progress

if TYPE_CHECKING:
    from perceptdata.execution.executor import Executor
    from perceptdata.workspace import Workspace


def run_verb(
    name: str,
    do: str,
    options: Mapping[str, Any],
    *,
    workspace: Path,
    create: bool,
    dry_run: bool,
    as_json: bool,
    then: tuple[str, ...],
    executor: Executor | None = None,
    tell: Callable[[Workspace], dict[str, int]] | None = None,
    said: Mapping[str, Any] | None = None,
) -> None:
    """Run one step in a workspace and print what came of it; `tell` counts what it found, `said` goes with the JSON."""
    import tempfile

    from perceptdata.steps.declared import make_step
    from perceptdata.steps.run import plan_step, run_step
    from perceptdata.workspace import Workspace

    step = make_step(do, options)
    if dry_run:
        with tempfile.TemporaryDirectory() as nowhere:
            exists = (workspace / "manifest.json").exists() or not create
            ws = Workspace(workspace) if exists else Workspace.create(Path(nowhere) / "ws")
            plan = plan_step(ws, name, step)
            foreseen = step.estimate(ws, name, plan.todo)
        if as_json:
            print_json({**plan.to_json(), "estimate": foreseen, **(said or {})})
        else:
            shards = f"{len(plan.todo)} of {len(plan.shards)} shards to make"
            typer.echo(f"{name}: {shards} in {workspace} (options {plan.version})")
            for what, amount in foreseen.items():
                typer.echo(f"  {what}: {'unknown' if amount is None else f'{amount:,}'}")
        return
    ws = Workspace.create(workspace) if create else Workspace(workspace)
    with ws.lock(f"{do} {name}"), progress() as watch:
        done = run_step(ws, name, step, executor, watch(name))
    found = tell(ws) if tell else {}
    if as_json:
        print_json({**done.to_json(), **({"found": found} if tell else {}), **(said or {})})
        return
    print_outcome(done)
    for what, count in found.items():
        typer.echo(f"  {what}: {count:,}")
    where = "" if str(workspace) == "workspace" else f" --workspace {workspace}"
    print_next(*(command + where for command in then))
