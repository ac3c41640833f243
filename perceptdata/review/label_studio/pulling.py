"""Pulling: what readers did since the last time, and what they took back.

    newest change ─▶ annotated tasks, listed ─▶ those that changed, read ─▶ annotations, or why not ─▶ what is gone

Tasks whose annotations nobody has brought yet are read whatever their time says, so lost state heals by itself.

The cursor is a time by the server's own clock for each project, taken before the list, so what changes during a pull
comes with the next one. A change is stamped before it can be seen; so the cursor also holds a digest of what the last
seconds before that time held, and the next pull compares: the same, and nothing there is read again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from perceptdata.errors import UsageError
from perceptdata.review.backend import Annotation, Pulled
from perceptdata.review.label_studio.connection import Connection, Row, condition
from perceptdata.review.label_studio.payloads import KEY
from perceptdata.review.label_studio.queues import Queue, Queues
from perceptdata.review.label_studio.readback import Unreadable, read

Mark = tuple[str, str]
"""How far a project was pulled: a time of the server, and the digest of the tasks that changed just before it."""
OVERLAP = timedelta(seconds=15)
_ANNOTATED = condition("annotations_ids", "empty", "String", False)
# The server looks for these names in the task, and in its annotations and predictions too.
FIELDS = (
    "data",
    "meta",
    "updated_at",
    "annotations",
    "result",
    "completed_by",
    "was_cancelled",
    "lead_time",
    "parent_prediction",
    "predictions",
    "model_version",
)


class _Task(NamedTuple):
    """An annotated task, as a list brings it: 1 ms each."""

    task: int
    moment: datetime
    annotations: tuple[str, ...]


class _Answers:
    """Annotations as they are read, each once, and why some could not be."""

    def __init__(self, users: Mapping[int, str]) -> None:
        self.users = users
        self.found: list[Annotation] = []
        self.refused: dict[str, str] = {}
        self.seen: set[str] = set()

    def take(self, queue: Queue, expected: str | None, row: Row) -> None:
        """Those of one task."""
        for annotation in row.get("annotations") or ():
            number = str(annotation["id"])
            if number in self.seen:
                continue
            self.seen.add(number)
            try:
                self.found.append(read(queue, row, annotation, self.users.get(_user(annotation)), expected))
            except Unreadable as why:
                where = f"annotation {number} of task {row['id']} ({row['meta'][KEY]}) in project {queue.project}"
                self.refused[number] = f"{where} {why}"


def pull(queues: Queues, people: Mapping[str, str | None], cursor: str | None, known: Sequence[str]) -> Pulled:
    """What is new. Raises UsageError for a cursor of another place, and for e-mail addresses that nobody has."""
    since, now = _read_cursor(cursor), dict[str, Mark]()
    users = queues.server.users()
    unknown = sorted(address for address in people.values() if address and address.lower() not in users.values())
    if unknown:
        raise UsageError(f"nobody on {queues.server.url} has the address {unknown[0]}; invite them, or correct it")
    answers, alive, brought = _Answers(users), set[str](), set(known)
    for queue in queues.all():
        broken = queue.refusal()
        if broken:
            raise UsageError(broken)
        name, expected = str(queue.project), (people.get(queue.reader) or "").lower() or None
        newest = queues.server.newest(queue.project)  # before the list: what changes meanwhile is later than this
        tasks = list(_annotated(queues.server, queue))
        here = {number for task in tasks for number in task.annotations}
        wanted = _changed(tasks, since.get(name))
        # What the server makes in bulk leaves no time on its task.
        wanted |= {task.task for task in tasks if not brought.issuperset(task.annotations)}
        for page in queues.server.some_tasks(queue.project, FIELDS, sorted(wanted)):
            for row in page:
                answers.take(queue, expected, row)
        alive |= here
        if newest is not None:
            now[name] = (newest, _digest(tasks, newest))
    gone = tuple(number for number in known if number not in alive)
    return Pulled(tuple(answers.found), gone, answers.refused, json.dumps(now, sort_keys=True))


def waiting(queues: Queues) -> Iterator[tuple[str, str, bool]]:
    """Every task: key, reader, whether it was answered or skipped."""
    for queue in queues.all():
        fields = ["meta", "total_annotations", "cancelled_annotations"]
        for page in queues.server.tasks(queue.project, fields):
            for row in page:
                meta = row.get("meta") or {}
                if KEY in meta:
                    answers = (row.get("total_annotations") or 0) + (row.get("cancelled_annotations") or 0)
                    yield str(meta[KEY]), queue.reader, answers > 0


def _annotated(server: Connection, queue: Queue) -> Iterator[_Task]:
    """Our tasks that have annotations, without what is in them."""
    for page in server.tasks(queue.project, ["meta", "updated_at", "annotations_ids"], [_ANNOTATED]):
        for row in page:
            if KEY in (row.get("meta") or {}):
                numbers = tuple(number.strip() for number in str(row["annotations_ids"]).split(","))
                yield _Task(row["id"], datetime.fromisoformat(row["updated_at"]), numbers)


def _changed(tasks: Sequence[_Task], since: Mark | None) -> set[int]:
    """Those that changed after `since`, and before it too where the border is not as it was."""
    if since is None:
        return {task.task for task in tasks}
    border = datetime.fromisoformat(since[0])
    if since[1] != _digest(tasks, since[0]):
        border -= OVERLAP
    return {task.task for task in tasks if task.moment > border}


def _digest(tasks: Sequence[_Task], moment: str) -> str:
    """What the last seconds before a moment held: which tasks, changed when."""
    border = datetime.fromisoformat(moment)
    held = [[task.task, task.moment.isoformat()] for task in tasks if border - OVERLAP < task.moment <= border]
    return hashlib.blake2b(json.dumps(held).encode(), digest_size=8).hexdigest()


def _user(annotation: Mapping[str, Any]) -> int:
    made_by = annotation.get("completed_by")
    return int(made_by.get("id", 0) if isinstance(made_by, Mapping) else made_by or 0)


def _read_cursor(cursor: str | None) -> dict[str, Mark]:
    if cursor is None:
        return {}
    try:
        marks = {str(project): (str(moment), str(held)) for project, (moment, held) in json.loads(cursor).items()}
        for moment, _ in marks.values():
            datetime.fromisoformat(moment)
    except (ValueError, AttributeError, TypeError) as error:
        raise UsageError(f"the cursor {cursor!r} is not one of Label Studio's; pull from the start") from error
    return marks
