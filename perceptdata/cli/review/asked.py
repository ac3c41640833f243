"""What several verbs of `review` ask: options with one spelling, and a record made of them with a clear error."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from perceptdata.cli.common import DEFAULT_WORKSPACE
from perceptdata.errors import UsageError

if TYPE_CHECKING:
    from perceptdata.records import Record
    from perceptdata.workspace import Workspace

    R = TypeVar("R", bound=Record)


class PanelName(StrEnum):
    """How judges become one."""

    MAJORITY = "majority"
    DAWID_SKENE = "dawid_skene"
    WEIGHTED_LOGIT = "weighted_logit"


class UseName(StrEnum):
    """What certified captions are for."""

    FILTER = "filter"
    REWARD = "reward"


class PlaceName(StrEnum):
    """Where people read."""

    JSONL = "jsonl"
    LABEL_STUDIO = "label-studio"


Target = Annotated[float, typer.Option("--target", help="The precision of claims to be proven.")]
Readers = Annotated[int, typer.Option("--people", min=1, help="How many read.")]
Hours = Annotated[float, typer.Option("--hours", help="How long each of them reads.")]
Seconds = Annotated[float, typer.Option("--seconds", help="Of one reading.")]
Disputed = Annotated[int, typer.Option("--disputed", min=0, help="Claims on which judges differ, read beside.")]
PanelOption = Annotated[PanelName, typer.Option("--panel", help="How the judges' verdicts become one score.")]
Threshold = Annotated[float, typer.Option("--threshold", min=0.0, max=1.0, help="The score that each claim needs.")]
Use = Annotated[UseName, typer.Option("--use", help="What for: rewards leave out captions that give answers away.")]
By = Annotated[
    list[str] | None, typer.Option("--by", help="Slices: source, claim or meta.KEY; repeat.  [default: source]")
]
Place = Annotated[PlaceName, typer.Option("--backend", help="Where people read: files, or a Label Studio server.")]
PlaceOptions = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="An option of the backend; repeat for more.")
]
Name = Annotated[str | None, typer.Argument(metavar="[NAME]", help="Which review.  [default: the only one]")]


def the_review(ws: Workspace, name: str | None) -> str:
    """The named review, or the only one. Raises UsageError where there are none or several."""
    from perceptdata.review import review_names

    if name is not None:
        return name
    names = review_names(ws)
    if len(names) != 1:
        told = f"name one of {', '.join(names)}" if names else "`perceptdata review plan NAME` makes one"
        raise UsageError(f"{ws.path} has {len(names) or 'no'} reviews; {told}")
    return names[0]


@contextmanager
def bar(name: str, total: int) -> Iterator[Callable[[int], None]]:
    """A bar of tasks on stderr, when that is a terminal. Call with how many more are done."""
    if not sys.stderr.isatty():
        yield lambda more: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn(name), BarColumn(), MofNCompleteColumn(), TextColumn("tasks"), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task(name, total=total)
        yield lambda more: bars.advance(task, more)


def made(kind: type[R], what: str, options: dict[str, Any]) -> R:
    """A record of options. Raises UsageError with the first thing that is wrong."""
    from pydantic import ValidationError

    try:
        return kind(**options)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise UsageError(
            f"{what}{': ' + where if where else ''}: {first['msg'].removeprefix('Value error, ')}"
        ) from None


def where(workspace: Path) -> str:
    """How the next command names the workspace."""
    return "" if workspace == DEFAULT_WORKSPACE else f" --workspace {workspace}"
