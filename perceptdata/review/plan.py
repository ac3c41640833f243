"""The plan of a review: who reads what, seeing what, decided before anyone reads; and where it is kept.

    plan = load_plan(ws, "people")              # reviews/people/plan.json
    tasks = PlannedTasks(ws, "people")          # reviews/people/tasks.parquet, read by row groups
    for task in tasks: ...                      # Task, as places take it
    tasks.rows()                                # the same with what readers must not see: known answers, strata

An audit of a certificate is a review too: its screen is `claims`, and its sample lies beside the plan.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import Field, ValidationError, model_validator

from perceptdata.errors import UsageError, WorkspaceError
from perceptdata.layers import SpanRecord
from perceptdata.manifest import digest, disk_error, sync_folder, write_atomically
from perceptdata.records import Float32, Int32, Json, Record
from perceptdata.review.backend import Origin, Region, Screen, Task
from perceptdata.review.design import LAST

if TYPE_CHECKING:
    from perceptdata.workspace import Workspace

REVIEWS = "reviews"
GROUP = 512
"""Tasks in a row group: what is in memory at once."""

Select = Literal["disagreement", "uncertainty", "audit", "random"]
Check = Literal["qualification", "trap"]
Overlaps = Literal["refuse", "first", "longest"]
BackendName = Literal["jsonl", "label-studio"]


class ReviewPlan(Record):
    """What is read, by whom, and how. All of it is fixed before the first answer.

    `layers` are the steps whose texts are read, the first gives the pre-annotation; of captions, `captions` is the
    step and `judges` wrote the verdicts. `select` says which of them come first, up to `budget` texts, spread over the
    strata `by`. `overlap` people read a share `shared` of the texts, one reads each other. A share `blind` is shown
    without pre-annotation. `gold` has known answers: the first `qualify` tasks of each queue, and `traps` more that
    nobody can tell apart; who reaches `pass_at` passes one. `overlaps` says what becomes of spans that overlap.
    """

    name: str
    screen: Screen
    layers: tuple[str, ...] = ()
    captions: str | None = None
    judges: tuple[str, ...] = ()
    people: tuple[str, ...] = Field(min_length=1)
    select: Select = "random"
    budget: int = Field(default=200, ge=1)
    by: tuple[str, ...] = ("source",)
    overlap: int = Field(default=1, ge=1)
    shared: float = Field(default=1.0, ge=0, le=1)
    blind: float = Field(default=0.0, ge=0, le=1)
    gold: str | None = None
    qualify: int = Field(default=0, ge=0)
    traps: int = Field(default=0, ge=0)
    pass_at: float = Field(default=0.8, gt=0, le=1)
    overlaps: Overlaps = "refuse"
    seed: int = 0
    backend: BackendName = "jsonl"
    options: Json = Field(default_factory=dict)

    @model_validator(mode="after")
    def _possible(self) -> ReviewPlan:
        slugs = {slug(person) for person in self.people}
        if len(slugs) < len(self.people) or slugs & {LAST, "final"} or "" in slugs:
            raise ValueError(f"people need names of their own, of letters and digits, and none is '{LAST}' or 'final'")
        if self.overlap > len(self.people):
            raise ValueError(f"{len(self.people)} people cannot read a text {self.overlap} times; name more people")
        if (self.qualify or self.traps) and self.gold is None:
            raise ValueError("qualification and traps need known answers: name a layer that has them with --gold")
        if self.screen == "errors" and (self.gold or self.blind < 1 or self.select not in ("audit", "random")):
            raise ValueError("what went wrong first is read blind, drawn by chance, and has no known answers")
        if strange := set(self.by) - {"source", "stage"}:
            raise ValueError(f"strata are by source or stage, not by {', '.join(sorted(strange))}")
        return self

    def producer_of(self, reader: str) -> str:
        """The step that has one reader's spans."""
        return f"{self.name}_{slug(reader)}"


def slug(person: str) -> str:
    """A person's name as part of a step's name: small letters, digits and `_`."""
    return "".join(letter if letter.isascii() and letter.isalnum() else "_" for letter in person.lower()).strip("_")


class RegionRecord(Record):
    """A `Region` as stored."""

    text: str
    start: Int32
    end: Int32
    label: str
    score: Float32 | None = None
    origin: Origin = "manual"

    @classmethod
    def of(cls, region: Region) -> RegionRecord:
        """The same region."""
        return cls(
            text=region.text,
            start=region.start,
            end=region.end,
            label=region.label,
            score=region.score,
            origin=region.origin,
        )

    def region(self) -> Region:
        """The same region."""
        return Region(self.text, self.start, self.end, self.label, self.score, self.origin)


class PlannedTask(Record):
    """One reading to be done, with what its reader must not see.

    `text_id` and `caption_id` are the texts that the answer speaks of, `about` the shard of examples they belong to.
    `guesses` and `guess_verdict` are the pre-annotation, also where it is not shown (`blind`). `gold` and
    `gold_verdict` are the known answer of a `check`. `claims` are those of the caption. `probability` is the chance
    with which the text was drawn, None where it was not left to chance; `score` is what it was chosen for.
    """

    key: str
    reader: str
    content: str
    place: Int32
    about: str
    text_id: str | None = None
    text_sha256: str | None = None
    caption_id: str | None = None
    caption_sha256: str | None = None
    image: str | None = None
    texts: Json = Field(default_factory=dict)
    guesses: tuple[RegionRecord, ...] = ()
    guess_verdict: str | None = None
    guessed_by: str | None = None
    blind: bool = False
    check: Check | None = None
    gold: tuple[SpanRecord, ...] = ()
    gold_verdict: str | None = None
    claims: tuple[SpanRecord, ...] = ()
    focus_start: Int32 | None = None
    focus_end: Int32 | None = None
    stratum: str | None = None
    probability: float | None = None
    score: float | None = None

    def task(self, screen: Screen) -> Task:
        """What a place gets."""
        return task_of(self.to_row() | {"texts": self.texts}, screen)


def task_of(row: dict[str, Any], screen: Screen) -> Task:
    """A `PlannedTask` row, `texts` parsed, as what a place gets: nothing in it tells a check from another task."""
    focus = None
    if row["focus_start"] is not None:
        focus = Region("caption", row["focus_start"], row["focus_end"], "claim")
    hidden = row["blind"]
    return Task(
        key=row["key"],
        reader=row["reader"],
        content=row["content"],
        screen=screen,
        texts=row["texts"],
        image=row["image"],
        guesses=() if hidden else tuple(Region(**each) for each in row["guesses"]),
        guessed_by=None if hidden else row["guessed_by"],
        verdict=None if hidden else row["guess_verdict"],
        focus=focus,
    )


def content_of(screen: Screen, texts: dict[str, str], image: str | None, focus: tuple[int, int] | None = None) -> str:
    """The hash of all that a task shows, pre-annotation apart."""
    return digest(screen, texts, image, focus)


class PlannedTasks(Sequence[Task]):
    """The tasks of a file, read a row group at a time: a plan may have more than memory should hold."""

    def __init__(self, path: Path, screen: Screen) -> None:
        self.path, self.screen = path, screen
        self._file: pq.ParquetFile | None = None
        if path.exists():
            try:
                self._file = pq.ParquetFile(path)
            except (OSError, pa.ArrowException) as error:
                raise WorkspaceError(f"{path} cannot be read; restore it ({type(error).__name__})") from error
        self._held: tuple[int, list[dict[str, Any]]] | None = None

    def __len__(self) -> int:
        return int(self._file.metadata.num_rows) if self._file else 0

    @overload
    def __getitem__(self, at: int) -> Task: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[Task]: ...
    def __getitem__(self, at: int | slice) -> Task | Sequence[Task]:
        if isinstance(at, slice):
            return [self[each] for each in range(*at.indices(len(self)))]
        if not -len(self) <= at < len(self):
            raise IndexError(at)
        group, row = divmod(at % len(self), GROUP)
        return task_of(self._group(group)[row], self.screen)

    def __iter__(self) -> Iterator[Task]:
        return (task_of(row, self.screen) for row in self.rows())

    def rows(self) -> Iterator[dict[str, Any]]:
        """Every `PlannedTask` as a plain row, `texts` parsed."""
        for group in range(self._file.num_row_groups if self._file else 0):
            yield from self._group(group)

    def table(self, columns: Sequence[str]) -> pa.Table:
        """Some columns of all tasks."""
        if self._file is None:
            return pa.schema([PlannedTask.arrow_schema().field(name) for name in columns]).empty_table()
        return self._file.read(columns=list(columns))

    def _group(self, number: int) -> list[dict[str, Any]]:
        if self._held is None or self._held[0] != number:
            rows = self._file.read_row_group(number).to_pylist() if self._file else []
            self._held = number, [{**row, "texts": json.loads(row["texts"])} for row in rows]
        return self._held[1]


def write_tasks(path: Path, tasks: Iterable[PlannedTask]) -> int:
    """Write a file of tasks in one step, a row group at a time; how many."""
    beside, count = path.with_name(f".{path.name}.tmp"), 0
    schema = PlannedTask.arrow_schema()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with pq.ParquetWriter(beside, schema, compression="zstd") as writer:
            held: list[PlannedTask] = []
            for task in tasks:
                held.append(task)
                if len(held) == GROUP:
                    writer.write_table(PlannedTask.table(held), row_group_size=GROUP)
                    held.clear()
                count += 1
            if held:
                writer.write_table(PlannedTask.table(held), row_group_size=GROUP)
        with open(beside, "rb") as file:
            os.fsync(file.fileno())
        os.replace(beside, path)
        sync_folder(path.parent)
    except OSError as error:
        raise disk_error(error, path) from error
    finally:
        beside.unlink(missing_ok=True)
    return count


def review_folder(ws: Workspace, name: str) -> Path:
    """Where a review is kept. Readers must not see it."""
    return ws.path / REVIEWS / name


def tasks_of(ws: Workspace, plan: ReviewPlan) -> PlannedTasks:
    """The tasks of its readers."""
    return PlannedTasks(review_folder(ws, plan.name) / "tasks.parquet", plan.screen)


def last_tasks_of(ws: Workspace, plan: ReviewPlan) -> PlannedTasks:
    """The tasks of whoever has the last word; none before `adjudicate`."""
    return PlannedTasks(review_folder(ws, plan.name) / "last.parquet", plan.screen)


def save_plan(ws: Workspace, plan: ReviewPlan) -> None:
    """Keep the plan. It is written after its tasks: a plan that is there is whole."""
    path = review_folder(ws, plan.name) / "plan.json"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise disk_error(error, path.parent) from error
    write_atomically(path, plan.model_dump_json(indent=1).encode())


def load_plan(ws: Workspace, name: str) -> ReviewPlan:
    """The plan of that name. Raises UsageError where there is none, WorkspaceError for a damaged one."""
    path = review_folder(ws, name) / "plan.json"
    try:
        return ReviewPlan.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        have = ", ".join(review_names(ws)) or "none"
        raise UsageError(
            f"there is no review '{name}' in {ws.path} (there is {have}); `perceptdata review plan` makes one, "
            "`perceptdata review audit` one for a certificate"
        ) from None
    except (OSError, ValidationError) as error:
        raise WorkspaceError(f"{path} cannot be read as a plan; restore it ({type(error).__name__})") from error


def review_names(ws: Workspace) -> list[str]:
    """The reviews of a workspace."""
    return sorted(path.parent.name for path in (ws.path / REVIEWS).glob("*/plan.json"))
