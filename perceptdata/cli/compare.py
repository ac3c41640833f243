"""`perceptdata compare`: what changed between two checkpoints, diagnoses, views, layers or training runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from perceptdata.cli.common import DEFAULT_WORKSPACE, AsJson, DryRun, WorkspaceOption, print_json, print_next

if TYPE_CHECKING:
    from perceptdata.comparison.diagnoses import DiagnosisFindings
    from perceptdata.comparison.findings import Findings
    from perceptdata.comparison.sides import AnyFindings

SIDE = "A folder of a diagnosis, of results or of a run; or [WORKSPACE:]NAME of a diagnosis, layer or view."


def command(
    a: Annotated[str, typer.Argument(metavar="A", help=SIDE)],
    b: Annotated[str, typer.Argument(metavar="B", help="Another of the same kind.")],
    intersection: Annotated[
        bool, typer.Option("--intersection", help="Compare what both have, where their items differ.")
    ] = False,
    to: Annotated[Path | None, typer.Option("--to", help="The page to write.  [default: comparison.html]")] = None,
    images: Annotated[
        Path | None, typer.Option("--images", help="Pictures of results, as IMAGES/BENCHMARK/ITEM.jpg.")
    ] = None,
    score: Annotated[str | None, typer.Option("--score", help="Which score of a step counts.")] = None,
    shown: Annotated[int, typer.Option("--shown", min=0, help="How many won, and lost, items the page shows.")] = 12,
    seed: Annotated[int, typer.Option("--seed", help="Draws the items that are shown, and the intervals.")] = 0,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Say what changed from A to B: paired wins and losses with intervals, and a page with the items to look at.

    Of two diagnoses: what was gained in a, a_p and a_r, and whether reasoning gained more than perception.
    """
    from perceptdata.comparison.sides import Choices, common, compared, resolve
    from perceptdata.manifest import write_atomically

    file = to or Path("comparison.html")
    if dry_run:
        one, other = resolve(a, workspace), resolve(b, workspace)
        kind = common(one, other)
        planned = {"kind": kind, "a": a, "b": b, "page": str(file)}
        if as_json:
            print_json(planned)
        else:
            typer.echo(f"{file}: a comparison of {kind} would be written")
        return
    found = compared(a, b, workspace, Choices(intersection, shown, images, score, seed))
    if to is not None or not as_json:
        from perceptdata.report.comparison import render

        file.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(file, render(found).encode())
    if as_json:
        print_json(found.to_json())
        return
    tell(found)
    print_next(f"open {file} in a browser")


def tell(found: AnyFindings) -> None:
    """The figures, for a terminal."""
    from perceptdata.comparison.diagnoses import DiagnosisFindings
    from perceptdata.comparison.findings import Findings
    from perceptdata.comparison.runs import RunFindings

    if isinstance(found, DiagnosisFindings):
        _tell_diagnoses(found)
    elif isinstance(found, Findings):
        _tell_results(found)
    elif isinstance(found, RunFindings):
        typer.echo(f"{found.a} and {found.b}: {found.steps[0]:,} and {found.steps[1]:,} steps")
        for name, (one, other) in found.told.items():
            typer.echo(f"  {name}: {one} and {other}")
    else:
        told = ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in found.counts.items())
        typer.echo(f"{found.a} and {found.b} ({found.kind}): {told}")
        for name, count in found.moves.items():
            typer.echo(f"  {name}: {count:,}")
    if not isinstance(found, Findings | DiagnosisFindings):
        for name, (one, other) in found.measures.items():
            typer.echo(f"  {name}: {one:.4g} → {other:.4g}")
    for note in found.notes:
        typer.echo(f"note: {note}")


def _tell_diagnoses(found: DiagnosisFindings) -> None:
    from rich.table import Table

    from perceptdata.cli.common import console

    typer.echo(found.sentence)
    every = found.gains[0]
    for name, pair in (("a", every.a), ("a_p", every.a_p), ("a_r", every.a_r), ("a_r - a_p", every.asymmetry)):
        if pair is not None:
            typer.echo(f"  {name:<10}{pair} points")
    table = Table(box=None, pad_edge=False)
    for name in ("items of", "n", "a", "a_p", "a_r", "a_r - a_p", ""):
        table.add_column(name, justify="left" if name in ("items of", "") else "right")
    for each in found.gains[1:]:
        pairs = (each.a, each.a_p, each.a_r, each.asymmetry)
        values = ("–" if pair is None else f"{100 * pair.difference:+.1f}" for pair in pairs)
        table.add_row(f"{each.of}: {each.value}", f"{each.items:,}", *values, each.verdict)
    if table.row_count:
        console().print(table)
    first = found.gains[0].a
    exact = "" if first is None or first.p is None else f", McNemar p = {first.p:.3g}"
    typer.echo(f"{found.won:,} items won, {found.lost:,} lost{exact}")


def _tell_results(found: Findings) -> None:
    from rich.table import Table

    from perceptdata.cli.common import console
    from perceptdata.report.comparison import VERDICTS, points

    table = Table(title=f"{found.a} → {found.b}", title_justify="left", box=None, pad_edge=False)
    table.add_column("benchmark", overflow="fold")
    for name in ("items", "a", "b", "difference", "won", "lost", "p (Holm)"):
        table.add_column(name, justify="right", no_wrap=name == "difference")
    table.add_column("")
    for row in found.rows:
        each = row.difference
        table.add_row(
            row.benchmark,
            f"{row.items:,}",
            points(row.a.value, signed=False),
            points(row.b.value, signed=False),
            f"{points(each.value)} [{points(each.low)}, {points(each.high)}]",
            f"{row.wins:,}",
            f"{row.losses:,}",
            f"{row.p_holm:.2g}",
            VERDICTS[row.verdict],
        )
    console().print(table)
    if found.average is not None:
        each = found.average
        typer.echo(f"average of benchmarks: {points(each.value)} [{points(each.low)}, {points(each.high)}] points")
