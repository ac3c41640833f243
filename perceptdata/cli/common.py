"""What every verb shares: options with one spelling, progress bars on a terminal only, one way to print results."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from perceptdata.errors import UsageError

if TYPE_CHECKING:
    from rich.console import Console

    from perceptdata.execution.executor import Executor

WorkspaceOption = Annotated[
    Path,
    typer.Option("--workspace", "-w", envvar="PERCEPTDATA_WORKSPACE", help="The workspace folder.", show_default=True),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")]
Limit = Annotated[int | None, typer.Option("--limit", min=1, help="Read only the first rows of the source.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Workers = Annotated[int | None, typer.Option("--workers", min=1, help="Processes to use.  [default: one a core]")]
ExecutorName = Annotated[str, typer.Option("--executor", help="Who makes the shards: local, ray or slurm.")]
ExecutorOptions = Annotated[
    list[str] | None,
    typer.Option("--executor-set", metavar="KEY=VALUE", help="An option of the executor; repeat for more."),
]
Options = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="An option of the plugin; repeat for more.")
]
Allow = Annotated[
    list[str] | None,
    typer.Option("--allow", metavar="CORPUS", help="Train on this corpus though it is for evaluation; repeat."),
]
DEFAULT_WORKSPACE = Path("workspace")


def parse_options(pairs: list[str] | None, flag: str = "--set") -> dict[str, Any]:
    """`--set twins=[visual] --set seed=3` as values: each is read as YAML."""
    import yaml

    options: dict[str, Any] = {}
    for pair in pairs or []:
        key, equals, value = pair.partition("=")
        if not (key and equals):
            raise UsageError(f"{flag} takes KEY=VALUE, not '{pair}'")
        try:
            options[key] = yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise UsageError(f"{flag} {pair}: the value is not valid YAML ({' '.join(str(error).split())})") from error
    return options


def executor_of(name: str, workers: int | None, options: list[str] | None) -> Executor:
    """What `--executor`, `--workers` and `--executor-set` say."""
    from perceptdata.execution.executor import make_executor

    return make_executor(name, workers, parse_options(options, "--executor-set"))


def print_json(value: Any) -> None:
    """One JSON document on stdout."""
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2, default=str))


@contextmanager
def progress() -> Iterator[Callable[[str], Callable[[int, int, int], None]]]:
    """Bars on stderr for the duration, when stderr is a terminal. Call with a step's name to get what watches it."""
    if not sys.stderr.isatty():
        yield lambda name: lambda done, total, rows: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description:<16}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("shards"),
        TextColumn("{task.fields[rows]:,} rows"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:

        def watch(name: str) -> Callable[[int, int, int], None]:
            task = bars.add_task(name, total=None, rows=0)

            def update(done: int, total: int, rows: int) -> None:
                bars.update(task, completed=done, total=total, rows=rows)

            return update

        yield watch


def console() -> Console:
    """Where tables are printed. A reader that goes away (head, less) ends the verb quietly, as it does for `echo`."""
    from rich.console import Console

    class Piped(Console):
        def on_broken_pipe(self) -> None:
            raise BrokenPipeError

    return Piped()


def say_counts(counts: Mapping[str, int]) -> str:
    """`1,200 examples, 400 images`."""
    return ", ".join(f"{count:,} {name.removeprefix('layers/')}" for name, count in counts.items()) or "nothing"


def say_spent(ledger: Mapping[str, Any]) -> str:
    """`480 calls (12 cached), 4,800 + 2,400 tokens, cost 0.12`."""
    cost = "unknown" if ledger["cost"] is None else f"{ledger['cost']:.4f}"
    tokens = f"{ledger['prompt_tokens']:,} + {ledger['completion_tokens']:,} tokens"
    hours = "" if ledger["gpu_hours"] is None else f", {ledger['gpu_hours']:.2f} GPU-hours"
    return f"{ledger['calls']:,} calls ({ledger['cached']:,} cached), {tokens}, cost {cost}{hours}"


def print_outcome(done: Any) -> None:
    """What a step, view or output did, in a line or two."""
    from perceptdata.steps.output import Written
    from perceptdata.steps.pipeline import Chosen

    if isinstance(done, Chosen):
        left = f"; left out: {say_counts(done.dropped)}" if done.dropped else ""
        typer.echo(f"view {done.view}: {done.rows:,} rows{left}")
    elif isinstance(done, Written):
        where = f" in {len(done.files)} files, {_common(done.files)}" if done.files else ""
        typer.echo(f"{done.output}: {done.rows:,} rows{where}")
        for note in done.notes:
            typer.echo(f"  {note}")
    else:
        kept = f", {done.skipped} of {done.shards} shards were there already" if done.skipped else ""
        typer.echo(f"{done.step}: {say_counts(done.made)} in {done.seconds:.1f} s{kept}")
        if done.spent:
            typer.echo(f"  {say_spent(done.spent)}")
        if done.stopped:
            typer.echo(f"  stopped: {done.stopped}")
        if done.rejected:
            total = sum(done.rejected.values())
            reasons = ", ".join(f"{reason} {count:,}" for reason, count in done.rejected.items())
            typer.echo(f"  rejected {total:,}: {reasons}")


def _common(files: list[Path]) -> str:
    return str(files[0] if len(files) == 1 else files[0].parent) if files else "none"


def print_next(*commands: str) -> None:
    """The commands a person is likely to want now."""
    typer.echo("next:")
    for command in commands:
        typer.echo(f"  {command}")
