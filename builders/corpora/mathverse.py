"""MathVerse (Zhang et al. 2024, arXiv 2403.14624): problems in five versions, from all in text to all in the picture.

    mathverse/<file>/<sample_index>     visual reasoning; textual reasoning of the text-only file

For evaluation only. Choices stand in the question (`Choices:\\nA:…`). Versions share their problem's group. Where the
question is printed in the picture (`Vision Only`), the text asks to answer that; the choices are those of
`question_for_eval`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

from perceptdata.draft import Draft
from perceptdata.errors import Rejected
from perceptdata.example import AllowedUse, Stage

from ..reading.choices import inline_choices
from .problem import problem
from .tabular import Row, Tabular

IN_THE_PICTURE = "Answer the question that is printed in the picture."


class MathVerse(Tabular):
    """`testmini.json` beside `images/`, or Parquet files of the hub."""

    name: ClassVar[str] = "mathverse"
    corpus: ClassVar[str] = "MathVerse"
    licence: ClassVar[str] = "MIT"
    allowed_use: ClassVar[AllowedUse] = "evaluate"
    stages: ClassVar[tuple[Stage, ...]] = ("visual_reasoning", "textual_reasoning")
    KEYS: ClassVar[Sequence[str]] = ("sample_index",)

    def split(self, row: Row) -> str:
        """`testmini`, or `testmini_text_only`: both count their samples from 1."""
        return "testmini_text_only" if "text_only" in row.file.as_posix() else row.split

    def examples(self, row: Row) -> Iterator[Draft]:
        """One version of a problem."""
        version, pictures = str(row.get("problem_version") or ""), row.pictures("image")
        text_only = self.split(row).endswith("text_only")
        if not pictures and not text_only:
            raise Rejected("image.missing", "the row has no picture")
        asked, whole = str(row.get("question") or "").strip(), str(row.get("question_for_eval") or "").strip()
        printed = not asked and not text_only
        if not asked and not printed:
            asked = whole
        if not asked and not printed:
            raise Rejected("field.invalid", "the question is empty")
        block = inline_choices(whole) if printed else None
        meta: dict[str, Any] = {"problem_index": row.get("problem_index"), "problem_version": version}
        meta |= {name: row.get(name) for name in ("metadata", "question_type")}
        draft = problem(
            row,
            IN_THE_PICTURE if printed else asked,
            str(row.need("answer")),
            choices=block.choices if block else None,
            images=() if text_only else pictures,
            meta=meta,
        )
        draft.group = f"mathverse/{row.get('problem_index')}" if row.get("problem_index") is not None else draft.group
        yield draft
