"""`perceptdata eval`: the papers' benchmark tables by another harness; `perceptdata eval import`: its results."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from perceptdata.cli.common import DEFAULT_WORKSPACE, AsJson, DryRun, WorkspaceOption, print_json, print_next
from perceptdata.errors import UsageError


def command(
    checkpoint: Annotated[str, typer.Argument(metavar="CKPT", help="A folder of weights, or a model's name.")],
    suite: Annotated[str, typer.Option("--suite", help="paper-b, paper-c or paper-d.")],
    to: Annotated[Path | None, typer.Option("--to", help="The folder to write.  [default: eval/SUITE-NAME]")] = None,
    harness: Annotated[str, typer.Option("--with", help="vlmevalkit or lmms-eval.")] = "vlmevalkit",
    name: Annotated[str | None, typer.Option("--name", help="What to call the model in files.")] = None,
    only: Annotated[
        list[str] | None, typer.Option("--only", metavar="TITLE", help="One benchmark of the suite; repeat for more.")
    ] = None,
    judge: Annotated[str | None, typer.Option("--judge", help="VLMEvalKit's judge, by its name there.")] = None,
    system: Annotated[bool, typer.Option("--system/--no-system", help="Give the suite's system prompt.")] = True,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Write a folder that runs a paper's benchmarks on a checkpoint, in the harness's own environment."""
    from perceptdata.evaluation import commands
    from perceptdata.evaluation.suites import HARNESSES
    from perceptdata.evaluation.suites import suite as find

    found = next((each for each in HARNESSES if each == harness), None)
    if found is None:
        raise UsageError(f"there is no harness '{harness}'; there are {', '.join(HARNESSES)}")
    chosen = find(suite)
    run = commands.Run(found, name, system, tuple(only or ()), judge)
    asked = commands.plan(chosen, checkpoint, run)
    folder = to or Path("eval") / f"{chosen.name}-{asked['name']}"
    if dry_run:
        if as_json:
            print_json({"folder": str(folder), **asked})
        else:
            typer.echo(f"{folder}: {len(asked['benchmarks'])} benchmarks by {found} would be written")
        return
    files = commands.write(chosen, checkpoint, folder, run)
    if as_json:
        print_json({"folder": str(folder), "files": [str(path) for path in files], **asked})
        return
    drawn = chosen.sampling
    typer.echo(f"{folder}: {len(asked['benchmarks'])} benchmarks by {found}, {drawn.samples} answer(s) an item")
    if asked["missing"]:
        typer.echo(f"  not in {found}: {', '.join(asked['missing'])}")
    print_next(f"read {folder / 'README.md'}, then run {folder / 'run.sh'}", f"perceptdata eval import {folder}")


def import_command(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="What VLMEvalKit or lmms-eval wrote.")],
    to: Annotated[Path | None, typer.Option("--to", help="The folder to write.  [default: results/NAME]")] = None,
    name: Annotated[str | None, typer.Option("--name", help="What to call the checkpoint.")] = None,
    judge: Annotated[str | None, typer.Option("--judge", help="Whose verdict counts, where two judged.")] = None,
    metric: Annotated[
        list[str] | None, typer.Option("--metric", metavar="TASK=NAME", help="Which metric of lmms-eval decides.")
    ] = None,
    baseline: Annotated[
        Path | None, typer.Option("--baseline", help="Imported results to compare with, as perceptdata compare does.")
    ] = None,
    intersection: Annotated[bool, typer.Option("--intersection", help="Compare what both have.")] = False,
    contamination: Annotated[
        str | None, typer.Option("--contamination", help="A decontaminate step of the workspace; hits stand beside.")
    ] = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Read a harness's result files item by item: parse failures apart, intervals, and a baseline beside."""
    from perceptdata.comparison import stored
    from perceptdata.comparison.findings import compare
    from perceptdata.comparison.stored import Stored
    from perceptdata.evaluation.importing import collect
    from perceptdata.evaluation.summary import beside, judged_alike, summarise

    made = collect(folder, name, judge, _metrics(metric))
    place = to or Path("results") / str(made.about["name"])
    if dry_run:
        told = {"folder": str(place), "answers": len(made.rows), "notes": made.about["notes"]}
        if as_json:
            print_json(told)
        else:
            typer.echo(f"{place}: {len(made.rows):,} answers would be written")
        return
    exposures = None
    results = stored.write(place, made.rows, made.about)
    if contamination is not None:
        from perceptdata.evaluation.exposure import exposed
        from perceptdata.workspace import Workspace

        exposures = exposed(Workspace(workspace), contamination, results.benchmarks)
    summary = summarise(results, exposures)
    if not as_json:
        _tell(summary)  # what was read is told, even where the baseline then has other items
    found = None
    if baseline is not None:
        before = Stored.open(baseline)
        found = judged_alike(compare(before, results, intersection), before, results)
    if found is not None and exposures is not None:
        found = beside(found, exposures)
    if as_json:
        print_json({**summary, "folder": str(place), "baseline": None if found is None else found.to_json()})
        return
    if found is not None:
        from perceptdata.cli.compare import tell

        tell(found)
    against = baseline or "results/BASELINE"
    print_next(f"perceptdata compare {against} {place}")


def _metrics(pairs: list[str] | None) -> dict[str, str]:
    found = {}
    for pair in pairs or []:
        task, equals, name = pair.partition("=")
        if not (task and equals and name):
            raise UsageError(f"--metric takes TASK=NAME, not '{pair}'")
        found[task] = name
    return found


def _rows(summary: dict[str, Any]) -> list[dict[str, Any]]:
    return list(summary["benchmarks"])


def _interval(told: dict[str, float]) -> str:
    from perceptdata.report.comparison import points

    return f"{points(told['value'], False)} [{points(told['low'], False)}, {points(told['high'], False)}]"


def _tell(summary: dict[str, Any]) -> None:
    from rich.table import Table

    from perceptdata.cli.common import console
    from perceptdata.report.comparison import points

    table = Table(title=str(summary["name"]), title_justify="left", box=None, pad_edge=False)
    table.add_column("benchmark", overflow="fold")
    for name in ("items", "accuracy", "read", "unread", "not counted", "harness"):
        table.add_column(name, justify="right", no_wrap=name == "accuracy")
    met = any(row["exposure"] for row in _rows(summary))
    if met:
        table.add_column("in training", justify="right")
    for row in _rows(summary):
        table.add_row(
            row["benchmark"],
            f"{row['items']:,}",
            f"{points(row['accuracy'], False)} [{points(row['low'], False)}, {points(row['high'], False)}]",
            points(row["where_read"], False),
            f"{row['answers']['unparsed']:,}",
            f"{row['answers']['failed'] + row['answers']['unscored']:,}",
            points(row["official"], False),
            *((f"{row['exposure']['items']:,}" if row["exposure"] else "–",) if met else ()),
        )
    console().print(table)
    for each in summary["averages"]:
        line = f"{each['name']} ({each['there']} of {each['columns']}): {_interval(each['accuracy'])}"
        best = f", best of {summary['samples']} {_interval(each['best'])}" if summary["samples"] > 1 else ""
        typer.echo(f"average, {line}{best}")
    for note in summary["notes"]:
        typer.echo(f"note: {note}")
