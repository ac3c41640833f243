"""Where people read: what every place to review must do, and the records that go out and come back.

    tasks ──push──▶ a place where people work (Label Studio, files) ──pull──▶ annotations

A place is dumb on purpose. It shows tasks and hands back what was done, wholly or since a moment; which tasks there
are, who reads what, what counts as agreement and what becomes of the answers is decided here, alike for every place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

Screen = Literal["spans", "captions", "combined", "claims", "errors"]
"""What a task asks: labels in a trace; words, verdict, correction, rating of a caption; both; one claim's verdict; what
went wrong first in a trace whose answer is wrong."""
Origin = Literal["manual", "prediction", "prediction-changed"]
"""How a region came to be: by hand, pushed and left as it was, or pushed and changed."""


@dataclass(frozen=True, slots=True)
class Region:
    """A stretch of one of a task's texts, in code points of exactly the text that was pushed."""

    text: str
    """The field of the task that it lies in, such as `cot` or `caption`."""
    start: int
    end: int
    label: str
    score: float | None = None
    origin: Origin = "manual"


@dataclass(frozen=True, slots=True)
class Task:
    """One thing for one reader to look at. `(key, reader, content)` is what it is; nothing under it ever changes.

    A text that changes gives a task with another `content`, beside the old one and the annotations on it.
    """

    key: str
    """The text address, or the name of an audit's item: the same in every place."""
    reader: str
    """Whose queue it stands in."""
    content: str
    """The hash of everything that is shown, pre-annotation apart."""
    screen: Screen
    texts: Mapping[str, str]
    """What is shown, by field: `question`, the right `answer`, `cot`, `caption`, `claim`; `readings` where others have
    read before."""
    image: str | None = None
    """The sha256 of the picture in the workspace."""
    guesses: tuple[Region, ...] = ()
    """The pre-annotation; empty where the reader is to judge blind."""
    guessed_by: str | None = None
    """Producer and version of the pre-annotation; another version is pushed beside the old one."""
    verdict: str | None = None
    """A verdict to start from, where assisted."""
    focus: Region | None = None
    """A stretch to look at, shown and no answer: the claim within its caption."""


@dataclass(frozen=True, slots=True)
class Annotation:
    """What one reader did to one task, as the place has it now. `id` is unique in the place and stays."""

    id: str
    key: str
    reader: str
    content: str
    regions: tuple[Region, ...] = ()
    verdict: str | None = None
    correction: str | None = None
    rating: int | None = None
    note: str | None = None
    seconds: float | None = None
    skipped: bool = False
    updated: str = ""
    """When it was last changed, by the clock of the place, ISO 8601."""
    meta: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Pushed:
    """What a push did: tasks that were new, already there, new revisions of changed texts, new pre-annotations."""

    new: int = 0
    known: int = 0
    revised: int = 0
    guesses: int = 0


@dataclass(frozen=True, slots=True)
class Pulled:
    """What is new or changed since the cursor; `gone` are ids that are no more; `refused` says of each annotation that
    could not be taken why not, in a sentence. `cursor` is where the next pull goes on.
    """

    annotations: tuple[Annotation, ...] = ()
    gone: tuple[str, ...] = ()
    refused: Mapping[str, str] = field(default_factory=dict)
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that `doctor` looked at: whether it is well, and what to do where it is not."""

    name: str
    ok: bool
    message: str


class Backend(Protocol):
    """A place where people review. Every method may be killed at any moment and run again."""

    def push(self, tasks: Sequence[Task], on_progress: Callable[[int], None] = ...) -> Pushed:
        """Put tasks where their readers find them: those that are missing, and nothing twice. `on_progress` hears how
        many more are there.
        """
        ...

    def pull(self, cursor: str | None, known: Sequence[str]) -> Pulled:
        """What readers did since `cursor`. `known` are the ids that earlier pulls brought, so that deletions show."""
        ...

    def waiting(self) -> Iterator[tuple[str, str, bool]]:
        """Every task in the place: key, reader, and whether it has been answered or skipped."""
        ...

    def doctor(self) -> list[Finding]:
        """Whether people could work here now."""
        ...
