"""`perceptdata curate`: what is the same, what leaks, what is hard, and who stands on which side of a split."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from perceptdata.cli.common import (
    DEFAULT_WORKSPACE,
    AsJson,
    DryRun,
    ExecutorName,
    ExecutorOptions,
    Options,
    Workers,
    WorkspaceOption,
    executor_of,
    parse_options,
    print_json,
    print_next,
)
from perceptdata.cli.steps import run_verb

app = typer.Typer(help="Find duplicates and leaks, measure difficulty, split by group.", no_args_is_help=True)
Name = Annotated[str, typer.Option("--name", help="What to call the layer.")]


@app.command("dedup")
def dedup(
    near: Annotated[bool, typer.Option("--near/--exact", help="Near duplicates too, or exact ones alone.")] = True,
    jaccard: Annotated[float, typer.Option("--jaccard", help="From where on two texts are near.")] = 0.8,
    prefer: Annotated[
        list[str] | None, typer.Option("--prefer", help="A source whose rows stay first; repeat for the next.")
    ] = None,
    name: Name = "dedup",
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    workers: Workers = None,
    executor: ExecutorName = "local",
    executor_set: ExecutorOptions = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Find rows that ask the same of the same pictures; one stays. Each duplicate names its pair and the rule."""
    from perceptdata.recipe import check_name
    from perceptdata.steps.curated import tally

    run_verb(
        check_name(name),
        "dedup",
        {"near": near, "jaccard": jaccard, "prefer": prefer or []},
        workspace=workspace,
        create=False,
        dry_run=dry_run,
        as_json=as_json,
        executor=executor_of(executor, workers, executor_set),
        tell=lambda ws: tally(ws, name, "unique", "duplicate"),
        then=(
            f"perceptdata sql \"select example_id, meta->>'of', meta->>'rule' from {name} where value = 0\"",
            f"perceptdata curate split --from {name}",
        ),
    )


@app.command("decontaminate")
def decontaminate(
    guards: Annotated[Path, typer.Option("--guards", help="A guard file, or a folder of them.")],
    strict: Annotated[bool, typer.Option("--strict", help="8 words in a row are enough, not 13.")] = False,
    name: Name = "clean",
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    workers: Workers = None,
    executor: ExecutorName = "local",
    executor_set: ExecutorOptions = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Find rows that ask what a test asks, by guard files. Each names the item, the rule and how far it holds."""
    from perceptdata.recipe import check_name
    from perceptdata.steps.curated import tally

    run_verb(
        check_name(name),
        "decontaminate",
        {"guards": guards, "n": 8 if strict else 13},
        workspace=workspace,
        create=False,
        dry_run=dry_run,
        as_json=as_json,
        executor=executor_of(executor, workers, executor_set),
        tell=lambda ws: tally(ws, name, "clean", "leaking"),
        then=(f"perceptdata sql \"select example_id, meta->'matches' from {name} where value = 0\"",),
    )


@app.command("difficulty")
def difficulty(
    scores: Annotated[str, typer.Option("--from", help="The step that scored the tries.")],
    least: Annotated[int, typer.Option("--least", min=1, help="How many tries have to be judged.")] = 1,
    name: Name = "difficulty",
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    workers: Workers = None,
    executor: ExecutorName = "local",
    executor_set: ExecutorOptions = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Pass rates, 1 for easy: how often the scored tries of an example are right."""
    from perceptdata.recipe import check_name

    run_verb(
        check_name(name),
        "difficulty",
        {"from": scores, "least": least},
        workspace=workspace,
        create=False,
        dry_run=dry_run,
        as_json=as_json,
        executor=executor_of(executor, workers, executor_set),
        then=(
            f'perceptdata sql "select round(value, 1) as pass_rate, count(*) as n from {name} group by 1 order by 1"',
            f'perceptdata sql "select example_id as id, value as pass_rate from {name}" --json > rates.json',
        ),
    )


@app.command("split")
def split(
    into: Annotated[
        list[str], typer.Option("--into", metavar="NAME=SHARE", help="A side and its share; repeat for more.")
    ],
    near: Annotated[str | None, typer.Option("--from", help="A dedup step: what it found near stays together.")] = None,
    seed: Annotated[int, typer.Option("--seed", help="Another seed, another draw.")] = 0,
    view: Annotated[str | None, typer.Option("--view", help="Keep a view with these sides under this name.")] = None,
    name: Name = "sides",
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    workers: Workers = None,
    executor: ExecutorName = "local",
    executor_set: ExecutorOptions = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Draw sides by group; with `--from`, no near duplicate stands on two. A view takes them with `splits: NAME`."""
    from perceptdata.recipe import check_name
    from perceptdata.steps.curated import sides_of
    from perceptdata.view import ViewSpec, define_view
    from perceptdata.workspace import Workspace

    run_verb(
        check_name(name),
        "split",
        {"into": parse_options(into, "--into"), "from": near, "seed": seed},
        workspace=workspace,
        create=False,
        dry_run=dry_run,
        as_json=as_json,
        executor=executor_of(executor, workers, executor_set),
        tell=lambda ws: sides_of(ws, name),
        then=(f"perceptdata sql \"select meta->>'split' as split, count(*) from {name} group by split\"",),
    )
    if view and not dry_run:
        ws = Workspace(workspace)
        with ws.lock(f"view {view}"):
            define_view(ws, view, ViewSpec(where=f"{near}.kept" if near else None, splits=name))


@app.command("guard")
def guard(
    builder: Annotated[
        str, typer.Argument(help="The builder of the test set; `perceptdata list builders` shows them.")
    ],
    out: Annotated[Path, typer.Option("--out", help="Where to write the guard file.")],
    source: Annotated[Path | None, typer.Option("--source", help="The file or folder of the test set.")] = None,
    split: Annotated[list[str] | None, typer.Option("--split", help="Only this split; repeat for more.")] = None,
    name: Annotated[str | None, typer.Option("--name", help="What to call the set.  [default: the builder]")] = None,
    shared_images: Annotated[
        bool, typer.Option("--shared-images", help="Training sets may show its pictures: report them, drop nothing.")
    ] = False,
    templated: Annotated[
        bool, typer.Option("--templated", help="Its questions are generated: a text alone proves nothing.")
    ] = False,
    salt: Annotated[
        str | None, typer.Option("--salt", help="A salt of your own; sets of one salt search faster.")
    ] = None,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="Only so many rows.")] = None,
    options: Options = None,
    workers: Workers = None,
    as_json: AsJson = False,
) -> None:
    """Turn a test set that you have into salted hashes, which can be kept and shared; its text cannot be read there."""
    from perceptdata.curation.guard import SALT, GuardSet
    from perceptdata.steps.guarding import make_guard

    told = GuardSet(name=name or builder, shared_images=shared_images, templated=templated, salt=salt or SALT)
    count, done = make_guard(
        builder,
        source,
        out,
        told,
        splits=split or (),
        options=parse_options(options),
        limit=limit,
        executor=executor_of("local", workers, None),
    )
    if as_json:
        print_json({"guard": told.name, "items": count, "file": str(out), "rejected": done.rejected})
        return
    typer.echo(f"guard {told.name}: {count:,} items in {out}, {out.stat().st_size:,} bytes")
    if done.rejected:
        reasons = ", ".join(f"{reason} {number:,}" for reason, number in done.rejected.items())
        typer.echo(f"  rejected {sum(done.rejected.values()):,}: {reasons}")
    print_next(f"perceptdata curate decontaminate --guards {out}")
