"""`perceptdata build`: a corpus or a synthetic task family becomes examples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from perceptdata.cli.common import (
    DEFAULT_WORKSPACE,
    AsJson,
    DryRun,
    ExecutorName,
    ExecutorOptions,
    Limit,
    Options,
    Workers,
    WorkspaceOption,
    executor_of,
    parse_options,
    print_json,
)
from perceptdata.cli.steps import run_verb

if TYPE_CHECKING:
    from perceptdata.plugins import Mapped


def command(
    builder: Annotated[str, typer.Argument(help="Which builder; `perceptdata list builders` shows them.")],
    source: Annotated[
        str | None,
        typer.Option("--source", "-s", help="A folder, a file, or hf://datasets/OWNER/NAME@REVISION/CONFIG."),
    ] = None,
    name: Annotated[
        str | None, typer.Option("--name", help="What to call this source.  [default: the builder]")
    ] = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    options: Options = None,
    limit: Limit = None,
    workers: Workers = None,
    executor: ExecutorName = "local",
    executor_set: ExecutorOptions = None,
    validate: Annotated[
        bool,
        typer.Option("--validate", help="Only look: what would be made and refused, and is every gold answer right?"),
    ] = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Turn a corpus or a synthetic task family into examples.

    Running it again makes only what is missing or has changed.
    """
    from perceptdata.recipe import check_name

    declared = {"use": builder, "path": source, "limit": limit, **parse_options(options)}
    step = check_name(name or builder)
    mapped = _mapped(declared)
    if not as_json:
        for each in mapped:
            typer.echo(f"{each.file}\n{each.said}\n", err=True)
    if validate:
        _validate(declared, as_json)
        return
    run_verb(
        step,
        "build",
        declared,
        workspace=workspace,
        create=True,
        dry_run=dry_run,
        as_json=as_json,
        executor=executor_of(executor, workers, executor_set),
        then=("perceptdata tag", "perceptdata report", 'perceptdata sql "select id, question from examples limit 5"'),
        said={"mapped": [{"file": each.file, **each.columns} for each in mapped]} if mapped else None,
    )


def _mapped(declared: Mapping[str, Any]) -> Sequence[Mapped]:
    """What the builder takes the source's columns for, before anything is built."""
    from perceptdata.steps.declared import make_step

    step: Any = make_step("build", declared)
    return step.builder.mapped(step.place()) if step.from_ is None else ()


def _validate(source: Mapping[str, Any], as_json: bool) -> None:
    """Print what a source would become; exit with 1 where a row contradicts itself or nothing is made."""
    from perceptdata.steps.build import Build
    from perceptdata.steps.validate import GOLD_FAILS, validate

    found = validate(Build.of(source))
    if as_json:
        print_json(found.to_json())
    else:
        stages = ", ".join(f"{count:,} {stage}" for stage, count in sorted(found.stages.items()))
        typer.echo(f"{found.builder}: {found.examples:,} examples" + (f" ({stages})" if stages else ""))
        for (corpus, licence, use), count in sorted(found.uses.items()):
            typer.echo(f"  {count:,} of {corpus}: {licence}, to {use}")
        for code, count in found.rejected.most_common():
            first = next((each for each in found.rejects if each.code == code), None)
            typer.echo(f"  {count:,} rejected: {code}" + (f", such as {first.key}: {first.message}" if first else ""))
        right = found.examples - len(found.lenient)
        typer.echo(
            f"  gold answers right by their own checker: {right:,} of {found.examples + found.rejected[GOLD_FAILS]:,}"
        )
    if not found.ok:
        raise typer.Exit(1)
