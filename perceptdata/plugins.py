"""The kinds of plugin: what each must write, and nothing else.

    builder     read(part) -> drafts               a corpus, or a synthetic task family, as examples
                make(response, example) -> drafts  what a model wrote of an example, as new examples
    family      a synthetic task in one place      generate, facts, parse, draw, solve, check
    tagger      tag(texts) -> span sets            which clause perceives, which reasons
    captioner   caption(images) -> captions        what an image shows, in words
    judge       judge(captions) -> opinions        is what a caption claims there to be seen
    checker     score(answer, example) -> [0, 1]   is this answer right
    surrogate   score(rollouts) -> scores          how well a response perceives, where no scene is known
    exporter    export(view, folder) -> files      the shape another program reads
    format      see `perceptdata.formats`          how a response is written and taken apart

A plugin is a pydantic model: its fields are its options, so unknown options are refused, a recipe can set them, and
they enter the fingerprint. Batching, caching, progress, reject reasons and provenance are the engine's.
"""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from perceptdata.draft import BadRow, Draft
from perceptdata.errors import Rejected, UsageError
from perceptdata.example import AllowedUse, AnswerKind, CheckerRef, Example, Stage
from perceptdata.layers import LayerKind, Response
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

    `stop=None` means to the end. Parts decide the shards, so they must depend on the source alone. `root` is the source
    itself, for what stands beside the rows; `beside` are the other files of rows that are read with these: when one
    changes, the part is made again.
    """

    path: Path | None = None
    split: str = ""
    start: int = 0
    stop: int | None = None
    root: Path | None = None
    beside: tuple[Path, ...] = ()


class Mapped(NamedTuple):
    """What a builder takes a file's columns for: in words, and as plain JSON values."""

    file: str
    said: str
    columns: Mapping[str, Any]


class Builder(Plugin, ABC):
    """A corpus as drafts. One method to write: `read`.

    `licence` is an SPDX identifier or a short name; `allowed_use` says what the corpus may be used for, `stages` of
    which stages its examples are (none where it does not say). `SHARD` rows of a source make one part where `parts`
    cuts it by rows.
    """

    corpus: ClassVar[str]
    licence: ClassVar[str]
    allowed_use: ClassVar[AllowedUse] = "train"
    stages: ClassVar[tuple[Stage, ...]] = ()
    SHARD: ClassVar[int] = 4096

    def parts(self, source: Path | None) -> Sequence[Part]:
        """The source in parts that can be read in parallel, in a stable order. One part unless overridden."""
        if source is None:
            raise UsageError(f"{self.name} reads files: name their folder with --source")
        if not source.exists():
            raise UsageError(f"{source} does not exist; --source names the folder or file of {self.corpus}")
        return [Part(source)]

    def mapped(self, source: Path | None) -> Sequence[Mapped]:
        """What was concluded from looking at the source, said before anything is built; nothing where all is known."""
        return ()

    @abstractmethod
    def read(self, part: Part) -> Iterator[Draft | BadRow]:
        """The rows of one part, in order. Yield a `BadRow` for a row that cannot be read, and go on."""


class ResponseBuilder(Builder, ABC):
    """What a model wrote of examples, as examples of their own. One method to write: `make`.

    A recipe names the step that wrote: `{do: build, use: caption_mcq, from: writes}`. A draft may show the example's
    images (`example.images`), which are in the workspace already; corpus, licence and allowed use are the example's.
    """

    @abstractmethod
    def make(self, response: Response, example: Example) -> Iterator[Draft | BadRow]:
        """The drafts of one response. Raise `Rejected` with the reason that it makes none."""

    def parts(self, source: Path | None) -> Sequence[Part]:
        """There is nothing to read. Raises UsageError."""
        raise UsageError(
            f"{self.name} reads what a step wrote: name the step with 'from', in a recipe or --set from=STEP"
        )

    def read(self, part: Part) -> Iterator[Draft | BadRow]:
        """There is nothing to read: `parts` has said so."""
        raise UsageError(f"{self.name} reads no files")


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

    def check_claim(self, text: str, scene: Scene) -> bool | None:
        """Whether a clause about the image is true; None where it says nothing that can be checked exactly.

        Unless overridden, only a clause that states a whole scene can be.
        """
        stated = self.parse(text)
        return None if stated is None else stated == scene

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


@dataclass(frozen=True, slots=True)
class ImageItem:
    """One image to caption: its file, mapped and not copied, and the examples that show it."""

    sha256: str
    data: memoryview
    examples: tuple[Example, ...] = ()


@dataclass(frozen=True, slots=True)
class Captioned:
    """One caption as its captioner gives it; where a model wrote it, with what it took."""

    text: str
    finish_reason: str | None = None
    model: str | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cost: float | None = None
    meta: Mapping[str, Any] = field(default_factory=dict)


class Captioner(Plugin, ABC):
    """What images show, in words. One method to write: `caption`."""

    @abstractmethod
    def caption(self, images: Sequence[ImageItem]) -> list[list[Captioned | Rejected]]:
        """Of each image, in order, its captions; in the place of one that failed, why it did."""


class Claim(NamedTuple):
    """A stretch of a caption that is true or false by itself, in code points, and its kind (`verification.claims`)."""

    start: int
    end: int
    kind: str


@dataclass(frozen=True, slots=True)
class CaptionItem:
    """One caption to judge: its claims, its image, the examples that show it, and other captions of the same image.

    `meta` holds, by step, the texts of the layers that the judge reads.
    """

    text_id: str
    text: str
    claims: tuple[Claim, ...]
    image: str
    data: memoryview
    examples: tuple[Example, ...] = ()
    others: tuple[str, ...] = ()
    meta: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def claim(self, place: int) -> str:
        """The text of a claim."""
        return self.text[self.claims[place].start : self.claims[place].end]


@dataclass(frozen=True, slots=True)
class Opinion:
    """A judge's word on a claim: `supported`, `contradicted` or `not_visible`; or None, and `unjudged` says why.

    `score` is how sure the judge is that the claim is supported, in [0, 1]; `evidence` is quoted.
    """

    verdict: str | None
    score: float | None = None
    evidence: str | None = None
    unjudged: str | None = None
    meta: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Judged:
    """A judge's word on a caption: an opinion for each claim, or, of a judge of whole captions, a score in [0, 1] or
    the reason why there is none. `problem` is why some or all of it could not be used.
    """

    opinions: tuple[Opinion, ...] = ()
    score: float | None = None
    unscored: str | None = None
    meta: Mapping[str, Any] = field(default_factory=dict)
    problem: Rejected | None = None


class Judge(Plugin, ABC):
    """Are a caption's claims true of its image? One method to write: `judge`. It never raises on what a caption says.

    `whole` says that it scores captions as they are, without a word on single claims.
    """

    whole: ClassVar[bool] = False

    def reads(self) -> dict[str, LayerKind]:
        """The caption layers it needs beside the captions: name of the step, kind of the layer."""
        return {}

    @abstractmethod
    def judge(self, captions: Sequence[CaptionItem]) -> list[Judged]:
        """One a caption, in order."""


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


class Rollout(NamedTuple):
    """What a model wrote to an example, prefill included."""

    example: Example
    response: str


class Scored(NamedTuple):
    """In [0, 1]; or None, and why. `applies` is false where the example, whatever is answered, cannot be scored."""

    value: float | None
    reason: str | None = None
    applies: bool = True


class Surrogate(Plugin, ABC):
    """A reward that stands in for perception. One method to write: `score`.

    `grouped` says that it compares the rollouts of an example with each other, so that they must come in one batch.
    """

    grouped: ClassVar[bool] = False

    def prepare(self) -> None:
        """Load what scoring needs. Raises UsageError for what is not there, before a run begins."""
        return None

    def close(self) -> None:
        """End what scoring started, such as processes; asked again, it starts anew."""
        return None

    @abstractmethod
    def score(self, batch: Sequence[Rollout]) -> list[Scored]:
        """One a rollout, in order. Never raises on what a model wrote; what cannot be told is unscored, never 0."""


class Planned(NamedTuple):
    """What an export would hold: rows, and what there is to say of them, a sentence each; `about` in numbers."""

    rows: int
    notes: list[str]
    about: dict[str, Any]


class Exporter(Plugin, ABC):
    """A view in the shape another program reads."""

    def plan(self, view: Any) -> Planned:
        """What `export` would write, counted and not written."""
        return Planned(len(view), [], {})

    @abstractmethod
    def export(self, view: Any, to: Path) -> list[Path]:
        """Write `view` under the folder `to`; the files written."""


__all__ = [
    "BadRow",
    "Builder",
    "CaptionItem",
    "Captioned",
    "Captioner",
    "Checker",
    "Claim",
    "Draft",
    "Exporter",
    "Family",
    "ImageItem",
    "Judge",
    "Judged",
    "Mapped",
    "Opinion",
    "Part",
    "Planned",
    "Plugin",
    "Question",
    "ResponseBuilder",
    "Rollout",
    "Scored",
    "Solution",
    "Stage",
    "Surrogate",
    "Tagger",
    "TextItem",
]
