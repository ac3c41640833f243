"""`perceptdata sift`: which examples some scored answers get wrong and others right."""

from __future__ import annotations

from typing import Annotated

import typer

from perceptdata.cli.common import DEFAULT_WORKSPACE, AsJson, DryRun, Options, WorkspaceOption, parse_options
from perceptdata.cli.steps import run_verb


def command(
    wrong: Annotated[
        list[str] | None, typer.Option("--wrong", metavar="STEP", help="Scores that must be wrong; repeat.")
    ] = None,
    right: Annotated[
        list[str] | None, typer.Option("--right", metavar="STEP", help="Scores that must be right; repeat.")
    ] = None,
    name: Annotated[str, typer.Option("--name", help="What to call the layer.")] = "sifted",
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    options: Options = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Keep the examples that some answers get wrong and others right, by scores that are there.

    The perception filter: wrong from the image, right from the caption. A view says `where: sifted.kept`.
    """
    from perceptdata.recipe import check_name

    run_verb(
        check_name(name),
        "sift",
        {"wrong": wrong or [], "right": right or [], **parse_options(options)},
        workspace=workspace,
        create=False,
        dry_run=dry_run,
        as_json=as_json,
        then=(f"perceptdata sql \"select meta->>'why' as why, count(*) as rows from {name} group by all\"",),
    )
