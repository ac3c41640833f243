"""`perceptdata train`: a model learns from a view."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from perceptdata.cli.common import (
    DEFAULT_WORKSPACE,
    Allow,
    AsJson,
    DryRun,
    WorkspaceOption,
    parse_options,
    print_json,
    print_next,
)
from perceptdata.errors import UsageError

if TYPE_CHECKING:
    from perceptdata.trainer.forecast import Forecast
    from perceptdata.trainer.preview import Histogram, Preview
    from perceptdata.trainer.run import Outcome

BAR = 40
WAYS = {"one": "alone", "ddp": "DDP", "fsdp": "FSDP, ZeRO-3", "zero3": "ZeRO-3"}

MethodOptions = Annotated[
    list[str] | None, typer.Option("-o", metavar="KEY=VALUE", help="An option of the method; repeat for more.")
]
Rows = Annotated[Path | None, typer.Option("--rows", help="A view that is exported already; needs no workspace.")]


def command(
    method: Annotated[str, typer.Argument(metavar="METHOD", help="How to train: sft, grpo, pgpo, vigos, …")],
    model: Annotated[str, typer.Option("--model", help="The checkpoint to begin with: a folder or a Hub name.")],
    out: Annotated[Path, typer.Option("--out", help="The folder of everything that comes of the run.")],
    view: Annotated[str | None, typer.Option("--view", help="Which view: of a recipe, a stage's, or all.")] = None,
    rows: Rows = None,
    split: Annotated[str | None, typer.Option("--split", help="Which of its splits.  [default: train]")] = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    options: MethodOptions = None,
    allow: Allow = None,
    dry_run: DryRun = False,
    gpus: Annotated[int | None, typer.Option("--gpus", min=1, help="For the dry run: as on so many.")] = None,
    gpu_memory: Annotated[
        float | None, typer.Option("--gpu-memory", min=1, metavar="GIB", help="For the dry run: as on GPUs of this.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Train a model on a view; run it again to go on where it stopped.

    `--dry-run` shows rows, tokens, steps, parameters, memory and time, and trains nothing.
    `perceptdata train plan` trains in stages.
    """
    from perceptdata.trainer.options import Paths
    from perceptdata.trainer.presets import make

    if (view is None) == (rows is None):
        raise UsageError("name the rows once: --view VIEW of a workspace, or --rows FOLDER of an exported view")
    chosen = make(method, _nested(parse_options(options, "-o")))
    if dry_run:
        from perceptdata.trainer.preview import preview

        # As large as the view: where there is room for the run, there should be for this.
        with tempfile.TemporaryDirectory(dir=out.parent if out.parent.is_dir() else None) as nowhere:
            folder = rows or _export(workspace, str(view), out, Path(nowhere), allow)
            seen = preview(
                chosen, Paths(model=model, view=folder, out=out, split=split), gpus or _processes(), gpu_memory
            )
        if as_json:
            print_json(seen.to_json())
        else:
            _print_preview(seen)
        if seen.forecast.refusal is not None:
            raise UsageError(seen.forecast.refusal)
        return
    if gpus is not None or gpu_memory is not None:
        raise UsageError("--gpus and --gpu-memory go with --dry-run; torchrun or accelerate starts a run on several")
    from perceptdata.trainer.run import train

    folder = rows or _export(workspace, str(view), out, out / "view", allow)
    done = train(chosen, Paths(model=model, view=folder, out=out, split=split))
    if os.environ.get("RANK", "0") != "0":
        return
    if as_json:
        print_json(done.to_json())
    else:
        _print_outcome(done, out)


def _processes() -> int:
    """How many were started by torchrun or accelerate."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def _nested(options: dict[str, Any]) -> dict[str, Any]:
    """`lora.r: 16` as `lora: {r: 16}`."""
    nested: dict[str, Any] = {}
    for key, value in options.items():
        *outer, last = key.split(".")
        place = nested
        for name in outer:
            place = place.setdefault(name, {})
            if not isinstance(place, dict):
                raise UsageError(f"-o {key}: {name} has a value of its own already")
        place[last] = value
    return nested


def _export(workspace: Path, name: str, out: Path, to: Path, allow: list[str] | None) -> Path:
    """Where the view lies as files: `out/view`, if that has the same fingerprint, else written to `to`.

    The rows of a run that is there stay as they are: it could not go on without them.
    """
    from perceptdata.publishing.exports.parquet import RECORD
    from perceptdata.steps.train import exported
    from perceptdata.steps.uses import check_trained
    from perceptdata.trainer.rows import fingerprint_of
    from perceptdata.trainer.run import RUN
    from perceptdata.workspace import Workspace

    view, kept = Workspace(workspace).view(name), out / "view"
    check_trained(view, tuple(allow or ()))
    if (kept / RECORD).exists() and fingerprint_of(kept) == view.fingerprint:
        return kept
    if (out / RUN).exists():
        raise UsageError(f"{out} holds a run of another view, or of this one before it changed; name another --out")
    if _processes() > 1:
        raise UsageError(
            f"several processes cannot export a view at once; first: perceptdata export parquet --view {name} --to "
            "FOLDER, then train with --rows FOLDER"
        )
    return exported(view, to)


def _print_preview(seen: Preview) -> None:
    kept = sum(seen.stages.values())
    stages = ", ".join(f"{stage} {count:,}" for stage, count in seen.stages.items())
    typer.echo(f"{seen.method}: {kept:,} of {seen.rows:,} rows ({stages})")
    _print_rejected(seen.rejected)
    for name, histogram in seen.histograms.items():
        _print_histogram(name, histogram)
    typer.echo(f"steps: {seen.steps:,} of {seen.rows_a_step:,} rows, on {seen.processes} device(s)")
    typer.echo(f"trained: {seen.trained:,} parameters; the model itself has {seen.parameters:,}")
    _print_forecast(seen.forecast)
    typer.echo(f"checkpoints: {seen.checkpoints}")


def _print_forecast(seen: Forecast) -> None:
    """The options' own way has a star."""
    gib = 1 << 30
    names = [*seen.lines[0].need._fields, "total"]
    typer.echo(f"GiB a device for 95 % of the rows, on {seen.device.name} with {seen.device.memory / gib:.1f}:")
    typer.echo(f"  {'':<22} devices {' '.join(f'{name:>{max(8, len(name))}}' for name in names)}")
    apart = any(line.way == "zero3" for line in seen.lines)
    for line in seen.lines:
        way = "FSDP" if line.way == "fsdp" and apart else WAYS[line.way]
        cells = zip(names, [*line.need, line.need.total], strict=True)
        numbers = " ".join(f"{size / gib:>{max(8, len(name))}.2f}" for name, size in cells)
        label = f"{'*' if line.chosen else ' '} {'lora' if line.lora else 'full'}, {way}"
        typer.echo(f"  {label:<22} {line.devices:>7} {numbers}{'' if line.fits else '  too much'}")
    typer.echo(f"time: {_span(seen.step_seconds)} a step, {_span(seen.seconds)} in all, at {seen.assumption}")


def _span(seconds: float) -> str:
    for unit, size in (("days", 86400.0), ("hours", 3600.0), ("minutes", 60.0)):
        if seconds >= 2 * size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.2g} seconds"


def _print_histogram(name: str, histogram: Histogram) -> None:
    cut = "" if histogram.cut is None else f", cut at {histogram.cut:,}"
    middle = f"median {histogram.median:,.0f}, 95 % under {histogram.p95:,.0f}"
    typer.echo(
        f"tokens of {name}: {histogram.least:,} to {histogram.most:,}, {middle}, {histogram.total:,} in all{cut}"
    )
    most = max(histogram.counts)
    for start, end, count in zip(histogram.edges, histogram.edges[1:], histogram.counts, strict=False):
        typer.echo(f"  {start:>7,} {'█' * round(BAR * count / most):<{BAR}} {count:,}")
        if histogram.cut is not None and start <= histogram.cut < end:
            typer.echo(f"  {histogram.cut:>7,} {'╌' * BAR} cut")


def _print_outcome(done: Outcome, out: Path) -> None:
    resumed = f" (went on from step {done.resumed})" if done.resumed else ""
    loss = "" if done.loss is None else f", last loss {done.loss:.4f}"
    typer.echo(f"{done.model}: {done.steps:,} steps on {done.rows:,} rows{loss} in {done.seconds:.1f} s{resumed}")
    _print_rejected(done.rejected)
    if done.rejected:
        typer.echo(f"  each with its reason: {out / 'rejects.jsonl'}")
    print_next(f"perceptdata report --run {out}", f"perceptdata generate --local {done.model} --workspace WORKSPACE")


def _print_rejected(rejected: dict[str, Any]) -> None:
    if rejected:
        reasons = ", ".join(f"{reason} {count:,}" for reason, count in rejected.items())
        typer.echo(f"  rejected {sum(rejected.values()):,}: {reasons}")
