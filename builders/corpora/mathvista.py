"""MathVista (Lu et al. 2024, arXiv 2310.02255): mathematics in pictures, drawn from 31 sets. For evaluation only.

    mathvista/<testmini|test>/<pid>     visual reasoning

The right choice is given as its text. A decimal answer counts within half a unit of its last stated place
(`precision`). The answers of `test` are withheld. Its terms forbid training.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from perceptdata.draft import Draft
from perceptdata.errors import Rejected
from perceptdata.example import AllowedUse, Answer, Stage

from ..reading.choices import read_choices
from .problem import plain_json, problem
from .tabular import Row, Tabular


class MathVista(Tabular):
    """`testmini.json`, a dict by pid, beside `images/`; or Parquet files of the hub."""

    name: ClassVar[str] = "mathvista"
    corpus: ClassVar[str] = "MathVista"
    licence: ClassVar[str] = "CC-BY-SA-4.0"
    allowed_use: ClassVar[AllowedUse] = "evaluate"
    stages: ClassVar[tuple[Stage, ...]] = ("visual_reasoning",)
    KEYS: ClassVar[Sequence[str]] = ("pid",)

    def split(self, row: Row) -> str:
        """The row's own, in its metadata."""
        metadata = row.get("metadata")
        return str((metadata.get("split") if isinstance(metadata, Mapping) else None) or row.split)

    def examples(self, row: Row) -> Iterator[Draft]:
        """One problem."""
        written = row.get("answer")
        if written is None or not str(written).strip():
            raise Rejected("answer.missing", "the row has no answer (test's are withheld)")
        pictures = row.pictures("decoded_image", "image")
        if not pictures:
            raise Rejected("image.missing", "the row has no picture")
        choices, metadata = read_choices(row.get("choices")), row.get("metadata")
        kept = ("question_type", "answer_type", "precision", "unit")
        meta = {name: row.get(name) for name in kept} | (dict(metadata) if isinstance(metadata, Mapping) else {})
        meta = {name: value for name, value in meta.items() if value not in (None, "", [])}
        draft = problem(row, row.text("question"), str(written), choices=choices, images=pictures)
        draft.meta = plain_json({**draft.meta, **meta})
        if not choices:
            draft.answer = _open(str(written).strip(), row, draft.answer)
        yield draft


def _open(text: str, row: Row, read: Answer) -> Answer:
    """By the answer's stated type; a float's tolerance by its stated number of places."""
    match str(row.get("answer_type") or ""):
        case "integer":
            return Answer(text=text, kind="number")
        case "float":
            return Answer(text=text, kind="number", tolerance=_half_a_place(row.get("precision")))
        case "list":
            return Answer(text=text, kind="structure")
    return read


def _half_a_place(precision: Any) -> float | None:
    try:
        return float(0.5 * 10.0 ** -int(float(precision)))
    except (TypeError, ValueError, OverflowError):
        return None
