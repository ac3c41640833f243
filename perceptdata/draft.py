"""Drafts: what a builder reads from a source, before the engine has checked anything.

    Draft(key="11", split="train", stage="visual_reasoning", question="<image>Find x.", answer=Answer(text="13"),
          images=[Path("11/img_diagram.png")])

A builder yields a `Draft` for each row it can read and a `BadRow` for each it cannot. The engine normalises texts
(NFC, LF), checks images from their headers, names the row, and makes it an `Example` or a reject.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from perceptdata.example import IMAGE, AllowedUse, Answer, FactsQuality, Image, Region, Stage, Turn
from perceptdata.spans import SpanSet


@dataclass(frozen=True, slots=True)
class ZipMember:
    """An image inside a zip file, read in place (nothing is ever extracted)."""

    archive: Path
    name: str


@dataclass(frozen=True, slots=True)
class FileIn:
    """A file named by a source, relative to the folder it must stay in."""

    root: Path
    name: str


ImageRef = bytes | Path | FileIn | ZipMember


@dataclass(frozen=True, slots=True)
class DraftResponse:
    """A chain of thought that the source brings besides its own rationale: a model's solution, right or wrong.

    `score` is the source's own verdict in [0, 1] where it has one.
    """

    text: str
    model: str | None = None
    score: float | None = None
    meta: Mapping[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Draft:
    """One row as its source has it. Only `key`, `stage`, `question` and `answer` are required.

    An image that is an `Image` is in the workspace already. `spans` are gold spans by text name (`response`, `facts`,
    `question`), with offsets into the text *as given here*. `captions` belong to the first image. `scores` become rows
    of the source's scores layer.
    """

    key: str
    stage: Stage
    question: str
    answer: Answer
    split: str = "train"
    twin: str | None = None
    group: str | None = None
    images: Sequence[ImageRef | Image] = ()
    choices: Sequence[str] = ()
    facts: str | None = None
    facts_quality: FactsQuality | None = None
    response: str | None = None
    regions: Sequence[Region] = ()
    history: Sequence[Turn] = ()
    meta: Mapping[str, Any] = field(default_factory=dict)
    corpus: str | None = None
    licence: str | None = None
    allowed_use: AllowedUse | None = None
    spans: Mapping[str, SpanSet] = field(default_factory=dict)
    responses: Sequence[DraftResponse] = ()
    captions: Sequence[str] = ()
    scores: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row the builder itself could not read. `code` is one of `errors.REASONS`, or `<builder>.<reason>`."""

    key: str
    code: str
    message: str
    split: str = "train"


def with_facts(question: str, facts: str) -> str:
    """The textual twin of a visual question: `facts` stand where the image stood."""
    return f"{question.replace(IMAGE, '').strip()}\n\nThe figure shows:\n{facts}"
