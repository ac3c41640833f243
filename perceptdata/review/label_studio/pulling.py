"""Pulling: what readers did since the last time, and what they took back.

    newest change ─▶ tasks changed since the cursor, less an overlap ─▶ annotations, or why not ─▶ what is gone

Tasks whose annotations nobody has brought yet are read whatever their time says, so lost state heals by itself.

The cursor is a time by the server's own clock for each project. It is taken before the list, so what changes during a
pull comes with the next one; and the next one looks some seconds further back, because a change is stamped before it
can be seen. So what is near the border comes twice, with the same id and the same time.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from perceptdata.errors import UsageError
from perceptdata.review.backend import Annotation, Pulled
from perceptdata.review.label_studio.connection import Connection, Row, condition
from perceptdata.review.label_studio.payloads import KEY
from perceptdata.review.label_studio.queues import Queue, Queues
from perceptdata.review.label_studio.readback import Unreadable, read

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
    since, now = _read_cursor(cursor), dict[str, str | None]()
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
        newest = queues.server.newest(queue.project)
        for row in _changed(queues.server, queue, since.get(name)):
            answers.take(queue, expected, row)
        there = _annotations(queues.server, queue)
        # What the server makes in bulk leaves no time on its task.
        unseen = sorted(
            {task for number, task in there.items() if number not in answers.seen and number not in brought}
        )
        for page in queues.server.some_tasks(queue.project, FIELDS, unseen):
            for row in page:
                answers.take(queue, expected, row)
        alive |= there.keys()
        now[name] = newest or since.get(name)
    gone = tuple(number for number in known if number not in alive)
    kept = {name: moment for name, moment in now.items() if moment}
    return Pulled(tuple(answers.found), gone, answers.refused, json.dumps(kept, sort_keys=True))


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


def _changed(server: Connection, queue: Queue, since: str | None) -> Iterator[Row]:
    """Our tasks with annotations that changed after the overlap before `since`."""
    where = [_ANNOTATED]
    if since is not None:
        moment = datetime.fromisoformat(since) - OVERLAP
        where.append(condition("updated_at", "greater", "Datetime", moment.isoformat().replace("+00:00", "Z")))
    for page in server.tasks(queue.project, FIELDS, where, full=True):
        yield from (row for row in page if KEY in (row.get("meta") or {}))


def _annotations(server: Connection, queue: Queue) -> dict[str, int]:
    """All annotations of our tasks, and the task of each."""
    found: dict[str, int] = {}
    for page in server.tasks(queue.project, ["meta", "annotations_ids"], [_ANNOTATED]):
        for row in page:
            if KEY in (row.get("meta") or {}):
                found |= {number.strip(): row["id"] for number in str(row["annotations_ids"]).split(",")}
    return found


def _user(annotation: Mapping[str, Any]) -> int:
    made_by = annotation.get("completed_by")
    return int(made_by.get("id", 0) if isinstance(made_by, Mapping) else made_by or 0)


def _read_cursor(cursor: str | None) -> dict[str, str]:
    if cursor is None:
        return {}
    try:
        moments = {str(project): str(moment) for project, moment in json.loads(cursor).items()}
        for moment in moments.values():
            datetime.fromisoformat(moment)
    except (ValueError, AttributeError) as error:
        raise UsageError(f"the cursor {cursor!r} is not one of Label Studio's; pull from the start") from error
    return moments
