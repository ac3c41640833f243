"""Pushing: tasks into their queues, each once, whatever breaks meanwhile.

    list what is there ─▶ send what is not, 500 at a time ─▶ look again wherever an answer failed to come ─▶ tidy up

An import is all or nothing, and goes on when the client has given up. So after a failure the server is asked what it
has, for a while, before anything is sent again; and whoever was killed in between finds at the next push, or the same
one's end, that a batch came twice, and the copies nobody has touched are deleted. Between any two steps a kill loses
nothing: everything is decided anew from what the server has.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from perceptdata.errors import PerceptDataError, UsageError
from perceptdata.review.backend import Pushed, Task
from perceptdata.review.label_studio.connection import Connection, Doubt, condition
from perceptdata.review.label_studio.payloads import CONTENT, KEY, assisted, check, payload, prediction, version
from perceptdata.review.label_studio.pictures import Pictures
from perceptdata.review.label_studio.queues import Queue, Queues

BATCH, BATCH_BYTES = 500, 20_000_000
SLICE = 500
PATIENCE = (0.0, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
"""Seconds before each look for a batch whose answer never came; after the last it is taken as lost."""
TRIES = 3
_CUT = 500  # characters after which the server cuts a list of versions off

Identity = tuple[bytes, bytes]
"""Digests of a task's key and of its content: what a queue has is held in memory, for all of it."""


class There(NamedTuple):
    """A task on the server; `touched` where somebody has answered or begun to."""

    task: int
    touched: bool


class QueuePush:
    """One queue: what it has, and what is still to be sent."""

    def __init__(self, server: Connection, queue: Queue) -> None:
        self.server, self.queue = server, queue
        self.there: dict[bytes, dict[bytes, list[There]]] = {}
        self.wanted: set[Identity] = set()
        self.last = 0
        self.batch: list[dict[str, Any]] = []
        self.size = 0
        self.versions: dict[str, set[int]] = {}
        self.guesses: list[dict[str, Any]] = []
        self.strangers = 0
        self.look(0)

    def look(self, beyond: int) -> None:
        """Take in what the server has with ids above `beyond`."""
        begun = self._drafts(beyond)
        fields = ["meta", "total_annotations", "cancelled_annotations"]
        for page in self.server.tasks(self.queue.project, fields, [condition("id", "greater", "Number", beyond)]):
            for row in page:
                self.last = max(self.last, row["id"])
                meta = row.get("meta")
                if not isinstance(meta, dict) or KEY not in meta:
                    self.strangers += 1  # somebody's own task; it is left alone
                    continue
                answers = (row.get("total_annotations") or 0) + (row.get("cancelled_annotations") or 0)
                self._add(identity(meta[KEY], meta.get(CONTENT)), There(row["id"], answers > 0 or row["id"] in begun))

    def _drafts(self, beyond: int) -> set[int]:
        where = [condition("draft_exists", "equal", "Boolean", True), condition("id", "greater", "Number", beyond)]
        return {row["id"] for page in self.server.tasks(self.queue.project, [], where) for row in page}

    def _add(self, who: Identity, there: There) -> None:
        self.there.setdefault(who[0], {}).setdefault(who[1], []).append(there)

    def has(self, who: Identity) -> There | None:
        """The task, if it is there."""
        found = self.there.get(who[0], {}).get(who[1])
        return found[0] if found else None

    def put(self, body: dict[str, Any], on_sent: Callable[[int], None]) -> None:
        """Take a new task to be sent; sends when a batch is full."""
        self.batch.append(body)
        self.size += len(json.dumps(body, ensure_ascii=False))
        if len(self.batch) >= BATCH or self.size >= BATCH_BYTES:
            self.send(on_sent)

    def send(self, on_sent: Callable[[int], None]) -> None:
        """Send the batch, and see to it that it is there once."""
        missing = self.batch
        for attempt in range(TRIES):
            if not missing:
                break
            before = self.last
            try:
                ids = self.server.import_tasks(self.queue.project, missing)
            except Doubt:
                missing = self._after_doubt(missing, before)
                if missing and attempt == TRIES - 1:
                    raise
                continue
            if len(ids) != len(missing):  # an edition that imports in the background
                missing = self._after_doubt(missing, before)
                continue
            for body, task in zip(missing, ids, strict=True):
                self._add(_identity(body), There(task, False))
            self.last = max(self.last, *ids)
            missing = []
        if missing:
            raise PerceptDataError(
                f"{len(missing)} tasks do not arrive in project {self.queue.project} '{self.queue.title}', although "
                "Label Studio says that it took them; look at its log, then push again"
            )
        on_sent(len(self.batch))
        self.batch, self.size = [], 0

    def _after_doubt(self, bodies: list[dict[str, Any]], before: int) -> list[dict[str, Any]]:
        """Those of the batch that did not arrive. Raises Doubt where the server cannot be asked either."""
        for seconds in PATIENCE:
            time.sleep(seconds)
            self.look(before)
            missing = [body for body in bodies if self.has(_identity(body)) is None]
            if len(missing) < len(bodies):
                return missing
        return bodies

    def guess(self, task: Task, there: There) -> bool:
        """Take a new version of a known task's pre-annotation to be sent; False where it is there."""
        name = version(task)
        if name not in self.versions:
            self.versions[name] = set(self._having(name))
        if there.task in self.versions[name]:
            return False
        self.versions[name].add(there.task)
        self.guesses.append({"task": there.task, **prediction(task)})
        return True

    def _having(self, name: str) -> Iterator[int]:
        where = [condition("predictions_model_versions", "contains", "List", [name])]  # a part of the name would do
        for page in self.server.tasks(self.queue.project, ["predictions_model_versions"], where):
            for row in page:
                listed = row.get("predictions_model_versions") or ""
                if name in listed.split(",") or len(listed) >= _CUT:
                    yield row["id"]

    def send_guesses(self) -> None:
        """Send the new pre-annotations, asking again what is there after a failure."""
        for attempt in range(TRIES):
            todo, self.guesses = self.guesses, []
            try:
                while todo:
                    self.server.import_predictions(self.queue.project, todo[:BATCH])
                    todo = todo[BATCH:]
                return
            except Doubt:
                if attempt == TRIES - 1:
                    raise
                time.sleep(PATIENCE[attempt + 1])
                arrived = {name: set(self._having(name)) for name in self.versions}
                self.guesses = [guess for guess in todo if guess["task"] not in arrived[guess["model_version"]]]

    def tidy(self) -> int:
        """Delete copies, and outdated tasks that nobody has touched; how many."""
        spare: list[int] = []
        expected = self.strangers
        for key, contents in self.there.items():
            for content, copies in contents.items():
                expected += len(copies)
                touched = [copy for copy in copies if copy.touched]
                outdated = (key, content) not in self.wanted and self._replaced(key)
                keep = touched or ([] if outdated else [min(copies)])
                spare += [copy.task for copy in copies if copy not in keep]
                copies[:] = keep
        for start in range(0, len(spare), BATCH):
            self.server.delete_tasks(self.queue.project, spare[start : start + BATCH])
        return expected - len(spare)

    def _replaced(self, key: bytes) -> bool:
        return any((key, content) in self.wanted for content in self.there[key])


def push(
    queues: Queues, pictures: Pictures, tasks: Sequence[Task], on_progress: Callable[[int], None] = lambda done: None
) -> Pushed:
    """Put tasks where their readers find them. Raises UsageError before anything is sent for tasks nobody could read
    back, and for a project whose labels were renamed.
    """
    _check(queues, tasks)
    pushes: dict[tuple[str, str], QueuePush] = {}
    done = {"new": 0, "known": 0, "revised": 0, "guesses": 0}
    shows: dict[tuple[str, str], str] = {}
    for task in _walk(tasks):
        whose = (task.reader, task.screen)
        if whose not in pushes:
            pushes[whose] = _open(queues, task, pictures)
        pushing, who = pushes[whose], identity(task.key, task.content)
        if assisted(task):
            shows[whose] = version(task)
        there = pushing.has(who)
        if there is None and who not in pushing.wanted:
            done["revised" if pushing.there.get(who[0]) else "new"] += 1
            pushing.put(payload(task, pictures), on_progress)
        else:
            done["known"] += 1
            on_progress(1)
            if there is not None and assisted(task) and who not in pushing.wanted:
                done["guesses"] += pushing.guess(task, there)
                if len(pushing.guesses) >= BATCH:
                    pushing.send_guesses()
        pushing.wanted.add(who)
    for queue, pushing in pushes.items():
        pushing.send(on_progress)
        pushing.send_guesses()
        if pushing.tidy() != queues.server.task_number(pushing.queue.project):  # somebody else's import came late
            again = QueuePush(queues.server, pushing.queue)
            again.wanted = pushing.wanted
            again.tidy()
        if queue in shows and pushing.queue.version != shows[queue]:
            queues.server.update_project(pushing.queue.project, model_version=shows[queue])
    queues.forget()
    return Pushed(**done)


def identity(key: object, content: object) -> Identity:
    """A task's digests."""
    return _digest(key), _digest(content)


def _digest(value: object) -> bytes:
    return hashlib.blake2b(str(value).encode(), digest_size=12).digest()


def _identity(body: dict[str, Any]) -> Identity:
    return identity(body["meta"][KEY], body["meta"][CONTENT])


def _walk(tasks: Sequence[Task]) -> Iterator[Task]:
    for start in range(0, len(tasks), SLICE):
        yield from tasks[start : start + SLICE]


def _check(queues: Queues, tasks: Sequence[Task]) -> None:
    versions: dict[tuple[str, str], str] = {}
    for task in _walk(tasks):
        check(task)
        if assisted(task):
            shown = versions.setdefault((task.reader, task.screen), version(task))
            if shown != version(task):
                raise UsageError(
                    f"{task.reader} would start from pre-annotations by {shown} and by {version(task)}, and Label "
                    "Studio shows those of one version a queue; plan two reviews, or join the layers by consensus first"
                )
    for queue in queues.all():
        refused = queue.refusal()
        if refused:
            raise UsageError(refused)


def _open(queues: Queues, task: Task, pictures: Pictures) -> QueuePush:
    queue = queues.get(task.reader, task.screen)
    folder = pictures.folder()
    if folder is not None:
        queues.server.serve_folder(queue.project, folder)
    return QueuePush(queues.server, queue)
