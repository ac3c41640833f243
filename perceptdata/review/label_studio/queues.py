"""Queues: a project for each reader and screen of a review.

The Community edition cannot assign tasks. A project each is what its people understand: it stands on their start page
with its progress, "Label All Tasks" gives them theirs and nobody else's, and it stays small, so that lists and imports
stay fast. One project with a filtered tab a person would be one click away from other people's tasks.

A project is known by the mark in its description, not by its title: titles are for people and need not be unique. The
mark names the place, an id that is drawn once for each review and kept beside it, so that two workspaces whose reviews
are called the same share a server in peace.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from perceptdata.errors import PerceptDataError, UsageError
from perceptdata.review.backend import Screen as ScreenName
from perceptdata.review.label_studio.connection import Connection
from perceptdata.review.label_studio.screens import difference, load

MARK = "perceptdata/1"
_TITLE = 50  # characters; the server takes no longer ones


@dataclass(frozen=True, slots=True)
class Queue:
    """One reader's project for one screen."""

    project: int
    title: str
    reader: str
    screen: ScreenName
    config: str
    version: str | None
    """The version of the pre-annotations that it shows."""

    def refusal(self) -> str | None:
        """Why its answers could not be read, where somebody has changed what can be answered."""
        changed = difference(load(self.screen), self.config)
        return changed and (
            f"project {self.project} '{self.title}' no longer asks what screen '{self.screen}' asks: {changed}; put "
            "the labels back in its Settings, Labeling Interface"
        )


def place_id(folder: Path) -> str:
    """The id of a review's place, drawn at the first call and kept in `label_studio.json`. Raises PerceptDataError."""
    file = folder / "label_studio.json"
    if file.exists():
        try:
            return str(json.loads(file.read_text(encoding="utf-8"))["place"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise PerceptDataError(
                f"{file} cannot be read ({error}); it names the projects of this review, so restore it from a copy"
            ) from error
    drawn = secrets.token_hex(8)
    folder.mkdir(parents=True, exist_ok=True)
    fresh = file.with_suffix(".new")
    fresh.write_text(json.dumps({"place": drawn}) + "\n", encoding="utf-8")
    fresh.replace(file)  # before anything is made under this id
    return drawn


def mark(place: str, reader: str, screen: str) -> str:
    """The line of a project's description that says whose it is."""
    return f"{MARK} place={quote(place, safe='')} reader={quote(reader, safe='')} screen={screen}"


def marked(description: str | None) -> dict[str, str] | None:
    """What a mark says; None where there is none."""
    for line in (description or "").splitlines():
        words = line.split()
        if words[:1] == [MARK]:
            pairs = (word.partition("=") for word in words[1:])
            return {name: unquote(value) for name, _, value in pairs}
    return None


class Queues:
    """The projects of one review, as they are on the server now."""

    def __init__(self, server: Connection, place: str, review: str) -> None:
        self.server, self.place, self.review = server, place, review
        self._known: dict[tuple[str, str], Queue] | None = None

    def all(self) -> list[Queue]:
        """All of them, by project. Raises UsageError where two projects bear one mark."""
        return sorted(self._load().values(), key=lambda queue: queue.project)

    def get(self, reader: str, screen: ScreenName) -> Queue:
        """One reader's queue, made where there is none."""
        known = self._load()
        if (reader, screen) not in known:
            title = f"{self.review} - {reader}"
            others = {queue.title for queue in known.values()}
            title = title if title not in others else f"{title} ({screen})"
            words = f"What {reader} is to read for review '{self.review}'. The next line is how it is found again.\n"
            made = self.server.create_project(
                title[:_TITLE].ljust(3, "-"), words + mark(self.place, reader, screen), load(screen).config
            )
            known[reader, screen] = _queue(made, reader, screen)
        return known[reader, screen]

    def forget(self) -> None:
        """Ask the server again the next time."""
        self._known = None

    def _load(self) -> dict[tuple[str, str], Queue]:
        if self._known is None:
            found: dict[tuple[str, str], Queue] = {}
            for project in self.server.projects():
                says = marked(project.get("description"))
                if says is None or says.get("place") != self.place:
                    continue
                whose: Any = (says.get("reader", ""), says.get("screen", ""))
                queue = _queue(project, *whose)
                if whose in found:
                    raise UsageError(
                        f"projects {found[whose].project} and {queue.project} both say that they are {queue.reader}'s "
                        f"queue of review '{self.review}': delete one, or empty the description of the copy"
                    )
                found[whose] = queue
            self._known = found
        return self._known


def _queue(project: dict[str, Any], reader: str, screen: ScreenName) -> Queue:
    return Queue(
        project=int(project["id"]),
        title=str(project.get("title")),
        reader=reader,
        screen=screen,
        config=str(project.get("label_config") or ""),
        version=project.get("model_version") or None,
    )
