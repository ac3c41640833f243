"""`perceptdata dependency`: how much each token of a response owes to the image."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from perceptdata.cli.common import DEFAULT_WORKSPACE, AsJson, DryRun, Options, WorkspaceOption, parse_options
from perceptdata.cli.steps import run_verb

Model = Annotated[Path, typer.Option("--model", help="A local transformers model that sees images.")]
From = Annotated[str, typer.Option("--from", help="A step's name, or response: the source's own.")]
Blind = Annotated[str, typer.Option("--blind", help="mask, drop, none, blank, patches or noise.")]
Estimator = Annotated[str, typer.Option("--estimator", help="k3 or full_kl.")]
FormatName = Annotated[str, typer.Option("--format", help="The response format that the question was asked in.")]
BatchSize = Annotated[int, typer.Option("--batch-size", min=1, help="Responses that the model reads at once.")]


def command(
    model: Model,
    from_: From = "response",
    blind: Blind = "mask",
    estimator: Estimator = "k3",
    format: FormatName = "think_boxed",
    batch_size: BatchSize = 8,
    name: Annotated[str, typer.Option("--name", help="What to call the layer.")] = "dependency",
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    options: Options = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Score tokens by how much they owe to the image: a local model reads each response with it and without."""
    from perceptdata.recipe import check_name

    asked = {"from": from_, "model": model, "blind": blind, "estimator": estimator, "batch_size": batch_size}
    chain = f"[structure, {{visual-dependency: {{scores: {name}}}}}]"
    run_verb(
        check_name(name),
        "dependency",
        {**asked, "format": {"use": format}, **parse_options(options)},
        workspace=workspace,
        create=False,
        dry_run=dry_run,
        as_json=as_json,
        then=(f"perceptdata tag --from {from_} --set 'use={chain}'",),
    )
