"""Running a step: plan, skip what is done, make the rest, close. The same for every step, verb and recipe.

with ws.lock("tag"):
    outcome = run_step(ws, "tags", Tag(), Local(workers=2), watch=print)
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from perceptdata import llm
from perceptdata.errors import UsageError
from perceptdata.execution.executor import Executor
from perceptdata.execution.local import Local
from perceptdata.execution.task import Task
from perceptdata.manifest import ShardEntry, StepVersion
from perceptdata.shard import IMAGES, TEMPORARY, room_folder
from perceptdata.steps.step import Shard, Step, Watch
from perceptdata.workspace import REJECTS, ROOMS

if TYPE_CHECKING:
    from perceptdata.workspace import Workspace


def _unwatched(done: int, total: int, rows: int) -> None:
    """Nobody looks."""


@dataclass(slots=True)
class Outcome:
    """What running a step did. `made` counts rows by room, over the whole step; `rejected` counts reasons.

    `stopped` says why shards are left to make, such as a budget; None when the step is whole. `spent` is the ledger of
    a step that asks a model, over all its runs.
    """

    step: str
    do: str
    version: str
    shards: int
    skipped: int
    seconds: float
    made: dict[str, int] = field(default_factory=dict)
    rejected: dict[str, int] = field(default_factory=dict)
    stopped: str | None = None
    spent: dict[str, Any] | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain values, for `--json`."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(slots=True)
class Plan:
    """What running a step would do."""

    step: str
    do: str
    version: str
    shards: list[Shard]
    todo: list[Shard]

    def to_json(self) -> dict[str, Any]:
        """Plain values, for `--dry-run --json`."""
        return {
            "step": self.step,
            "do": self.do,
            "version": self.version,
            "shards": len(self.shards),
            "todo": len(self.todo),
        }

    def settled(self, ws: Workspace) -> StepVersion | None:
        """The active run of these options, when it is whole and nothing is left to do."""
        state = ws.manifest.steps.get(self.step)
        if self.todo or state is None or state.active != self.version:
            return None
        run = state.current
        return run if run.complete and run.shards.keys() == {shard.name for shard in self.shards} else None


def plan_step(ws: Workspace, name: str, step: Step) -> Plan:
    """All shards of the step, and those that are missing or whose input changed."""
    shards = step.plan(ws, name)
    state = ws.manifest.steps.get(name)
    if state and state.current.do != step.do:
        raise UsageError(f"'{name}' is a {state.current.do} step in {ws.path}; give the {step.do} step another name")
    done = state.versions[step.fingerprint].shards if state and step.fingerprint in state.versions else {}
    todo = [shard for shard in shards if not _is_done(ws, shard, done.get(shard.name))]
    return Plan(name, step.do, step.fingerprint, shards, todo)


def _is_done(ws: Workspace, shard: Shard, entry: ShardEntry | None) -> bool:
    return (
        entry is not None
        and entry.input == shard.digest
        and all(ws.file(file).exists() for file in entry.files.values())
    )


def run_step(
    ws: Workspace, name: str, step: Step, executor: Executor | None = None, watch: Watch = _unwatched
) -> Outcome:
    """Bring the step up to date; in this process unless an executor is given.

    The caller holds the lock; every finished shard is entered at once.
    """
    executor = executor or Local(workers=1)
    began = time.perf_counter()
    plan = plan_step(ws, name, step)
    run = plan.settled(ws)
    if run is None:
        run = ws.begin(name, plan.version, step.do, step.identity(), len(plan.shards))
        _forget(ws, run, set(run.shards) - {shard.name for shard in plan.shards})
        _sweep(ws, name, plan.version)
        ready, stopped = step.prepare(ws, name, plan.todo, watch)
        _make(ws, plan, run, ready, executor, watch)
        if stopped is not None:
            seconds = time.perf_counter() - began
            return outcome(ws, name, run, plan.version, len(plan.shards) - len(plan.todo), seconds, stopped)
    again = step.finish(ws, name, run)
    if again and run.finished:
        run = ws.begin(name, plan.version, step.do, step.identity(), len(plan.shards))
    _make(ws, plan, run, again, executor, _unwatched)
    if not run.finished:
        ws.finish(run)
    return outcome(ws, name, run, plan.version, len(plan.shards) - len(plan.todo), time.perf_counter() - began)


def outcome(
    ws: Workspace,
    name: str,
    run: StepVersion,
    version: str,
    skipped: int,
    seconds: float,
    stopped: str | None = None,
) -> Outcome:
    """The state of a run as an outcome."""
    rejected: Counter[str] = Counter()
    for entry in run.shards.values():
        rejected.update(entry.rejected)
    rooms = [*ROOMS, IMAGES]
    made = {room: count for room in rooms if room != REJECTS and (count := run.rows(room))}
    shards, reasons = len(run.shards), dict(rejected.most_common())
    spent = _spent(ws, name)
    return Outcome(name, run.do, version, shards, skipped, round(seconds, 3), made, reasons, stopped, spent)


def _spent(ws: Workspace, name: str) -> dict[str, Any] | None:
    path = ws.path / llm.REPLIES
    if not path.exists():
        return None
    with llm.ReplyCache(path) as replies:
        ledger = replies.ledgers().get(name)
    return ledger.to_json() if ledger else None


def _make(
    ws: Workspace, plan: Plan, run: StepVersion, shards: Sequence[Shard], executor: Executor, watch: Watch
) -> None:
    # A shard that is made again leaves the manifest first: its files are replaced before its entry is, and a crash in
    # between must not leave an entry that speaks of other bytes.
    _forget(ws, run, {shard.name for shard in shards})
    tasks = [
        Task(ws.path, plan.step, plan.version, shard.name, shard.digest, shard.about, shard.work) for shard in shards
    ]
    done, rows = run.expected - len(tasks), 0
    watch(done, run.expected, rows)
    for task, entry in executor.run(tasks):
        run.shards[task.shard] = entry
        ws.save()
        done += 1
        rows += max((file.rows for room, file in entry.files.items() if room != IMAGES), default=0)
        watch(done, run.expected, rows)


def _forget(ws: Workspace, run: StepVersion, shards: Collection[str]) -> None:
    """Take shards out of the manifest."""
    known = run.shards.keys() & shards
    for shard in known:
        del run.shards[shard]
    if known:
        ws.save()


def _sweep(ws: Workspace, name: str, version: str) -> None:
    """Remove what an interrupted run left half written."""
    for room in (*ROOMS, IMAGES):
        for path in room_folder(ws.path, room, name, version).glob(f".*{TEMPORARY}"):
            path.unlink()
