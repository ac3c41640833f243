"""Doctor: could people work there now? Asked of the server itself, by doing it once in a project of its own.

    reachable, version ─▶ key ─▶ screens ─▶ [a project: one task, one span over an emoji, one picture fetched] ─▶ queues

The project is deleted at the end, and at the next visit where this one was killed.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping

from perceptdata.errors import PerceptDataError
from perceptdata.review.backend import Finding, Task
from perceptdata.review.label_studio.connection import Connection
from perceptdata.review.label_studio.payloads import payload
from perceptdata.review.label_studio.pictures import Pictures
from perceptdata.review.label_studio.pulling import FIELDS
from perceptdata.review.label_studio.queues import Queue, Queues, mark, marked
from perceptdata.review.label_studio.readback import Unreadable, read
from perceptdata.review.label_studio.screens import load
from perceptdata.review.label_studio.server import MEDIA, VERSION

TEXT = "I see 👩🏽‍🌾 and 😀; <b>x</b> = $\\frac{1}{2}$."
WORD = "$\\frac{1}{2}$"
_PLACE = "doctor"
_SLOW_THUMBNAILS = 1000


def examine(queues: Queues, people: Mapping[str, str | None], pictures: Pictures, image: str | None) -> list[Finding]:
    """What was looked at, in order; it ends early where nothing further can be asked. `image` is one to fetch."""
    server, found = queues.server, []
    try:
        release = server.version()
        same = release.split(".")[:2] == VERSION.split(".")[:2]
        words = f"{server.url} runs {release}" + ("" if same else f"; this perceptdata was tested with {VERSION}")
        found.append(Finding("server", True, words))
        users = server.users()
    except PerceptDataError as error:
        return [*found, Finding("key" if found else "server", False, str(error))]
    found.append(Finding("key", True, f"a {key_kind(server.key)} that the server takes"))
    lost = sorted(address for address in people.values() if address and address.lower() not in users.values())
    said = f"nobody has the address {', '.join(lost)}; invite them" if lost else f"{len(users)} users"
    found.append(Finding("people", not lost, said))
    try:
        found += _tried(server, pictures, image)
        found += _queues(queues, image is not None and pictures.folder() is None)
    except PerceptDataError as error:
        found.append(Finding("queues", False, str(error)))
    return found


def key_kind(key: str) -> str:
    """`personal access token`, `access token` or `legacy token`, by the key's own looks."""
    parts = key.split(".")
    if len(parts) == 3:
        try:
            body = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        except ValueError:
            return "legacy token"
        return "personal access token" if body.get("token_type") == "refresh" else "short-lived access token"
    return "legacy token"


def _tried(server: Connection, pictures: Pictures, image: str | None) -> list[Finding]:
    """A project in which one task is pushed, annotated and read back, and its picture fetched."""
    for project in server.projects():
        if (marked(project.get("description")) or {}).get("place") == _PLACE:
            server.delete_project(project["id"])  # of a visit that was killed
    screen = load("spans")
    made = server.create_project("perceptdata doctor", mark(_PLACE, _PLACE, "spans"), screen.config)
    try:
        queue = Queue(made["id"], "perceptdata doctor", _PLACE, "spans", str(made.get("label_config") or ""), None)
        task = Task(key="doctor", reader=_PLACE, content="doctor", screen="spans", texts={"cot": TEXT}, image=image)
        folder = pictures.folder()
        if folder is not None:
            server.serve_folder(queue.project, folder)
        body = payload(task, pictures)
        (number,) = server.import_tasks(queue.project, [body])
        refused = queue.refusal()
        found = [Finding("screen", refused is None, refused or "the server keeps the labels as they are")]
        found.append(_span(server, queue, number))
        if image is not None:
            found.append(_picture(server, body["data"]["image"]))
        return found
    finally:
        server.delete_project(made["id"])


def _span(server: Connection, queue: Queue, number: int) -> Finding:
    start = TEXT.index(WORD)
    region = {
        "id": "r",
        "type": "labels",
        "from_name": "spans",
        "to_name": "cot",
        "value": {"start": start, "end": start + len(WORD), "labels": ["PERCEPTION"]},
    }
    server.annotate(number, [region])
    for page in server.tasks(queue.project, FIELDS, full=True):
        for row in page:
            try:
                (marked_up,) = read(queue, row, row["annotations"][0], None, None).regions
            except (Unreadable, ValueError, KeyError, IndexError) as error:
                return Finding("span", False, f"a span over an emoji came back unreadable: it {error}")
            word = TEXT[marked_up.start : marked_up.end]
            if word == WORD:
                return Finding("span", True, "a span behind an emoji came back on the same characters")
            return Finding(
                "span", False, f"a span of {WORD!r} came back as {word!r}: this server counts characters otherwise"
            )
    return Finding("span", False, "a task that was just imported is not in the list")


def _picture(server: Connection, address: str) -> Finding:
    if address.startswith("data:"):
        return Finding("images", True, f"thumbnails in the tasks; set {MEDIA} to show images in full")
    status, data = server.fetch(address)
    if status == 200 and data:
        return Finding("images", True, f"the server shows {address} ({len(data)} bytes)")
    return Finding(
        "images",
        False,
        f"the server answers {status} for {address}: start it with LABEL_STUDIO_LOCAL_FILES_SERVING_ENABLED=true and "
        f"LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT set to the folder in {MEDIA}, readable for it",
    )


def _queues(queues: Queues, thumbnails: bool) -> list[Finding]:
    queues.forget()
    found, titles = [], set()
    for queue in queues.all():
        titles.add(queue.title)
        refused = queue.refusal()
        number = queues.server.task_number(queue.project)
        words = f"{queue.title}: project {queue.project}, {number} tasks"
        if thumbnails and number > _SLOW_THUMBNAILS:
            words += f"; its images are thumbnails, and lists will be slow: set {MEDIA}"
        found.append(Finding("queue", refused is None, refused or words))
    for project in queues.server.projects():
        says = marked(project.get("description"))
        if project["title"] in titles and (says is None or says.get("place") != queues.place):
            found.append(
                Finding("queue", True, f"project {project['id']} has the same title and is not ours; it is left alone")
            )
    return found
