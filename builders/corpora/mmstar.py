"""MMStar (Chen et al. 2024, arXiv 2403.20330): questions chosen so that the picture is needed. For evaluation only.

    mmstar/val/<index>                  perception or visual reasoning, by the row's category

Choices stand in the question, on lines of their own or behind `Options:` on one; the TSV form has them in columns.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar

from perceptdata.draft import Draft
from perceptdata.errors import Rejected
from perceptdata.example import AllowedUse, Stage

from ..reading.choices import LETTERS, read_choices
from .problem import problem
from .tabular import Row, Tabular

_OPTIONS = re.compile(r"\s*\b(?:options|choices)\s*[:：]\s*(?=[(（]?A\s*[.．:：)）])", re.I)


class MMStar(Tabular):
    """Parquet files of the hub, or the TSV file with base64 pictures."""

    name: ClassVar[str] = "mmstar"
    corpus: ClassVar[str] = "MMStar"
    licence: ClassVar[str] = "unstated"
    allowed_use: ClassVar[AllowedUse] = "evaluate"
    stages: ClassVar[tuple[Stage, ...]] = ("perception", "visual_reasoning")
    KEYS: ClassVar[Sequence[str]] = ("index",)

    def files(self, source: Path) -> list[Path]:
        """The repository holds every row twice: the Parquet files win over the TSV file."""
        found = super().files(source)
        return [file for file in found if file.suffix == ".parquet"] or found

    def split(self, row: Row) -> str:
        """There is one split, and the TSV file does not name it."""
        return "val"

    def examples(self, row: Row) -> Iterator[Draft]:
        """One question."""
        pictures, question = row.pictures("image"), row.text("question")
        if not pictures:
            raise Rejected("image.missing", "the row has no picture")
        columns = tuple(str(row.get(letter)) for letter in LETTERS if row.get(letter) is not None)
        meta = {name: row.get(name) for name in ("category", "l2_category", "meta_info")}
        choices = columns or None
        if not columns and (block := _OPTIONS.search(question)):
            meta["raw_question"] = question
            choices, question = read_choices(question[block.end() :]), question[: block.start()]
        seen = "perception" in str(meta["category"]).lower()
        stage: Stage = "perception" if seen else "visual_reasoning"
        yield problem(row, question, row.text("answer"), choices=choices, images=pictures, meta=meta, stage=stage)
