"""We-Math (Qiao et al. 2024, arXiv 2407.01284): problems and the steps that they are made of. For evaluation only.

    we_math/<split>/<ID>/<key>          visual reasoning; key is 2steps_1, 2steps_multi, 3steps_2 …

A problem and its steps have one `question number`, and so one group. Choices are one text, `A. x; B. y`, at times with
other separators or full-width marks. Column names come with spaces (`knowledge concept`) or underscores.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

from perceptdata.draft import Draft
from perceptdata.errors import Rejected
from perceptdata.example import AllowedUse, Stage

from ..reading.choices import read_choices
from .problem import problem
from .tabular import Row, Tabular


class WeMath(Tabular):
    """`testmini.json` beside its pictures, or Parquet files of the hub."""

    name: ClassVar[str] = "we_math"
    corpus: ClassVar[str] = "We-Math"
    licence: ClassVar[str] = "CC-BY-NC-4.0"
    allowed_use: ClassVar[AllowedUse] = "evaluate"
    stages: ClassVar[tuple[Stage, ...]] = ("visual_reasoning",)
    KEYS: ClassVar[Sequence[str]] = ("ID", "id", "problem_id")

    def split(self, row: Row) -> str:
        """The row's own `split` where it has one."""
        return str(row.get("split") or row.split)

    def examples(self, row: Row) -> Iterator[Draft]:
        """One problem, or one step of it."""
        pictures = row.pictures("image_path", "image", "image_file")
        if not pictures:
            raise Rejected("image.missing", "the row has no picture")
        raw, key = row.get("option", "options", "choices"), row.get("key", "step")
        number = _spelt(row, "question number")
        meta = {"key": key, "question_number": number, "raw_choices": raw}
        meta |= {
            name.replace(" ", "_"): _spelt(row, name) for name in ("knowledge concept", "knowledge concept description")
        }
        draft = problem(
            row, row.text("question"), row.text("answer"), choices=read_choices(raw), images=pictures, meta=meta
        )
        draft.twin = None if key is None else str(key)
        draft.group = None if number is None else f"we_math/{self.split(row)}/{number}"
        yield draft


def _spelt(row: Row, name: str) -> Any:
    """A field whose name may have underscores, or capitals, for its spaces."""
    return row.get(name, name.replace(" ", "_"), name.title(), name.title().replace(" ", "_"))
