"""MMK12 and its forerunner (Meng et al. 2025, MM-Eureka, arXiv 2503.07365): school problems with a picture each.

    mmk12/train/<id>       the hub's rows: id, question, answer, subject, image
    mmk12/test/<id>        the repository's `k12.json`: id, question, answer, image_path
    mmk12/train/<id>       the older JSON lines: id, answer, and `message`, a conversation written as JSON text

Answers are blanks to fill, in `$…$` or not. A whole sentence (`… Therefore, it is: 25°.`) is kept as the response, and
what it states at its end is the answer. Several blanks (`1;10.5`) may be parted by commas, semicolons or lines.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from perceptdata.draft import BadRow, Draft, ImageRef
from perceptdata.errors import Rejected
from perceptdata.example import Stage

from .problem import final, problem
from .tabular import Row, Tabular

_BLANKS = re.compile(r"\s*[;；\n]\s*")
_PARTED_BY = ("\n", "; ", ";", ", ", " and ")


class MMK12(Tabular):
    """Any of the three layouts: files of the hub, the repository's `k12.json`, or MM-Eureka's JSON lines."""

    name: ClassVar[str] = "mmk12"
    corpus: ClassVar[str] = "MMK12"
    licence: ClassVar[str] = "Apache-2.0"
    stages: ClassVar[tuple[Stage, ...]] = ("visual_reasoning", "textual_reasoning")
    KEYS: ClassVar[Sequence[str]] = ("id",)
    EVALUATED: ClassVar[Sequence[str]] = ("test",)

    def split(self, row: Row) -> str:
        """What the file's name says; `k12.json` is the evaluation set."""
        return "test" if row.file.stem == "k12" else row.split

    def examples(self, row: Row) -> Iterator[Draft | BadRow]:
        """The problem."""
        message = row.get("message", "messages")
        if message is not None:
            question, images = _asked(message, row)
        else:
            question, images = row.text("question"), row.pictures("image", "image_path")
        written = row.text("answer")
        said = final(written)
        whole = written if len(written) > 2 * len(said) else None
        draft = problem(row, question, written, images=images, response=whole, meta={"subject": row.get("subject")})
        blanks = [blank for blank in _BLANKS.split(draft.answer.text) if blank]
        if not draft.choices and len(blanks) > 1:
            spelt = (mark.join(blanks) for mark in _PARTED_BY)
            accepts = tuple(
                text for text in dict.fromkeys([*draft.answer.accepts, *spelt]) if text != draft.answer.text
            )
            draft.answer = draft.answer.model_copy(update={"kind": "text", "accepts": accepts})
        yield draft


def _asked(message: Any, row: Row) -> tuple[str, list[ImageRef]]:
    """The last user turn of a conversation in JSON text: its words, and the pictures that stand among them."""
    try:
        turns = json.loads(message) if isinstance(message, str) else message
    except (ValueError, RecursionError) as error:
        raise Rejected("row.unreadable", f"message is not JSON: {error}") from None
    asked = [turn for turn in turns if _is_user(turn)] if isinstance(turns, list) else []
    if not asked:
        raise Rejected("field.invalid", "message has no user turn")
    content = asked[-1].get("content")
    parts = content if isinstance(content, list) else [{"type": "text", "text": content}]
    texts: list[str] = []
    images: list[ImageRef] = []
    for part in parts:
        if not isinstance(part, Mapping):
            raise Rejected("field.invalid", f"a part of message is a {type(part).__name__}, not an object")
        if part.get("type") == "image":
            images.append(_picture(str(part.get("image", "")), row))
            texts.append("<image>")
        else:
            texts.append(str(part.get("text") or ""))
    return "".join(texts), images


def _is_user(turn: Any) -> bool:
    return isinstance(turn, Mapping) and turn.get("role") == "user"


def _picture(name: str, row: Row) -> ImageRef:
    """The picture behind a path, which in these files begins with `file://` and is another machine's.

    Its longest end that leads to a file here is meant.
    """
    steps = name.removeprefix("file://").split("/")
    return row.store.first(*("/".join(steps[start:]) for start in range(name.startswith("file:///"), len(steps))))
