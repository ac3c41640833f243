"""`perceptdata review`: what people are asked to look at, planned before anyone works, drawn blind, and taken in."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from perceptdata.cli.common import (
    DEFAULT_WORKSPACE,
    AsJson,
    WorkspaceOption,
    console,
    print_json,
    print_next,
)

if TYPE_CHECKING:
    from perceptdata.review import Claims, Sample
    from perceptdata.verification import Plan

app = typer.Typer(help="Let people audit captions: plan, draw, read in, adjudicate.", no_args_is_help=True)


class PanelName(StrEnum):
    """How judges become one."""

    MAJORITY = "majority"
    DAWID_SKENE = "dawid_skene"
    WEIGHTED_LOGIT = "weighted_logit"


class UseName(StrEnum):
    """What certified captions are for."""

    FILTER = "filter"
    REWARD = "reward"


class Kind(StrEnum):
    """Who answered."""

    PERSON = "person"
    SIMULATED = "simulated"
    MODEL = "model"


Target = Annotated[float, typer.Option("--target", help="The precision of claims to be proven.")]
People = Annotated[int, typer.Option("--people", min=1, help="How many read.")]
Hours = Annotated[float, typer.Option("--hours", help="How long each of them reads.")]
Seconds = Annotated[float, typer.Option("--seconds", help="Of one reading.")]
Disputed = Annotated[int, typer.Option("--disputed", min=0, help="Claims on which judges differ, read beside.")]
Captions = Annotated[str | None, typer.Option("--from", help="Whose captions: a caption step's.")]
Judges = Annotated[
    list[str] | None, typer.Option("--judges", help="Whose verdicts: a judge step's, or STEP/JUDGE; repeat for more.")
]
PanelOption = Annotated[PanelName, typer.Option("--panel", help="How the judges' verdicts become one score.")]
Threshold = Annotated[float, typer.Option("--threshold", min=0.0, max=1.0, help="The score that each claim needs.")]
Use = Annotated[UseName, typer.Option("--use", help="What for: rewards leave out captions that give answers away.")]
By = Annotated[
    list[str] | None, typer.Option("--by", help="Slices: source, claim or meta.KEY; repeat.  [default: source]")
]
Name = Annotated[str, typer.Option("--name", help="What the audit is called, and the layer of its answers.")]


@app.command("plan")
def plan(
    people: People = 2,
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
    made = make_plan(target, people, hours, slices=slices, seconds=seconds, disputed=disputed)
    if as_json:
        from dataclasses import asdict

        rows = [{**asdict(row), "attainable": row.attainable} for row in made.rows]
        print_json({**asdict(made), "rows": rows, "slices": slices, "images": images})
        return
    _print_plan(made)
    if slices is not None and images is not None:
        typer.echo(
            f"the panel accepts {sum(slices.values()):,} claims of {images:,} images: claims of one image count as if "
            "all were alike, so that no audit is worth more than there are images"
        )


@app.command("audit")
def audit(
    captions: Annotated[str, typer.Option("--from", help="Whose captions: a caption step's.")],
    judges: Annotated[
        list[str], typer.Option("--judges", help="Whose verdicts: a judge step's, or STEP/JUDGE; repeat for more.")
    ],
    to: Annotated[Path, typer.Option("--to", help="The folder for the readers' sheets and the images.")],
    readers: Annotated[
        list[str] | None, typer.Option("--reader", help="A reader's name; repeat.  [default: reader-1, …]")
    ] = None,
    people: People = 2,
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
    name: Name = "audit",
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    as_json: AsJson = False,
) -> None:
    """Draw the claims that people read, and write a sheet for each reader, with traps that nobody can tell apart.

    A sheet is JSON lines: fill in `verdict` (supported, contradicted or not_visible) and `seconds`. The draw itself
    stays in the workspace and is not for readers.
    """
    from perceptdata.recipe import check_name
    from perceptdata.review import Design, draw, write_sheets
    from perceptdata.verification import make_plan
    from perceptdata.workspace import Workspace

    names = tuple(readers or (f"reader-{number + 1}" for number in range(people)))
    doubled = doubled if len(names) > 1 else 0.0
    if audits is None or traps is None:
        planned = make_plan(target, len(names), hours, seconds=seconds, disputed=disputed, doubled=doubled)
        audits = audits or planned.audits
        traps = traps or max(20, round(audits / 5))
    design = _design(
        Design,
        captions=captions,
        judges=tuple(judges),
        panel=panel.value,
        threshold=threshold,
        target=target,
        use=use.value,
        by=tuple(by or ("source",)),
        bands=bands,
        readers=names,
        audits=audits,
        disputed=disputed,
        doubled=doubled,
        traps=traps,
        check=check,
        seed=seed,
    )
    ws = Workspace(workspace)
    with ws.lock(f"review {name}"):
        sample = draw(ws, design, check_name(name))
    files = write_sheets(ws, sample, to)
    if as_json:
        print_json({"audit": name, "files": [str(file) for file in files], **_counts(sample)})
        return
    _print_sample(sample, files)
    where = "" if workspace == DEFAULT_WORKSPACE else f" --workspace {workspace}"
    print_next(f"perceptdata review read {' '.join(map(str, files))} --name {name}{where}   # when they are filled in")


@app.command("read")
def read(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE…", help="Sheets that readers filled in, whole or in part.")
    ],
    kind: Annotated[Kind, typer.Option("--kind", help="Who answered. Only people certify anything.")] = Kind.PERSON,
    name: Name = "audit",
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    as_json: AsJson = False,
) -> None:
    """Take answers in, and say what is still open. The same answers again change nothing."""
    from perceptdata.review import load_sample, progress, read_answers
    from perceptdata.review.answers import as_reviews, merged
    from perceptdata.review.sheets import caption_texts
    from perceptdata.steps.reviews import PRODUCER, reviews_of, take_in
    from perceptdata.workspace import Workspace

    ws = Workspace(workspace)
    with ws.lock(f"review {name}"):
        sample = load_sample(ws, name)
        answers = read_answers(files, sample, caption_texts(ws, sample))
        rows = merged(reviews_of(ws, name), as_reviews(sample, answers, kind.value, PRODUCER))
        take_in(ws, name, rows)
    found = progress(sample, rows)
    if as_json:
        print_json({"audit": name, "answers": len(answers), **found.to_json()})
        return
    pace = "" if found.seconds is None else f", {found.seconds:.0f} s a reading"
    typer.echo(f"{name}: {len(answers):,} answers in these files; {found.read:,} read, {found.unread:,} to read{pace}")
    where = f" --name {name}" + ("" if workspace == DEFAULT_WORKSPACE else f" --workspace {workspace}")
    if found.waiting:
        typer.echo(f"  {len(found.waiting):,} items that somebody failed wait for a last word")
        print_next(f"perceptdata review adjudicate --to FOLDER{where}")
    elif not found.unread:
        print_next(f"perceptdata certify{where.replace('--name', '--audit', 1)}")


@app.command("adjudicate")
def adjudicate(
    to: Annotated[Path, typer.Option("--to", help="The folder for the sheet and the images.")],
    name: Name = "audit",
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    as_json: AsJson = False,
) -> None:
    """Write a sheet of everything that somebody failed, traps included, for a second look that has the last word."""
    from perceptdata.review import load_sample, progress, write_last_words
    from perceptdata.steps.reviews import reviews_of
    from perceptdata.workspace import Workspace

    ws = Workspace(workspace)
    sample = load_sample(ws, name)
    found = progress(sample, reviews_of(ws, name))
    file = write_last_words(ws, sample, found, to)
    if as_json:
        print_json({"audit": name, "file": str(file), **found.to_json()})
        return
    typer.echo(f"{file}: {len(found.waiting):,} items to look at once more")
    where = "" if workspace == DEFAULT_WORKSPACE else f" --workspace {workspace}"
    print_next(f"perceptdata review read {file} --name {name}{where}   # when it is filled in")


@app.command("calibrate")
def calibrate(
    captions: Annotated[str, typer.Option("--from", help="Whose captions: a caption step's.")],
    judges: Annotated[list[str], typer.Option("--judges", help="The judges to calibrate; repeat for more.")],
    against: Annotated[
        str | None, typer.Option("--oracle", metavar="STEP/oracle", help="Take an exact judge's verdicts as labels.")
    ] = None,
    audit: Annotated[
        str | None, typer.Option("--audit", help="Take people's answers to an audit of threshold 0 as labels.")
    ] = None,
    by: By = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    as_json: AsJson = False,
) -> None:
    """Measure what each judge is worth against labels of people or of an exact oracle, and keep it."""
    from perceptdata.errors import UsageError
    from perceptdata.review.calibrations import Labels, calibrate_judges, load_calibrations
    from perceptdata.review.drawing import load_sample
    from perceptdata.review.judged import read_claims
    from perceptdata.steps.reviews import reviews_of
    from perceptdata.workspace import Workspace

    if (against is None) == (audit is None):
        raise UsageError("labels are an exact judge's (--oracle) or people's (--audit): name one of them")
    ws = Workspace(workspace)
    asked = list(dict.fromkeys([*judges, *([against] if against and against.partition("/")[0] not in judges else [])]))
    with ws.lock("calibrate"):
        claims = read_claims(ws, captions, asked)
        if against is not None:
            labels = Labels.of_oracle(claims, against)
        else:
            labels = Labels.of_people(claims, load_sample(ws, str(audit)), reviews_of(ws, str(audit)))
        files = calibrate_judges(ws, claims, labels, tuple(by or ("source",)))
    made = load_calibrations(ws)
    if as_json:
        print_json({judge: made[judge].model_dump(mode="json") for judge in files})
        return
    for judge, file in files.items():
        worth = made[judge].overall
        kappa = "–" if worth.kappa is None else f"{worth.kappa:.2f}"
        typer.echo(
            f"{judge}: sensitivity {worth.sensitivity}, specificity {worth.specificity}, kappa {kappa} at a base rate "
            f"of {worth.base_rate}; {file}"
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
    design = _design(
        Design,
        captions=captions,
        judges=tuple(judges),
        panel=panel.value,
        threshold=threshold,
        use=use.value,
        by=sliced,
        audits=1,
        traps=1,
    )
    claims: Claims = read_claims(ws, captions, judges)
    kept = accepted_claims(claims, panel_score(claims, design, load_calibrations(ws)), design)
    slices = Counter(name for name, on in zip(claims.slices(sliced), kept.tolist(), strict=True) if on)
    return dict(slices), len(set(claims.image[kept].tolist()))


def _design(kind: Any, **options: Any) -> Any:
    from pydantic import ValidationError

    from perceptdata.errors import UsageError

    try:
        return kind(**options)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise UsageError(
            f"audit{': ' + where if where else ''}: {first['msg'].removeprefix('Value error, ')}"
        ) from None


def _counts(sample: Sample) -> dict[str, Any]:
    return {
        "captions": sample.accepted,
        "claims": sum(stratum.population for stratum in sample.strata),
        "audited": len(sample.claims),
        "traps": len(sample.traps),
        "readings": len(sample.turns),
    }


def _print_plan(made: Plan) -> None:
    from rich.table import Table

    typer.echo(str(made).splitlines()[0])
    table = Table("slice", "audits", "true precision", "bound", "power", "", title_justify="left")
    for row in made.rows:
        needed = "at any size" if row.required is None else f"below {row.required:,} audits"
        verdict = "attainable" if row.attainable else f"not attainable {needed}"
        cells = (f"{row.audits:,}", f"{row.true_precision:g}", f"{row.bound:.3f}", f"{row.power:.0%}", verdict)
        table.add_row(row.slice or "all", *cells)
    console().print(table)


def _print_sample(sample: Sample, files: list[Path]) -> None:
    counts = _counts(sample)
    typer.echo(
        f"{sample.name}: {counts['audited']:,} of {counts['claims']:,} claims of {counts['captions']:,} accepted "
        f"captions are read, with {counts['traps']:,} traps: {counts['readings']:,} readings"
    )
    for file in files:
        turns = sum(turn.reader == file.stem for turn in sample.turns)
        typer.echo(f"  {file}: {turns:,} readings")
