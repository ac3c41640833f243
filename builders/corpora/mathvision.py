"""MATH-Vision (Wang et al. 2024, arXiv 2402.14804): competition problems with pictures. For evaluation only.

    mathvision/<testmini|test>/<id>     visual reasoning

The answer is a letter or a value. A row may mention several pictures (`<image1>`, `<image2>`) and yet have one file, in
which they are stitched together. Some choices are letters alone: what they name is drawn. `testmini` is part of `test`,
and the same problem has the same group in both.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

from perceptdata.draft import Draft
from perceptdata.errors import Rejected
from perceptdata.example import AllowedUse, Stage

from ..reading.choices import read_choices
from .problem import problem
from .tabular import Row, Tabular


class MathVision(Tabular):
    """`test.jsonl` and `testmini.jsonl` beside `images/`, or Parquet files of the hub."""

    name: ClassVar[str] = "mathvision"
    corpus: ClassVar[str] = "MATH-Vision"
    licence: ClassVar[str] = "MIT"
    allowed_use: ClassVar[AllowedUse] = "evaluate"
    stages: ClassVar[tuple[Stage, ...]] = ("visual_reasoning",)
    KEYS: ClassVar[Sequence[str]] = ("id",)

    def examples(self, row: Row) -> Iterator[Draft]:
        """One problem; its solution, where it has one, is the response."""
        pictures = row.pictures("decoded_image", "image")
        if not pictures:
            raise Rejected("image.missing", "the row has no picture")
        solution = str(row.get("solution") or "").strip()
        draft = problem(
            row,
            row.text("question"),
            row.text("answer"),
            choices=read_choices(row.get("options")),
            images=pictures,
            response=solution or None,
            meta={"level": row.get("level"), "subject": row.get("subject")},
        )
        draft.group = f"mathvision/{row.key}"
        yield draft
