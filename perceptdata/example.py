"""The example: one training item, frozen. Everything learned about it later is a row in a layer beside it.

    Example(id="nlvr/dev/1572-0", stage="visual_reasoning", group="nlvr/1572-0", images=(Image(...),),
            question="<image>Is it true that …?", answer=Answer(text="true", kind="choice", index=0), …)

`text_id` makes the address of one of its texts: `<example id>#question`, `#facts`, `#response`, or `#<step>/<sample>`
for a generated one; a caption belongs to an image, `img:<sha256>#<step>/<sample>`. Ids are percent-encoded, so an
address is split at its last `#`.
"""

from __future__ import annotations

from typing import Literal, NamedTuple
from urllib.parse import quote

from pydantic import Field, model_validator

from perceptdata.errors import Rejected, UsageError
from perceptdata.records import Int32, Json, Record

Stage = Literal["perception", "visual_reasoning", "textual_reasoning"]
STAGES: tuple[Stage, ...] = ("perception", "visual_reasoning", "textual_reasoning")

AnswerKind = Literal["choice", "number", "expression", "set", "text", "structure", "boxes"]
AllowedUse = Literal["train", "evaluate", "research"]
FactsQuality = Literal["oracle", "reference"]
Frame = Literal["pixel", "unit", "percent", "thousandth"]

UNSTATED = {"", "unstated", "unknown", "none", "n-a", "na", "other"}
"""What stands for no licence at all, in small letters."""

IMAGE = "<image>"
TEXTS = ("question", "facts", "response")


def use_under(licence: str, use: AllowedUse) -> AllowedUse:
    """What rows may be used for: as said, but no more than `research` where no licence is stated.

    Such rows can be trained on by whoever chooses to; they are published only by somebody who vouches for them.
    """
    return "research" if use == "train" and licence.strip().lower() in UNSTATED else use


class Image(Record):
    """A reference to bytes that the workspace stores once, by content."""

    sha256: str
    width: Int32
    height: Int32


class CheckerRef(Record):
    """Which checker scores an answer, by registry name, and with which arguments."""

    name: str
    args: Json = Field(default_factory=dict)


class Answer(Record):
    """The gold answer. `text` is one witness; where a `checker` is named, that decides.

    `index` counts from 0 into the example's choices. `accepts` lists other texts that are equally right. `tolerance` is
    absolute, in the unit of `unit`.
    """

    text: str
    kind: AnswerKind = "text"
    index: Int32 | None = None
    accepts: tuple[str, ...] = ()
    tolerance: float | None = None
    unit: str | None = None
    checker: CheckerRef | None = None


class Region(Record):
    """A labelled box (x0, y0, x1, y1) or point (x, y) on image number `image`, in the coordinate frame it names."""

    label: str
    coords: tuple[float, ...]
    frame: Frame = "pixel"
    image: Int32 = 0


class Turn(Record):
    """An earlier turn of the conversation that this example continues."""

    role: Literal["user", "assistant"]
    text: str


class Source(Record):
    """Where an example comes from, and what may be done with it."""

    builder: str
    version: str
    corpus: str
    split: str
    key: str
    licence: str
    allowed_use: AllowedUse = "train"


class Example(Record):
    """One training item. `group` names its image or scene: no view puts a group on both sides of a split.

    `question` has exactly one `<image>` for each image and never holds format instructions (formats add them).
    `facts` is the canonical perception text p*; `facts_quality` says whether it is exact by construction (`oracle`) or
    somebody's annotation (`reference`). `response` is the source's own chain of thought.
    """

    id: str = Field(min_length=1)
    stage: Stage
    group: str = Field(min_length=1)
    images: tuple[Image, ...] = ()
    question: str = Field(min_length=1)
    choices: tuple[str, ...] = ()
    answer: Answer
    facts: str | None = None
    facts_quality: FactsQuality | None = None
    response: str | None = None
    regions: tuple[Region, ...] = ()
    history: tuple[Turn, ...] = ()
    source: Source
    meta: Json = Field(default_factory=dict)

    @model_validator(mode="after")
    def _consistent(self) -> Example:
        asked = self.question.count(IMAGE) + sum(turn.text.count(IMAGE) for turn in self.history)
        if asked != len(self.images):
            raise Rejected(
                "image.placeholders",
                f"{asked} {IMAGE} in the question and history for {len(self.images)} images; give each exactly one",
            )
        index = self.answer.index
        if index is not None and not 0 <= index < len(self.choices):
            raise Rejected("answer.index", f"answer index {index} with {len(self.choices)} choices")
        return self

    def text(self, name: str) -> str | None:
        """One of the example's own texts: question, facts or response."""
        if name not in TEXTS:
            raise UsageError(f"an example has the texts {', '.join(TEXTS)}, not '{name}'")
        return getattr(self, name)


class TextAddress(NamedTuple):
    """A text address taken apart: the example id (or `img:<sha256>`), and the text's name within it."""

    owner: str
    name: str


def example_id(source: str, split: str, key: str, twin: str | None = None) -> str:
    """`<source>/<split>/<key>[/<twin>]`, percent-encoded; `/` inside a key stays.

    A source is called after its builder unless a recipe names it: two files of one user may both count from 0.
    """
    parts = [source, split, key] if twin is None else [source, split, key, twin]
    return "/".join(quote(part, safe="/:@!$&'()*+,;=~") for part in parts)


def text_id(owner: str, name: str, sample: int | None = None) -> str:
    """The address of a text: `text_id(id, "facts")`, or `text_id(id, "cot", 3)` for sample 3 of step `cot`."""
    return f"{owner}#{name}" if sample is None else f"{owner}#{name}/{sample}"


def split_text_id(address: str) -> TextAddress:
    """Take an address apart at its last `#`."""
    owner, mark, name = address.rpartition("#")
    if not (owner and mark and name):
        raise UsageError(f"'{address}' is not a text address; write <example id>#response or the like")
    return TextAddress(owner, name)
