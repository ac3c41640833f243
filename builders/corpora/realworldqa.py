"""RealWorldQA (xAI 2024): questions about photographs of streets and rooms. For evaluation only.

    realworldqa/test/<file>/<n>         perception or visual reasoning, by the rules of plain VQA rows

Choices stand in the question, followed by an instruction on how to answer: both are taken out (`meta.raw_question`).
The answer is a letter, or a word or number.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

from perceptdata.draft import Draft
from perceptdata.errors import Rejected
from perceptdata.example import AllowedUse, Stage

from ..reading.stage_rules import stage_of
from .problem import problem
from .tabular import Row, Tabular

_INSTRUCTION = re.compile(r"\s*\b(?:please )?answer (?:directly )?with (?:only |a single )[^\n]*$", re.I)


class RealWorldQA(Tabular):
    """Parquet files of the hub, or a TSV file with base64 pictures."""

    name: ClassVar[str] = "realworldqa"
    corpus: ClassVar[str] = "RealWorldQA"
    licence: ClassVar[str] = "CC-BY-ND-4.0"
    allowed_use: ClassVar[AllowedUse] = "evaluate"
    stages: ClassVar[tuple[Stage, ...]] = ("perception", "visual_reasoning")
    KEYS: ClassVar[Sequence[str]] = ("index", "id")

    def split(self, row: Row) -> str:
        """There is one split."""
        return "test"

    def examples(self, row: Row) -> Iterator[Draft]:
        """One question."""
        pictures, raw = row.pictures("image"), row.text("question")
        if not pictures:
            raise Rejected("image.missing", "the row has no picture")
        question = _INSTRUCTION.sub("", raw).strip()
        stage, rule = stage_of(question, 1)
        meta: dict[str, Any] = {"stage_rule": rule.name}
        columns = tuple(str(row.get(letter)) for letter in "ABCD" if row.get(letter) is not None)
        draft = problem(
            row, question, row.text("answer"), choices=columns or None, images=pictures, meta=meta, stage=stage
        )
        if question != raw:
            draft.meta = {**draft.meta, "raw_question": raw}
        yield draft
