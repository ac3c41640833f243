"""`perceptdata review forecast`: what so many people and hours can prove of captions, before anyone works."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from perceptdata.cli.common import DEFAULT_WORKSPACE, AsJson, WorkspaceOption, console, print_json
from perceptdata.cli.review.asked import (
    By,
    Disputed,
    Hours,
    PanelName,
    PanelOption,
    Readers,
    Seconds,
    Target,
    Threshold,
    Use,
    UseName,
    made,
)

if TYPE_CHECKING:
    from perceptdata.review import Claims
    from perceptdata.verification import Plan

Captions = Annotated[str | None, typer.Option("--from", help="Whose captions: a caption step's.")]
Judges = Annotated[
    list[str] | None, typer.Option("--judges", help="Whose verdicts: a judge step's, or STEP/JUDGE; repeat for more.")
]


def command(
    people: Readers = 2,
    hours: Hours = 16.0,
    target: Target = 0.95,
    seconds: Seconds = 45.0,
    disputed: Disputed = 0,
    captions: Captions = None,
    judges: Judges = None,
    panel: PanelOption = PanelName.MAJORITY,
    threshold: Threshold = 0.9,
    use: Use = UseName.FILTER,
    by: By = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    as_json: AsJson = False,
) -> None:
    """Say what so many people and hours can prove, before anyone works.

    With --from and --judges, also of each slice of the captions that the panel accepts.
    """
    from perceptdata.errors import UsageError
    from perceptdata.verification import make_plan

    slices: dict[str, int] | None = None
    images: int | None = None
    if captions is not None:
        if not judges:
            raise UsageError("slices are of captions that a panel accepts: name the judges too, with --judges")
        slices, images = _accepted_slices(workspace, captions, judges, panel, threshold, use, by)
    elif judges:
        raise UsageError("name the captions with --from")
    foreseen = make_plan(target, people, hours, slices=slices, seconds=seconds, disputed=disputed)
    if as_json:
        from dataclasses import asdict

        rows = [{**asdict(row), "attainable": row.attainable} for row in foreseen.rows]
        print_json({**asdict(foreseen), "rows": rows, "slices": slices, "images": images})
        return
    _print_plan(foreseen)
    if slices is not None and images is not None:
        typer.echo(
            f"the panel accepts {sum(slices.values()):,} claims of {images:,} images: claims of one image count as if "
            "all were alike, so that no audit is worth more than there are images"
        )


def _accepted_slices(
    workspace: Path,
    captions: str,
    judges: list[str],
    panel: PanelName,
    threshold: float,
    use: UseName,
    by: list[str] | None,
) -> tuple[dict[str, int], int]:
    """Accepted claims of each slice, and of how many images they are."""
    from collections import Counter

    from perceptdata.review import Design, read_claims
    from perceptdata.review.accepting import accepted_claims, panel_score
    from perceptdata.review.calibrations import load_calibrations
    from perceptdata.workspace import Workspace

    ws = Workspace(workspace)
    sliced = tuple(by or ("source",))
    options = {"panel": panel.value, "threshold": threshold, "use": use.value, "by": sliced, "audits": 1, "traps": 1}
    design = made(Design, "audit", {"captions": captions, "judges": tuple(judges), **options})
    claims: Claims = read_claims(ws, captions, judges)
    kept = accepted_claims(claims, panel_score(claims, design, load_calibrations(ws)), design)
    slices = Counter(name for name, on in zip(claims.slices(sliced), kept.tolist(), strict=True) if on)
    return dict(slices), len(set(claims.image[kept].tolist()))


def _print_plan(foreseen: Plan) -> None:
    from rich.table import Table

    typer.echo(str(foreseen).splitlines()[0])
    table = Table("slice", "audits", "true precision", "bound", "power", "", title_justify="left")
    for row in foreseen.rows:
        needed = "at any size" if row.required is None else f"below {row.required:,} audits"
        verdict = "attainable" if row.attainable else f"not attainable {needed}"
        cells = (f"{row.audits:,}", f"{row.true_precision:g}", f"{row.bound:.3f}", f"{row.power:.0%}", verdict)
        table.add_row(row.slice or "all", *cells)
    console().print(table)
