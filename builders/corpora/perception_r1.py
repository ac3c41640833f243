"""Perception-R1's data (Xiao et al. 2025, arXiv 2506.07218): Geometry3K with what a solver must see in the figure.

    perception_r1/train/<file>/<n>       a problem with its figure; `visual_key_info` are the facts

The visual annotations were drawn by a text model from right chains of thought of a stronger model, so they are
`reference` facts and may say less than the figure shows. The method rewards responses that agree with them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

from perceptdata.draft import BadRow, Draft
from perceptdata.errors import Rejected
from perceptdata.example import AllowedUse, Stage

from ..reading.literals import is_written_list, read_list
from .problem import problem
from .tabular import Row, Tabular


class PerceptionR1(Tabular):
    """Parquet or JSON lines in EasyR1's shape (`problem` or `prompt`, `images`, `answer`) with `visual_key_info`."""

    name: ClassVar[str] = "perception_r1"
    corpus: ClassVar[str] = "Perception-R1"
    licence: ClassVar[str] = "unstated"
    allowed_use: ClassVar[AllowedUse] = "research"
    stages: ClassVar[tuple[Stage, ...]] = ("visual_reasoning",)
    KEYS: ClassVar[Sequence[str]] = ("id",)
    EVALUATED: ClassVar[Sequence[str]] = ("test",)

    def examples(self, row: Row) -> Iterator[Draft | BadRow]:
        """The problem with its facts, one a line."""
        images = row.pictures("images", "image")
        if not images:
            raise Rejected("image.missing", "the row has no figure")
        draft = problem(row, row.text("problem", "prompt", "question"), row.text("answer"), images=images)
        seen = _annotations(row.get("visual_key_info", "visual_annotations"))
        if seen:
            draft.facts, draft.facts_quality = "\n".join(seen), "reference"
        yield draft


def _annotations(value: Any) -> list[str]:
    """A list, a list written as text, or one fact a line; numbers and bullets in front are taken off."""
    if value is None:
        return []
    lines = read_list(value) if isinstance(value, list | tuple) or is_written_list(value) else str(value).splitlines()
    return [text for text in (str(line).strip().lstrip("-•* ").strip() for line in lines) if text]
