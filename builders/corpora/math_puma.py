"""Math-PUMA's data (Zhuang et al. 2025, AAAI, arXiv 2408.08640): problems whose words move into the picture.

    math_puma/train/<file>/<n>             a picture, a question and its solution
    math_puma/train/<file>/<n>/picture     the twin that says the same with more of it in the picture

Rows are `image_url, instruction, output`. Where a row has `image_url_2, instruction_2, output_2` as well, the two are
one problem: they share a group. The answer is what the solution marks or states at its end; a solution that does
neither is the answer itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from perceptdata.draft import BadRow, Draft
from perceptdata.errors import Rejected
from perceptdata.example import AllowedUse, Stage

from .problem import problem
from .tabular import Row, Tabular


class MathPUMA(Tabular):
    """The JSON files of its stages, with the pictures in the folder that their paths start from."""

    name: ClassVar[str] = "math_puma"
    corpus: ClassVar[str] = "Math-PUMA"
    licence: ClassVar[str] = "unstated"
    allowed_use: ClassVar[AllowedUse] = "research"
    stages: ClassVar[tuple[Stage, ...]] = ("visual_reasoning", "textual_reasoning")

    def examples(self, row: Row) -> Iterator[Draft | BadRow]:
        """The problem, and its twin where it has one."""
        paired = row.get("instruction_2") is not None
        for end, twin in (("", None), ("_2", "picture")) if paired else (("", None),):
            try:
                draft = self._one(row, end)
            except Rejected as error:
                key = row.key if twin is None else f"{row.key}/{twin}"
                yield BadRow(key, error.code, f"{row.file.name}, {row.key}: {error.message}", row.split)
                continue
            draft.twin = twin
            draft.group = f"{self.name}/{row.split}/{row.key}" if paired else draft.group
            yield draft

    def _one(self, row: Row, end: str) -> Draft:
        written = row.text(f"output{end}")
        images = row.pictures(f"image_url{end}")
        draft = problem(row, row.text(f"instruction{end}"), written, images=images)
        if draft.answer.text != written and len(written) > len(draft.answer.text) + 20:
            draft.response = written
            draft.meta = {name: value for name, value in draft.meta.items() if name != "raw_answer"}
        return draft
