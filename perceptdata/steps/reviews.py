"""Reviews: what people did, taken in and made into layers. Everything that a pull changes makes a new version of them.

    push(ws, "people", place)                 # tasks out; again: nothing new
    taken = pull(ws, "people", place)          # answers in, layers made
    adjudicate(ws, "people")                   # disputes become tasks of `last`; push and pull go on from there

Of a review `people` come the layers `people` (reviews of all readers, verdicts on claims, rejects), `people_ann` (one
reader's spans, one layer each) and `people_final` (what stands in the end; of errors, the reviews that do). The log is
written first, in one file, and layers follow from it alone: killed anywhere and run again, a pull ends in the same
state.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import pyarrow as pa
from pydantic import PrivateAttr

from perceptdata.errors import UsageError
from perceptdata.layers import Reject, Review
from perceptdata.manifest import digest, write_atomically
from perceptdata.records import canonical_json
from perceptdata.review.answers import progress
from perceptdata.review.auditing import audit_rows, audit_tasks
from perceptdata.review.backend import Backend, Pushed
from perceptdata.review.design import LAST
from perceptdata.review.disputes import decide, disputes, shared, text_of
from perceptdata.review.drawing import load_sample
from perceptdata.review.log import Changes, Log
from perceptdata.review.plan import (
    PlannedTask,
    ReviewPlan,
    last_tasks_of,
    load_plan,
    review_folder,
    slug,
    tasks_of,
    write_tasks,
)
from perceptdata.review.readings import Reading, readings
from perceptdata.review.rows import Part, reject, rows_of
from perceptdata.shard import ShardWriter
from perceptdata.steps.run import Outcome, outcome, run_step
from perceptdata.steps.step import Shard, Step
from perceptdata.workspace import REJECTS, layer_room

if TYPE_CHECKING:
    from perceptdata.workspace import Workspace

REVIEWS, SPANS, VERDICTS = (layer_room(kind) for kind in ("reviews", "spans", "verdicts"))


MADE = "made.json"
"""Which answers the layers of a review are of, written when all of them are there."""


class Reviewing(Step):
    """Rows that people gave. They are a log: kept as they are, and never made again. `answers` is its hash."""

    do: ClassVar[str] = "review"
    version: ClassVar[str] = "2"
    review: str
    answers: str
    use: tuple[str, ...] = ()
    _shards: dict[str, dict[str, pa.Table]] = PrivateAttr(default_factory=dict)

    @classmethod
    def of(cls, review: str, answers: str, people: Sequence[str], shards: dict[str, dict[str, pa.Table]]) -> Reviewing:
        """The step that writes these tables, by shard of examples and room."""
        step = cls(review=review, answers=answers, use=tuple(slug(person) for person in people))
        step._shards = shards
        return step

    def options(self) -> dict[str, Any]:
        """The review and its answers; its people as the judges that they are to whoever reads verdicts."""
        use = [{"name": name, "version": self.version} for name in self.use]
        return {"review": self.review, "answers": self.answers, "use": use}

    def plan(self, ws: Workspace, name: str) -> list[Shard]:
        """A shard for each shard of examples that people read of."""
        return [
            Shard(about.replace("/", "-") or "answers", self.fingerprint, about, ReviewWork(tables))
            for about, tables in sorted(self._shards.items())
        ]


@dataclass(frozen=True, slots=True)
class ReviewWork:
    """The tables of one shard, by room."""

    tables: Mapping[str, pa.Table]

    def run(self, writer: ShardWriter) -> None:
        """Write them in order."""
        for room, table in self.tables.items():
            if room == REJECTS:
                for row in table.to_pylist():
                    writer.reject(Reject.from_row(row))
            else:
                writer.write(room, table)


@dataclass(frozen=True, slots=True)
class Taken:
    """What a pull did: how the log changed, the layers it made, how many annotations do not count and why not."""

    changes: Changes
    layers: tuple[Outcome, ...]
    rejected: dict[str, int]


def push(ws: Workspace, name: str, place: Backend, on_progress: Callable[[int], None] = lambda done: None) -> Pushed:
    """Put all tasks where people find them, those of the last word too. `on_progress` hears how many more are there."""
    plan = load_plan(ws, name)
    done = Pushed()
    for tasks in (tasks_of(ws, plan), last_tasks_of(ws, plan)):
        if len(tasks):
            made = place.push(tasks, on_progress)
            done = Pushed(*(getattr(done, key) + getattr(made, key) for key in Pushed.__dataclass_fields__))
    return done


def pull(ws: Workspace, name: str, place: Backend, kind: str = "person") -> Taken:
    """Take in what is new, and make the layers. The caller holds the lock; `kind` says who answered."""
    plan = load_plan(ws, name)
    log = Log.read(ws, name)
    after, changes = log.upserted(place.pull(log.cursor, log.known()), kind)
    if changes or after.cursor != log.cursor:
        after.write(ws, name)
    layers = materialise(ws, plan, after)
    rejected = layers[0].rejected if layers else {}
    return Taken(changes, tuple(layers), rejected)


def materialise(ws: Workspace, plan: ReviewPlan, log: Log) -> list[Outcome]:
    """Bring the layers of a review up to its log; none before the first answer."""
    if not log.rows.num_rows and not log.refused:
        return []
    refused = _refused(plan, log)
    if plan.screen == "claims":
        return [_audit(ws, plan, log, refused)]
    tasks, last = tasks_of(ws, plan), last_tasks_of(ws, plan)
    answers = digest(log.fingerprint, [file_digest(each.path) for each in (tasks, last) if each.path.exists()])
    if (whole := _whole(ws, plan, answers)) is not None:
        return whole
    parts = rows_of(plan, (each for each in readings(plan, (tasks, last), log) if not _decides(each)))
    parts.setdefault("", Part()).rejects.extend(refused)
    done = [_write(ws, plan, plan.name, answers, plan.people, {about: _all(part) for about, part in parts.items()})]
    if plan.layers:
        for person in plan.people:
            own = {about: _spans(part.spans.get(person, [])) for about, part in parts.items()}
            done.append(_write(ws, plan, plan.producer_of(person), answers, (), own))
    final = rows_of(plan, _standing(ws, plan, log), maker="final")
    tables = {about: _final(plan, part) for about, part in final.items()}
    done.append(_write(ws, plan, f"{plan.name}_final", answers, ("final",), tables))
    layers = [each for each in done if each is not None]
    mark = {"answers": answers, "layers": [each.step for each in layers]}
    write_atomically(review_folder(ws, plan.name) / MADE, canonical_json(mark).encode())
    return layers


def adjudicate(ws: Workspace, name: str) -> tuple[int, int]:
    """Put what people differ on (of an audit: what somebody failed, traps among it) before whoever has the last word.

    How many tasks are new, and how many there are in all: what was put before them stays. The caller holds the lock.
    """
    more = disputed(ws, name)
    before = [PlannedTask.from_row(row) for row in last_tasks_of(ws, load_plan(ws, name)).rows()]
    if more:
        whole = [task.model_copy(update={"place": at}) for at, task in enumerate((*before, *more))]
        write_tasks(review_folder(ws, name) / "last.parquet", whole)
    return len(more), len(before) + len(more)


def disputed(ws: Workspace, name: str) -> list[PlannedTask]:
    """The tasks for a last word that are not there yet."""
    plan = load_plan(ws, name)
    log, tasks, last = Log.read(ws, name), tasks_of(ws, plan), last_tasks_of(ws, plan)
    if plan.screen == "claims":
        sample = load_sample(ws, name)
        have = set(last.table(["key"]).column("key").to_pylist())
        waiting = sorted(progress(sample, reviews_of(ws, name)).waiting, key=lambda turn: turn.item)
        return list(audit_tasks(ws, sample, [turn for turn in waiting if turn.item not in have]))
    spoken = {text_of(row) for row in last.rows()}
    both = shared(plan, tasks, readings(plan, (tasks,), log))
    return disputes(plan, {text: each for text, each in both.items() if text not in spoken})


def reviews_of(ws: Workspace, audit: str) -> list[Review]:
    """The answers that were taken in, if any. Raises UsageError where another kind of step has the name."""
    state = ws.manifest.steps.get(audit)
    if state is None:
        return []
    if state.current.do != Reviewing.do:
        raise UsageError(f"'{audit}' is a {state.current.do} step in {ws.path}; give the audit another name")
    if not ws.shards(REVIEWS, audit):
        return []
    return [Review.from_row(row) for row in ws.layer(audit, "reviews").to_table().to_pylist()]


def _standing(ws: Workspace, plan: ReviewPlan, log: Log) -> Iterable[Reading]:
    """The one reading of each text that stands: the only one, the agreed one, or the last word."""
    tasks, last = tasks_of(ws, plan), last_tasks_of(ws, plan)
    both = shared(plan, tasks, readings(plan, (tasks,), log))
    spoken = [text_of(each.row) for each in readings(plan, (last,), log) if each.counts and each.row is not None]
    stands = decide(plan, both, spoken)
    for each in readings(plan, (tasks, last), log):
        if each.counts and each.row is not None:
            reader = each.row["reader"]
            if stands.get(text_of(each.row), reader) == reader:
                yield each


def _decides(reading: Reading) -> bool:
    """The last word has seen the others': it is no reading of its own, unless it cannot count, which is to be said."""
    return reading.annotation["reader"] == LAST and reading.counts


def _audit(ws: Workspace, plan: ReviewPlan, log: Log, refused: Sequence[Reject]) -> Outcome:
    sample = load_sample(ws, plan.name)
    found = readings(plan, (tasks_of(ws, plan), last_tasks_of(ws, plan)), log)
    gone = [row for row in log.rows.to_pylist() if row["gone"]]
    rows, problems = audit_rows(sample, reviews_of(ws, plan.name), found, gone)
    rejects = [*refused, *(reject(annotation, each.code, each.message) for annotation, each in problems)]
    tables = (_joined(REVIEWS, [Review.table(rows)]) if rows else {}) | _rejects(rejects)
    answers = digest([row.model_dump(mode="json") for row in rows], [each.message for each in rejects])
    step = Reviewing.of(plan.name, answers, plan.people, {"": tables})
    return run_step(ws, plan.name, step)


def _write(
    ws: Workspace,
    plan: ReviewPlan,
    name: str,
    answers: str,
    people: Sequence[str],
    tables: dict[str, dict[str, pa.Table]],
) -> Outcome | None:
    """Write a layer where there is something in it, or where there was."""
    full = {about: rooms for about, rooms in tables.items() if rooms}
    if not full and name not in ws.manifest.steps:
        return None
    return run_step(ws, name, Reviewing.of(plan.name, answers, people, full))


def _whole(ws: Workspace, plan: ReviewPlan, answers: str) -> list[Outcome] | None:
    """The layers as they are, where all of them are of these answers: then nothing is read again."""
    path = review_folder(ws, plan.name) / MADE
    try:
        mark = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    found = []
    for name in mark["layers"] if mark.get("answers") == answers else ():
        state = ws.manifest.steps.get(name)
        run = state.current if state is not None else None
        if state is None or run is None or not run.complete or run.options.get("answers") != answers:
            return None
        if not all(ws.file(file).exists() for entry in run.shards.values() for file in entry.files.values()):
            return None
        found.append(outcome(ws, name, run, state.active, len(run.shards), 0.0))
    return found or None


def file_digest(path: Path) -> str:
    """The hash of a file's bytes."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _refused(plan: ReviewPlan, log: Log) -> list[Reject]:
    """What places refused to hand back, as rejects."""
    return [
        reject({"reader": "", "id": each}, "review.place", message) for each, message in sorted(log.refused.items())
    ]


def _all(part: Part) -> dict[str, pa.Table]:
    return _joined(REVIEWS, part.reviews) | _joined(VERDICTS, part.verdicts) | _rejects(part.rejects)


def _final(plan: ReviewPlan, part: Part) -> dict[str, pa.Table]:
    """What stands: spans of traces and verdicts on claims; of errors the reviews themselves."""
    if plan.screen == "errors":
        return _joined(REVIEWS, part.reviews)
    return _spans([table for each in part.spans.values() for table in each]) | _joined(VERDICTS, part.verdicts)


def _spans(tables: Sequence[pa.Table]) -> dict[str, pa.Table]:
    return _joined(SPANS, tables)


def _rejects(rows: Sequence[Reject]) -> dict[str, pa.Table]:
    order = sorted(rows, key=lambda row: (row.key, row.code))
    return {REJECTS: Reject.table(order)} if order else {}


def _joined(room: str, tables: Sequence[pa.Table]) -> dict[str, pa.Table]:
    """One table, sorted by text and reader, or nothing."""
    if not tables:
        return {}
    table = pa.concat_tables(tables)
    order = [(name, "ascending") for name in ("text_id", "claim", "reviewer") if name in table.column_names]
    return {room: table.sort_by(order)}
