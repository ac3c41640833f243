"""`perceptdata review plan`: who reads what, decided before anyone reads."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
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
from perceptdata.cli.review.asked import Place, PlaceName, PlaceOptions, made, where
from perceptdata.errors import UsageError

if TYPE_CHECKING:
    from perceptdata.formats import Format
    from perceptdata.review.planning import Planned
    from perceptdata.workspace import Workspace


class SelectName(StrEnum):
    """What people read first."""

    DISAGREEMENT = "disagreement"
    UNCERTAINTY = "uncertainty"
    AUDIT = "audit"
    RANDOM = "random"


class OverlapPolicy(StrEnum):
    """What becomes of spans that overlap."""

    REFUSE = "refuse"
    FIRST = "first"
    LONGEST = "longest"


def command(
    name: Annotated[str, typer.Argument(help="What the review is called, and the layer of its answers.")],
    layers: Annotated[
        list[str] | None,
        typer.Option("--from", help="A step with spans, or with captions; the first is shown, others are compared."),
    ] = None,
    captions: Annotated[
        str | None, typer.Option("--captions", help="With spans: also ask of these captions, on the same screen.")
    ] = None,
    judges: Annotated[
        list[str] | None, typer.Option("--judges", help="Whose verdicts on the captions: STEP, or STEP/JUDGE; repeat.")
    ] = None,
    diagnosis: Annotated[
        str | None,
        typer.Option("--diagnosis", help="Wrong answers of a diagnosis, by name or folder: what went wrong first."),
    ] = None,
    people: Annotated[
        list[str] | None, typer.Option("--people", help="Who reads: names with commas between, or repeat.")
    ] = None,
    select: Annotated[SelectName, typer.Option("--select", help="What people read first.")] = SelectName.RANDOM,
    budget: Annotated[int, typer.Option("--budget", min=1, help="How many texts are read.")] = 200,
    by: Annotated[
        list[str] | None, typer.Option("--by", help="Strata: source, stage; repeat.  [default: source]")
    ] = None,
    overlap: Annotated[
        str, typer.Option("--overlap", metavar="K[/SHARE]", help="K people read a text, or a share of them: 2/0.3.")
    ] = "1",
    blind: Annotated[bool, typer.Option("--blind/--assisted", help="Show no pre-annotation, or show it.")] = False,
    blind_share: Annotated[
        float, typer.Option("--blind-share", min=0, max=1, help="Of an assisted review, the share shown blind.")
    ] = 0.0,
    gold: Annotated[
        str | None, typer.Option("--gold", help="A layer with known answers: spans, or STEP/JUDGE of an exact judge.")
    ] = None,
    qualify: Annotated[
        int, typer.Option("--qualify", min=0, help="Known answers that everybody reads first, blind.")
    ] = 0,
    traps: Annotated[int, typer.Option("--traps", min=0, help="Known answers mixed in for each, unseen.")] = 0,
    pass_at: Annotated[float, typer.Option("--pass-at", help="Which match with a known answer passes.")] = 0.8,
    overlaps: Annotated[
        OverlapPolicy, typer.Option("--overlaps", help="Of spans that overlap with other labels: refuse, or keep one.")
    ] = OverlapPolicy.REFUSE,
    seed: Annotated[int, typer.Option("--seed", help="Of everything that is drawn.")] = 0,
    backend: Place = PlaceName.JSONL,
    options: PlaceOptions = None,
    revise: Annotated[
        bool, typer.Option("--revise", help="Of a plan that is there: new tasks for texts that changed since.")
    ] = False,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    as_json: AsJson = False,
) -> None:
    """Choose what people read, and deal it out. The same plan on the same layers changes nothing."""
    from perceptdata.recipe import check_name
    from perceptdata.review import ReviewPlan, load_plan, make_plan
    from perceptdata.review import revise as revised
    from perceptdata.review.places import check_options
    from perceptdata.steps.blame import plan_audit
    from perceptdata.workspace import Workspace

    ws = Workspace(workspace)
    if revise:
        with ws.lock(f"review {name}"):
            counts = revised(ws, load_plan(ws, name))
        if as_json:
            print_json({"review": name, **counts})
            return
        typer.echo(
            f"{name}: {counts['revised']:,} new revisions, {counts['guesses']:,} new pre-annotations, "
            f"{counts['gone']:,} readings of texts that are gone"
        )
        print_next(f"perceptdata review push {name}{where(workspace)}")
        return
    many, share = _overlap(overlap)
    chosen = parse_options(options)
    check_options(backend.value, chosen)
    diagnosed = _diagnosed(ws, diagnosis) if diagnosis is not None else None
    if diagnosed is not None and (layers or captions):
        raise UsageError("--diagnosis says what is read; leave --from and --captions out")
    screen, spans, own = ("errors", (diagnosed[0],), None) if diagnosed else _screen(ws, layers or [], captions)
    planned = made(
        ReviewPlan,
        f"review {name}",
        {
            "name": check_name(name),
            "screen": screen,
            "layers": spans,
            "captions": own,
            "judges": tuple(judges or ()),
            "people": tuple(each.strip() for given in people or () for each in given.split(",") if each.strip()),
            "select": select.value,
            "budget": budget,
            "by": tuple(by or ("source",)),
            "overlap": many,
            "shared": share,
            "blind": 1.0 if blind or diagnosed else blind_share,
            "gold": gold,
            "qualify": qualify,
            "traps": traps,
            "pass_at": pass_at,
            "overlaps": overlaps.value,
            "seed": seed,
            "backend": backend.value,
            "options": chosen,
        },
    )
    with ws.lock(f"review {name}"):
        found = make_plan(ws, planned) if diagnosed is None else plan_audit(ws, planned, diagnosed[1])
    if as_json:
        print_json({"review": name, "screen": screen, **_counts(found)})
        return
    _print(name, planned.screen, found)
    to = " --to FOLDER" if backend is PlaceName.JSONL else ""
    print_next(f"perceptdata review push {name}{to}{where(workspace)}")


def _overlap(given: str) -> tuple[int, float]:
    """`2`, `2/0.3`: how many read a text, and of which share."""
    many, _, share = given.partition("/")
    try:
        number, part = int(many), float(share or 1)
    except ValueError:
        raise UsageError(f"--overlap is K or K/SHARE, such as 2/0.3, not '{given}'") from None
    if number < 1 or not 0 <= part <= 1:
        raise UsageError(f"--overlap {given}: at least 1 reads a text, and a share is 0 to 1")
    return number, part


def _screen(ws: Workspace, layers: list[str], captions: str | None) -> tuple[str, tuple[str, ...], str | None]:
    """The screen that fits the layers, the layers with spans, and the captions' step."""
    kinds = ws.layers()
    if not layers and captions is None:
        raise UsageError("name what people shall read: a step with spans, responses or captions, with --from")
    of_captions = [layer for layer in layers if "captions" in kinds.get(layer, [])]
    if of_captions and (len(layers) > 1 or captions is not None):
        raise UsageError(f"'{of_captions[0]}' has captions; of captions name one step, and compare --judges")
    if of_captions or not layers:
        return "captions", (), of_captions[0] if of_captions else captions
    return ("spans" if captions is None else "combined"), tuple(layers), captions


def _diagnosed(ws: Workspace, named: str) -> tuple[str, Format]:
    """The step that holds a diagnosis's answers to the pictures, and their format."""
    from perceptdata.diagnosis.diagnosis import load
    from perceptdata.steps.declared import make_format
    from perceptdata.steps.diagnose import layer_of

    folder = Path(named) if Path(named).is_dir() else ws.path / "diagnosis" / named
    known, _ = load(folder)
    return layer_of(known.name, "image"), make_format(known.format)


def _counts(found: Planned) -> dict[str, Any]:
    from dataclasses import asdict

    return asdict(found)


def _print(name: str, screen: str, found: Planned) -> None:
    typer.echo(
        f"{name}: {found.texts:,} of {found.candidates:,} texts on the {screen} screen, {found.tasks:,} readings; "
        f"{found.checks:,} checks, {found.blind:,} shown blind"
    )
    typer.echo(f"  {', '.join(f'{person} {many:,}' for person, many in found.people.items())}")
    typer.echo(f"  {', '.join(f'{stratum} {many:,}' for stratum, many in found.strata.items())}")
