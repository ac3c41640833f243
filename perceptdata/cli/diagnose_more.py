"""`perceptdata diagnose sweep | advise | check | blame`: what is made of diagnoses that are there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from perceptdata.cli.common import DEFAULT_WORKSPACE, AsJson, DryRun, WorkspaceOption, print_json, print_next, progress
from perceptdata.cli.generate import KeyEnv, MaxCalls, RetryFailed, Urls
from perceptdata.errors import UsageError

if TYPE_CHECKING:
    import pyarrow as pa

Folder = Annotated[Path, typer.Argument(help="A folder that perceptdata diagnose wrote.")]
Page = Annotated[Path | None, typer.Option("--to", help="A page to write as well.")]
Setting = Annotated[str, typer.Option("--set", metavar="KIND=VALUE", help="What was set, such as lambda=0.3.")]


def sweep(
    runs: Annotated[
        list[str], typer.Argument(metavar="NAME=FOLDER...", help="One diagnosis a run; the first is the base.")
    ],
    to: Page = None,
    as_json: AsJson = False,
) -> None:
    """The frontier of a sweep over λ or α: a_p against a_r of several runs, and where `a` is best."""
    from perceptdata.diagnosis import sweep as swept
    from perceptdata.steps.diagnosed import write_sweep

    named = dict(_pair(each) for each in runs)
    if len(named) < 2:
        raise UsageError("a sweep has two runs at least: NAME=FOLDER NAME=FOLDER")
    points = swept({name: _table(Path(folder)) for name, folder in named.items()})
    files = [write_sweep(points, to)] if to else []
    if as_json:
        print_json([each.model_dump(mode="json") for each in points])
        return
    for each in points:
        gained = each.gained
        change = "" if gained is None or gained.a is None else f", {gained.a} points of a ({gained.verdict})"
        mark = " (frontier)" if each.frontier else ""
        typer.echo(f"{each.name}: a {each.a}, a_p {each.a_p}, a_r {each.a_r}{change}{mark}")
    if files:
        print_next(f"open {files[0]} in a browser")


def advise(
    base: Folder,
    probes: Annotated[
        list[str] | None,
        typer.Option("--probe", metavar="KIND=VALUE:FOLDER", help="A short run with KIND set to VALUE; repeat."),
    ] = None,
    start: Annotated[
        list[str] | None, typer.Option("--base", metavar="KIND=VALUE", help="What the base has.  [default: 0]")
    ] = None,
    to: Annotated[Path, typer.Option("--to", help="Where the advice is kept, for the check.")] = Path("advice.json"),
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Say which intervention should raise `a`, by how much, from short probes of λ or α on the same items."""
    from perceptdata.diagnosis import Probe
    from perceptdata.diagnosis import advise as advised
    from perceptdata.manifest import write_atomically

    started = {kind: _number(value, "--base") for kind, value in map(_pair, start or [])}
    made = []
    for each in probes or []:
        setting, colon, folder = each.partition(":")
        kind, value = _pair(setting)
        if not colon:
            raise UsageError(f"--probe takes KIND=VALUE:FOLDER, not '{each}'")
        made.append(Probe(kind, _number(value, "--probe"), _table(Path(folder)), started.get(kind, 0.0)))
    if strangers := sorted(set(started) - {each.kind for each in made}):
        raise UsageError(f"--base names {strangers[0]}, of which there is no probe")
    found = advised(_table(base), made)
    if not dry_run:
        write_atomically(to, (json.dumps(found.model_dump(mode="json"), indent=1) + "\n").encode())
    if as_json:
        print_json(found.model_dump(mode="json"))
        return
    typer.echo(found.sentence)
    for slope in found.slopes:
        typer.echo(
            f"{slope.kind}, a unit: log-odds of a_p {slope.a_p:+.2f} [{slope.a_p_low:+.2f}, {slope.a_p_high:+.2f}], of "
            f"a_r {slope.a_r:+.2f} [{slope.a_r_low:+.2f}, {slope.a_r_high:+.2f}]"
        )
    for cast in found.forecasts:
        points = f"{100 * cast.gain:+.1f} [{100 * cast.low:+.1f}, {100 * cast.high:+.1f}]"
        typer.echo(f"  {cast.kind}={cast.value:g}: {points} points of a (a_p {cast.a_p:.2f}, a_r {cast.a_r:.2f})")
    if found.best is not None:
        setting = f"{found.best.kind}={found.best.value:g}"
        print_next(f"perceptdata diagnose check --advice {to} --before {base} --after FOLDER --set {setting}")


def check(
    advice: Annotated[Path, typer.Option("--advice", help="What perceptdata diagnose advise left.")],
    before: Annotated[Path, typer.Option("--before", help="The diagnosis that the advice began with.")],
    after: Annotated[Path, typer.Option("--after", help="The diagnosis of the run that followed it.")],
    setting: Setting,
    as_json: AsJson = False,
) -> None:
    """Compare what was forecast with what then happened. Exit code 1 where the forecast missed."""
    from perceptdata.diagnosis import Advice
    from perceptdata.diagnosis import check as checked

    try:
        known = Advice.model_validate_json(advice.read_bytes())
    except (OSError, ValueError) as error:
        raise UsageError(f"{advice} holds no advice; make it with: perceptdata diagnose advise") from error
    kind, value = _pair(setting)
    found = checked(known, _table(before), _table(after), kind, _number(value, "--set"))
    if as_json:
        print_json(found.model_dump(mode="json"))
    else:
        said = found.forecast
        typer.echo(f"forecast: {100 * said.gain:+.1f} [{100 * said.low:+.1f}, {100 * said.high:+.1f}] points of a")
        typer.echo(f"happened: {found.observed} points, on {found.observed.items:,} items")
        typer.echo(f"the forecast: {found.verdict}")
    if found.verdict == "missed":
        raise typer.Exit(1)


def blame(
    url: Urls = None,
    model: Annotated[list[str] | None, typer.Option("--model", help="A judge; repeat for a panel.")] = None,
    key_env: KeyEnv = None,
    audited: Annotated[
        str | None, typer.Option("--audited", help="The review in which people read some: perceptdata review plan.")
    ] = None,
    max_calls: MaxCalls = None,
    retry_failed: RetryFailed = False,
    name: Annotated[str, typer.Option("--name", help="Which diagnosis.")] = "diag",
    to: Annotated[Path | None, typer.Option("--to", help="The folder.  [default: diagnosis/NAME there]")] = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Say what went wrong first in wrong answers: by judges, corrected for their mistakes by known scenes or people.

    People read a sample with: perceptdata review plan blamed --diagnosis NAME --people ann,bob. Without --url their
    word alone is told.
    """
    from perceptdata import llm
    from perceptdata.diagnosis.diagnosis import load
    from perceptdata.diagnosis.measures import FEWEST
    from perceptdata.steps.blame import blame as blamed
    from perceptdata.steps.blame import estimate_blame
    from perceptdata.steps.declared import make_format
    from perceptdata.steps.diagnose import layer_of
    from perceptdata.steps.diagnosed import write_diagnosis, write_words
    from perceptdata.workspace import Workspace

    ws = Workspace(workspace)
    folder = to or ws.path / "diagnosis" / name
    known, table = load(folder)
    form, layer = make_format(known.format), layer_of(name, "image")
    if bool(url) != bool(model) or not (url or audited):
        raise UsageError(
            "name the judges with --url and --model, or a review with --audited; let people read with: perceptdata "
            f"review plan blamed --diagnosis {name} --people ann,bob"
        )
    judges = [llm.Endpoint(urls=tuple(url or ()), model=each, key_env=key_env) for each in model or ()]
    if dry_run:
        foreseen = dict(zip(model or (), estimate_blame(ws, name, layer, form, judges), strict=True))
        if as_json:
            print_json(foreseen)
        else:
            for judge, each in foreseen.items():
                typer.echo(f"{judge}: {each['calls']:,} calls")
        return
    budget = llm.Budget(max_calls=max_calls) if max_calls else None
    with ws.lock(f"blame {name}"), progress() as watch:
        bar = watch(f"{name}_blame")
        done = blamed(
            ws,
            name,
            layer,
            form,
            judges,
            audited=audited,
            budget=budget,
            retry_failed=retry_failed,
            watch=lambda count, total: bar(count, total, 0),
        )
    files = write_diagnosis(known.model_copy(update={"judged": done.attribution}), table, folder)
    files.append(write_words(done.words, folder))
    if done.stopped is not None:
        typer.echo(f"stopped: {done.stopped}; run the same command again to go on", err=True)
    if as_json:
        print_json({**done.attribution.model_dump(mode="json"), "stopped": done.stopped, "spent": done.spent})
        return
    _told(done.attribution)
    read = done.words.num_rows - done.words.column("people").null_count
    if audited and not done.attribution.basis.startswith("said by people"):
        typer.echo(f"{read:,} readings of '{audited}' are too few for people's word to count; have {FEWEST} read")
    typer.echo(f"every word is in {files[3]}")
    print_next(f"open {files[2]} in a browser")
    if done.stopped is not None:
        raise typer.Exit(1)


def _told(found: Any) -> None:
    from perceptdata.diagnosis.attribution import Attribution

    assert isinstance(found, Attribution)
    typer.echo(f"{found.wrong:,} wrong answers, {found.unjudged:,} of them without a word; {found.basis}")
    for share in found.shares:
        if share.corrected is not None and share.low is not None and share.high is not None:
            judged = "" if share.said is None else f" (the judge says {100 * share.said:.1f} %)"
            typer.echo(
                f"  {share.kind}: {100 * share.corrected:.1f} % [{100 * share.low:.1f}, {100 * share.high:.1f}]{judged}"
            )
    if found.accuracy is not None:
        typer.echo(f"the judge is right on {found.accuracy} of {found.accuracy.answers:,} answers whose truth is known")
    if found.guessed:
        typer.echo(f"no answer of known truth is of {', '.join(found.guessed)}: there the judge is taken at its word")
    if not found.enough:
        typer.echo("too few answers to conclude anything")


def _table(folder: Path) -> pa.Table:
    from perceptdata.diagnosis import load

    return load(folder)[1]


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals and value):
        raise UsageError(f"'{text}' is not NAME=VALUE")
    return name, value


def _number(text: str, flag: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise UsageError(f"{flag} takes a number behind =, not '{text}'") from None
