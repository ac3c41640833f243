"""`perceptdata train plan`: stages of training, one after another."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from perceptdata.cli.common import AsJson, DryRun, print_json, print_next

if TYPE_CHECKING:
    from perceptdata.trainer.staged import Standing


def command(
    plan: Annotated[Path, typer.Argument(metavar="PLAN", help="The plan (YAML); docs/training.md shows one.")],
    dry_run: DryRun = False,
    gpus: Annotated[int | None, typer.Option("--gpus", min=1, help="For the dry run: as on so many.")] = None,
    as_json: AsJson = False,
) -> None:
    """Train in stages, each from the checkpoint of the one before; run it again to go on where it stopped."""
    from perceptdata.trainer.plan import Plan
    from perceptdata.trainer.staged import follow, survey

    declared = Plan.load(plan)
    processes = int(os.environ.get("WORLD_SIZE", "1"))
    if dry_run:
        standings = survey(declared, gpus or processes)
        if as_json:
            print_json([each.to_json() for each in standings])
        else:
            _print_survey(standings, gpus or processes)
        return
    first = os.environ.get("RANK", "0") == "0"
    ended = []
    for leg, outcome in follow(declared, processes):
        ended.append({**leg.to_json(), "outcome": outcome.to_json()})
        if first and not as_json:
            loss = "" if outcome.loss is None else f", last loss {outcome.loss:.4f}"
            typer.echo(f"{leg.name}: {outcome.steps:,} steps on {outcome.rows:,} rows{loss} in {outcome.seconds:.1f} s")
    if not first:
        return
    if as_json:
        print_json(ended)
    else:
        print_next(f"perceptdata generate --local {ended[-1]['outcome']['model']} --workspace WORKSPACE")


def _print_survey(standings: list[Standing], processes: int) -> None:
    for each in standings:
        leg = each.leg
        state = "" if each.state == "new" else f" ({each.state}, {each.step:,} of them saved)"
        typer.echo(f"{leg.name}: {leg.method.method}, {leg.rows:,} rows, {leg.steps:,} steps{state}, from {leg.model}")
        if leg.rejected:
            reasons = ", ".join(f"{reason} {count:,}" for reason, count in leg.rejected.items())
            typer.echo(f"  rejected {sum(leg.rejected.values()):,}: {reasons}")
        adapters = "" if leg.method.lora is None else f", adapters of rank {leg.method.lora.r}"
        typer.echo(f"  trains {', '.join(leg.method.train)}{adapters}; checkpoints: {leg.out / 'checkpoints'}")
    total = sum(each.leg.steps for each in standings)
    typer.echo(f"{total:,} steps in all, on {processes} device(s)")
