"""ArxivQA (Li et al. 2024, Multimodal ArXiv, arXiv 2403.00231): questions on figures of papers, written by a model.

    arxivqa/train/<id>       a figure, a question, lettered options, the letter, and a rationale

Options carry their letters in several ways (`A) …`, `B. …`) or not at all; labels are a letter, `[B]`, or the option
itself. What names no option is a reject. The rationale is the response.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar

from perceptdata.draft import BadRow, Draft
from perceptdata.errors import Rejected, UsageError
from perceptdata.example import Stage
from perceptdata.plugins import Part

from .problem import lettered, problem
from .tabular import Row, Tabular

_PACKED = "images.tgz"


class ArxivQA(Tabular):
    """`arxivqa.jsonl` with the unpacked `images/` (or a zip of it) beside it."""

    name: ClassVar[str] = "arxivqa"
    corpus: ClassVar[str] = "ArxivQA"
    licence: ClassVar[str] = "CC-BY-SA-4.0"
    stages: ClassVar[tuple[Stage, ...]] = ("visual_reasoning",)
    KEYS: ClassVar[Sequence[str]] = ("id",)

    def parts(self, source: Path | None) -> Sequence[Part]:
        """As of any corpus in rows. UsageError where the pictures want unpacking."""
        parts = super().parts(source)
        root = parts[0].root if parts else None
        if self.images is None and root and (root / _PACKED).is_file() and not (root / "images").is_dir():
            raise UsageError(
                f"{root / _PACKED} is packed, and its pictures are read one by one; first: tar xzf {_PACKED}"
            )
        return parts

    def examples(self, row: Row) -> Iterator[Draft | BadRow]:
        """The question."""
        options = row.need("options")
        choices = lettered(options)
        if len(choices) < 2:
            raise Rejected("field.invalid", f"the row has {len(choices)} options; a question needs two")
        images = row.pictures("image")
        if not images:
            raise Rejected("image.missing", "the row names no figure")
        label = row.text("label")
        raw = options if list(choices) != options else None
        yield problem(
            row,
            row.text("question"),
            label if label in choices else label.strip("[]() ."),
            choices=choices,
            images=images,
            response=row.get("rationale"),
            meta={"raw_choices": raw, "raw_answer": label if label not in choices else None},
        )
