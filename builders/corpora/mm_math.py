"""MM-Math (Sun et al. 2024, arXiv 2404.05091): middle-school problems with figures and written solutions.

mm_math/train/MM_Math/0       a problem; its solution is the response, and the last box in it the answer
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from perceptdata.draft import BadRow, Draft
from perceptdata.example import Stage

from .problem import last_box, problem
from .tabular import Row, Tabular


class MMMath(Tabular):
    """`MM_Math.jsonl` with `Image.zip` or its folder beside it."""

    name: ClassVar[str] = "mm_math"
    corpus: ClassVar[str] = "MM-Math"
    licence: ClassVar[str] = "MIT"
    stages: ClassVar[tuple[Stage, ...]] = ("visual_reasoning", "textual_reasoning")

    def examples(self, row: Row) -> Iterator[Draft | BadRow]:
        """The problem; `meta` has its year, difficulty and field of knowledge."""
        solution = row.text("solution")
        last_box(solution)  # nothing else marks an answer here
        file = str(row.get("file_name") or "").strip()
        places = (file, f"Image/{file}", f"images/{file}", f"image/{file}", f"MM_Math/{file}")
        images = [row.store.first(*places)] if file else []
        meta = {name: row.get(name) for name in ("year", "difficult", "knowledge")}
        yield problem(row, row.text("question"), solution, images=images, response=solution, meta=meta)
