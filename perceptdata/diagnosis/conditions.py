"""Conditions: what a model is shown of an item, and what its answers then tell.

| condition      | the picture    | the facts p*                         | its accuracy is                           |
|----------------|----------------|--------------------------------------|-------------------------------------------|
| `image`        | shown          | the model states them itself         | `a`; its descriptions give `a_p`          |
| `oracle`       | shown          | stand at the start of its own answer | `a_r`                                     |
| `facts`        | none           | stand in the question                | `a_r` as text only                        |
| `oracle_blank` | blank          | stand at the start of its own answer | `a_r` of a model that reads what it wrote |
| `blank`        | blank          | the model's own                      | what is left without sight                |
| `shuffled`     | another item's | the model's own                      | the same with a picture that misleads     |
| `removed`      | none           | the model's own                      | what the question alone gives away        |

`a`, `a_p` and `a_r` are those of arXiv 2605.29496: the end-to-end accuracy, how often the facts are recovered from the
picture, and how often the answer is right once the true facts are given.
"""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from perceptdata.errors import Rejected, UsageError
from perceptdata.formats import Format

Condition = Literal["image", "oracle", "facts", "oracle_blank", "blank", "shuffled", "removed"]
CONDITIONS: tuple[Condition, ...] = ("image", "oracle", "facts", "oracle_blank", "blank", "shuffled", "removed")
WITH_FACTS: tuple[Condition, ...] = ("oracle", "facts", "oracle_blank")
PREFILLED: tuple[Condition, ...] = ("oracle", "oracle_blank")
BLANKED: tuple[Condition, ...] = ("oracle_blank", "blank")

GREY = 127
_THOUGHT = "\ue000"  # stands for the reasoning while the text before it is found; no corpus holds it


def opened_with(form: Format, facts: str) -> str:
    """The start of a response in this format that describes the picture by the facts, up to where reasoning begins.

    Raises UsageError for a format without a description, Rejected `format.unwritable` for facts that it cannot hold.
    """
    if "description" not in form.blocks or "think" not in form.blocks:
        raise UsageError(
            f"the format {form.name} has no place for facts before the reasoning; "
            "diagnose in describe_think_boxed or facts_trace"
        )
    text = form.write("0", think=_THOUGHT, description=facts)
    if _THOUGHT not in text:
        raise Rejected("format.unwritable", f"{form.name} leaves the reasoning out")
    return text[: text.index(_THOUGHT)]


@dataclass(frozen=True, slots=True)
class Blank:
    """A grey picture of one size, as a pack stores it."""

    width: int
    height: int
    data: bytes
    sha256: str
    media_type: str = "image/png"


@lru_cache(maxsize=4096)
def blank(width: int, height: int) -> Blank:
    """A picture of this size that shows nothing. The same size gives the same bytes."""
    from PIL import Image

    sink = io.BytesIO()
    Image.new("L", (width, height), GREY).save(sink, "PNG")
    data = sink.getvalue()
    return Blank(width, height, data, hashlib.sha256(data).hexdigest())
