"""The kinds of plugin: what each must write, and nothing else.

    builder     read(part) -> drafts               a corpus, or a synthetic task family, as examples
    family      a synthetic task in one place      generate, facts, parse, draw, solve, check
    tagger      tag(texts) -> span sets            which clause perceives, which reasons
    checker     score(answer, example) -> [0, 1]   is this answer right
    exporter    export(view, folder) -> files      the shape another program reads
    format      see `perceptdata.formats`          how a response is written and taken apart

A plugin is a pydantic model: its fields are its options, so unknown options are refused, a recipe can set them, and
they enter the fingerprint. Batching, caching, progress, reject reasons and provenance are the engine's.
"""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from perceptdata.draft import BadRow, Draft
from perceptdata.errors import UsageError
from perceptdata.example import AllowedUse, AnswerKind, CheckerRef, Example, Stage
from perceptdata.layers import LayerKind
from perceptdata.spans import PRO, Scheme, SpanSet


class Plugin(BaseModel):
    """Options as fields; name and version as class attributes. Raise `version` when the output changes."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: ClassVar[str]
    version: ClassVar[str] = "1"

    def options(self) -> dict[str, Any]:
        """What enters the fingerprint: every option as plain JSON values, but paths (a corpus is the same anywhere)."""
        paths = {name for name in type(self).model_fields if isinstance(getattr(self, name), Path)}
        return self.model_dump(mode="json", exclude=paths)


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of a source that one worker reads alone.

    Rows `[start, stop)` of `path`, or of a split that has no file.

    `stop=None` means to the end. Parts decide the shards, so they must depend on the source alone.
    """

    path: Path | None = None
    split: str = ""
    start: int = 0
    stop: int | None = None


class Builder(Plugin, ABC):
    """A corpus as drafts. One method to write: `read`.

    `licence` is an SPDX identifier or a short name; `allowed_use` says what the corpus may be used for. `SHARD` rows
    of a source make one part where `parts` cuts it by rows.
    """

    corpus: ClassVar[str]
    licence: ClassVar[str]
    allowed_use: ClassVar[AllowedUse] = "train"
    SHARD: ClassVar[int] = 4096

    def parts(self, source: Path | None) -> Sequence[Part]:
        """The source in parts that can be read in parallel, in a stable order. One part unless overridden."""
        if source is None:
            raise UsageError(f"{self.name} reads files: name their folder with --source")
        if not source.exists():
            raise UsageError(f"{source} does not exist; --source names the folder or file of {self.corpus}")
        return [Part(source)]

    @abstractmethod
    def read(self, part: Part) -> Iterator[Draft | BadRow]:
        """The rows of one part, in order. Yield a `BadRow` for a row that cannot be read, and go on."""


Scene = TypeVar("Scene", bound=Hashable)


class Solution(NamedTuple):
    """A solver's work: the final answer as text, and the trace that leads to it (reasoning only, no perception)."""

    answer: str
    trace: str


class Question(NamedTuple):
    """A question about a scene that perception alone answers."""

    twin: str
    text: str
    answer: str
    kind: AnswerKind = "text"
    choices: tuple[str, ...] = ()
    checker: CheckerRef | None = None


class Family(Plugin, ABC, Generic[Scene]):
    """A synthetic task: scenes that are drawn, described, solved and checked by one class.

    Builders, checkers, the oracle judge, solver and render surrogates and diagnosis all use it. A scene is immutable
    and hashable. For every scene `parse(facts(scene)) == scene`.
    """

    corpus: ClassVar[str]

    @abstractmethod
    def generate(self, rng: random.Random) -> Scene:
        """A random scene; all randomness comes from `rng`."""

    @abstractmethod
    def canonical(self, scene: Scene) -> str:
        """The text whose hash says which scenes are the same one (labelled edge set, solution grid)."""

    @abstractmethod
    def facts(self, scene: Scene) -> str:
        """The canonical perception text p*."""

    @abstractmethod
    def parse(self, text: str) -> Scene | None:
        """The scene that a perception text states, or None when it states none. Accepts what models write."""

    @abstractmethod
    def draw(self, scene: Scene, rng: random.Random) -> bytes:
        """The scene as an image file."""

    @abstractmethod
    def solve(self, scene: Scene, rng: random.Random) -> Solution:
        """A right answer and the reasoning to it."""

    @abstractmethod
    def check(self, answer: str, scene: Scene, dense: bool = False) -> float:
        """`a`: 1.0 iff the answer satisfies the scene's constraints. `dense` gives partial credit in [0, 1]."""

    @abstractmethod
    def check_perception(self, text: str, scene: Scene, dense: bool = False) -> float:
        """`a_p`: 1.0 iff the text states exactly the scene. `dense` gives partial credit in [0, 1]."""

    @abstractmethod
    def ask(self, scene: Scene) -> str:
        """The task in words, without the image placeholder, the facts, or format instructions."""

    @abstractmethod
    def ask_perception(self, scene: Scene, rng: random.Random) -> list[Question]:
        """Questions that looking alone answers; the first asks for the facts whole."""


@dataclass(slots=True)
class TextItem:
    """One text to tag. `start` and `end` are its clauses (int32, code points); `label` holds what earlier taggers of
    the chain said of each clause (-1 where nothing yet), `score` how sure they were.
    """

    text_id: str
    text: str
    example: Example | None
    start: NDArray[np.int32]
    end: NDArray[np.int32]
    label: NDArray[np.int8]
    score: NDArray[np.float32]
    meta: dict[str, Any] = field(default_factory=dict)


class Tagger(Plugin, ABC):
    """Labels for clauses. One method to write: `tag`.

    `splits` says that its spans may cut a clause.
    """

    scheme: ClassVar[Scheme] = PRO
    splits: ClassVar[bool] = False

    def reads(self) -> dict[str, LayerKind]:
        """The layers it needs beside the texts: name of the step, kind of the layer. Their rows are in `meta[step]`."""
        return {}

    @abstractmethod
    def tag(self, texts: Sequence[TextItem]) -> list[SpanSet]:
        """One span set a text, in order. A span covers whole clauses; clauses left out stay unlabelled."""


class Checker(Plugin, ABC):
    """Is an answer right? Never raises on what a model wrote."""

    @abstractmethod
    def score(self, answer: str, example: Example) -> float:
        """In [0, 1]; 0.0 for an answer that cannot be read. `answer` is the extracted answer, not the response."""

    def best(self, example: Example) -> float:
        """The highest score that any answer can get; below 1.0 only where the gold answer is several people's, who
        disagree.
        """
        return 1.0


class Exporter(Plugin, ABC):
    """A view in the shape another program reads."""

    @abstractmethod
    def export(self, view: Any, to: Path) -> list[Path]:
        """Write `view` under the folder `to`; the files written."""


__all__ = [
    "BadRow",
    "Builder",
    "Checker",
    "Draft",
    "Exporter",
    "Family",
    "Part",
    "Plugin",
    "Question",
    "Solution",
    "Stage",
    "Tagger",
    "TextItem",
]
