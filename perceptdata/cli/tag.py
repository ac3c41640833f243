"""`perceptdata tag`: every clause of a text is said to perceive or to reason."""

from __future__ import annotations

from typing import Annotated

import typer

from perceptdata.cli.common import DEFAULT_WORKSPACE, AsJson, DryRun, Workers, WorkspaceOption
from perceptdata.cli.steps import run_verb


def command(
    texts: Annotated[
        list[str] | None, typer.Option("--from", help="Which texts: response, facts, question, or a step's responses.")
    ] = None,
    use: Annotated[list[str] | None, typer.Option("--use", help="The taggers, in order; repeat for a chain.")] = None,
    name: Annotated[str, typer.Option("--name", help="What to call the layer.")] = "tags",
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    workers: Workers = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Say of every clause of a text whether it perceives or reasons."""
    from perceptdata.recipe import check_name

    chosen = {"from": texts or ["response"], "use": use or ["structure", "cues"]}
    run_verb(
        check_name(name),
        "tag",
        chosen,
        workspace=workspace,
        create=False,
        dry_run=dry_run,
        as_json=as_json,
        workers=workers,
        then=("perceptdata report", f'perceptdata sql "select text_id, len(spans) from {name} limit 5"'),
    )
