"""`perceptdata review audit`: the claims that people read for a certificate, drawn with traps among them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from perceptdata.cli.common import (
    DEFAULT_WORKSPACE,
    AsJson,
    WorkspaceOption,
    parse_options,
    print_json,
    print_next,
)
from perceptdata.cli.review.asked import (
    By,
    Disputed,
    Hours,
    PanelName,
    PanelOption,
    Place,
    PlaceName,
    PlaceOptions,
    Readers,
    Seconds,
    Target,
    Threshold,
    Use,
    UseName,
    made,
    where,
)

if TYPE_CHECKING:
    from perceptdata.review import Sample


def command(
    captions: Annotated[str, typer.Option("--from", help="Whose captions: a caption step's.")],
    judges: Annotated[
        list[str], typer.Option("--judges", help="Whose verdicts: a judge step's, or STEP/JUDGE; repeat for more.")
    ],
    name: Annotated[str, typer.Argument(help="What the audit is called, and the layer of its answers.")] = "audit",
    readers: Annotated[
        list[str] | None, typer.Option("--reader", help="A reader's name; repeat.  [default: reader-1, …]")
    ] = None,
    people: Readers = 2,
    hours: Hours = 16.0,
    seconds: Seconds = 45.0,
    target: Target = 0.95,
    audits: Annotated[
        int | None, typer.Option("--audits", min=1, help="Claims drawn at random.  [default: as the hours allow]")
    ] = None,
    traps: Annotated[
        int | None, typer.Option("--traps", min=1, help="Known-false claims.  [default: a fifth of the audits]")
    ] = None,
    disputed: Disputed = 0,
    doubled: Annotated[float, typer.Option("--doubled", min=0.0, max=1.0, help="Share read by two.")] = 0.2,
    panel: PanelOption = PanelName.MAJORITY,
    threshold: Threshold = 0.9,
    use: Use = UseName.FILTER,
    by: By = None,
    bands: Annotated[int, typer.Option("--bands", min=1, max=10, help="Strata by the panel's score.")] = 1,
    check: Annotated[
        str | None, typer.Option("--check", help="An exact judge that must contradict every trap, such as oracle.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Of everything that is drawn.")] = 0,
    backend: Place = PlaceName.JSONL,
    options: PlaceOptions = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    as_json: AsJson = False,
) -> None:
    """Draw the claims that people read for a certificate, with traps that nobody can tell apart.

    It is a review like any other: push it, pull it, adjudicate it. The draw itself stays in the workspace and is not
    for readers.
    """
    from perceptdata.recipe import check_name
    from perceptdata.review import Design, make_audit
    from perceptdata.review.places import check_options
    from perceptdata.verification import make_plan
    from perceptdata.workspace import Workspace

    names = tuple(readers or (f"reader-{number + 1}" for number in range(people)))
    doubled = doubled if len(names) > 1 else 0.0
    if audits is None or traps is None:
        planned = make_plan(target, len(names), hours, seconds=seconds, disputed=disputed, doubled=doubled)
        audits = audits or planned.audits
        traps = traps or max(20, round(audits / 5))
    given = {
        "captions": captions,
        "judges": tuple(judges),
        "panel": panel.value,
        "threshold": threshold,
        "target": target,
        "use": use.value,
        "by": tuple(by or ("source",)),
        "bands": bands,
        "readers": names,
        "audits": audits,
        "disputed": disputed,
        "doubled": doubled,
        "traps": traps,
        "check": check,
        "seed": seed,
    }
    chosen = parse_options(options)
    check_options(backend.value, chosen)
    ws = Workspace(workspace)
    with ws.lock(f"review {name}"):
        sample = make_audit(ws, made(Design, "audit", given), check_name(name), backend.value, chosen)
    if as_json:
        print_json({"audit": name, **_counts(sample)})
        return
    _print(sample)
    to = " --to FOLDER" if backend is PlaceName.JSONL else ""
    print_next(f"perceptdata review push {name}{to}{where(workspace)}")


def _counts(sample: Sample) -> dict[str, Any]:
    return {
        "captions": sample.accepted,
        "claims": sum(stratum.population for stratum in sample.strata),
        "audited": len(sample.claims),
        "traps": len(sample.traps),
        "readings": len(sample.turns),
    }


def _print(sample: Sample) -> None:
    counts = _counts(sample)
    typer.echo(
        f"{sample.name}: {counts['audited']:,} of {counts['claims']:,} claims of {counts['captions']:,} accepted "
        f"captions are read, with {counts['traps']:,} traps: {counts['readings']:,} readings"
    )
    for reader in sample.design.readers:
        typer.echo(f"  {reader}: {sum(turn.reader == reader for turn in sample.turns):,} readings")
