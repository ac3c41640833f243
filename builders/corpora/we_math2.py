"""We-Math 2.0 (Qiao et al. 2025, arXiv 2508.10433): MathBook-Standard and MathBook-Pro.

    we_math2/<split>/<file>/<n>       a problem with its picture, its difficulty and points of knowledge

The rows of one question id are its variants; they share a group.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from perceptdata.draft import BadRow, Draft
from perceptdata.example import AllowedUse, Stage

from ..reading.choices import read_choices
from .problem import problem
from .tabular import Row, Tabular

_META = ("question_id", "difficulty", "knowledge points", "knowledge_points", "principle", "idx")


class WeMath2(Tabular):
    """The hub's files: `question_id, question, image, difficulty, "knowledge points", idx, answer`."""

    name: ClassVar[str] = "we_math2"
    corpus: ClassVar[str] = "We-Math 2.0"
    licence: ClassVar[str] = "CC-BY-NC-4.0"
    allowed_use: ClassVar[AllowedUse] = "research"
    stages: ClassVar[tuple[Stage, ...]] = ("visual_reasoning", "textual_reasoning")

    def examples(self, row: Row) -> Iterator[Draft | BadRow]:
        """The problem."""
        given = row.get("options", "option", "choices")
        problem_id = row.get("question_id")
        draft = problem(
            row,
            row.text("question", "problem"),
            row.text("answer"),
            choices=None if given is None else read_choices(given),
            images=row.pictures("image", "images"),
            meta={name.replace(" ", "_"): row.get(name) for name in _META if row.get(name) is not None},
        )
        draft.group = draft.group if problem_id is None else f"{self.name}/{problem_id}"
        yield draft
