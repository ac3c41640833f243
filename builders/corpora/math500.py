"""MATH-500 (Lightman et al. 2023, arXiv 2305.20050): the 500 problems of MATH's test set that evaluations use.

math500/test/precalculus/807       problem, solution, answer; for evaluation alone
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import ClassVar

from perceptdata.draft import BadRow, Draft
from perceptdata.example import AllowedUse, Stage

from .problem import problem
from .tabular import Row, Tabular


class MATH500(Tabular):
    """Rows of `problem, solution, answer, subject, level, unique_id`."""

    name: ClassVar[str] = "math500"
    corpus: ClassVar[str] = "MATH-500"
    licence: ClassVar[str] = "MIT"
    allowed_use: ClassVar[AllowedUse] = "evaluate"
    stages: ClassVar[tuple[Stage, ...]] = ("textual_reasoning",)
    KEYS: ClassVar[Sequence[str]] = ("unique_id",)

    def split(self, row: Row) -> str:
        """All of it is a test set."""
        return "test"

    def examples(self, row: Row) -> Iterator[Draft | BadRow]:
        """The problem."""
        own = replace(row, key=row.key.removeprefix("test/").removesuffix(".json"))
        meta = {"subject": row.get("subject", "type"), "level": row.get("level", "difficulty")}
        written, solution = row.text("answer"), row.get("solution")
        yield problem(own, row.text("problem"), written, choices=(), response=solution, meta=meta)
