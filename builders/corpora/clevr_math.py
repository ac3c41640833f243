"""CLEVR-Math (Lindström and Abraham 2022, arXiv 2208.05358): "take away two red cubes: how many objects are left?"

clevr_math/train/general/train-00000/7       a picture of CLEVR, a question of adding or taking away, a number
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

from perceptdata.draft import BadRow, Draft
from perceptdata.errors import Rejected
from perceptdata.example import Stage

from .problem import problem
from .tabular import Row, Tabular


class CLEVRMath(Tabular):
    """The hub's rows `template, id, question, image, label`, of the configs general and multihop."""

    name: ClassVar[str] = "clevr_math"
    corpus: ClassVar[str] = "CLEVR-Math"
    licence: ClassVar[str] = "CC-BY-4.0"
    stages: ClassVar[tuple[Stage, ...]] = ("visual_reasoning",)
    EVALUATED: ClassVar[Sequence[str]] = ("test",)

    def examples(self, row: Row) -> Iterator[Draft | BadRow]:
        """The question; `meta.template` says what kind of problem it is."""
        label = row.need("label", "answer")
        if isinstance(label, bool) or not str(label).strip().isdigit():
            raise Rejected("field.invalid", f"the label is {label!r}, not a number of objects")
        images = row.pictures("image", "image_filename")
        if not images:
            raise Rejected("image.missing", "the row has no image, and its question is about one")
        meta = {"template": row.get("template", "template_filename"), "id": row.get("id")}
        yield problem(row, row.text("question"), str(label).strip(), choices=(), images=images, meta=meta)
