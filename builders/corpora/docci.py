"""DOCCI (Onoe et al. 2024, arXiv 2404.19753): photographs with long descriptions that people wrote.

    docci/<split>/<example_id>          "describe the picture in detail" (perception)

The description is the answer, the facts (`reference`) and a gold caption of the picture. Nobody repeats 136 words: the
answer is there to train and to judge by, and rows of a reward set need a checker of captions instead.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

from perceptdata.draft import Draft
from perceptdata.example import IMAGE, Answer, Stage

from .tabular import Row, Tabular

DESCRIBE = "Describe this picture in detail."


class DOCCI(Tabular):
    """The folder with `docci_descriptions.jsonlines` and `images/`, or Parquet files with the pictures inside."""

    name: ClassVar[str] = "docci"
    corpus: ClassVar[str] = "DOCCI"
    licence: ClassVar[str] = "CC-BY-4.0"
    stages: ClassVar[tuple[Stage, ...]] = ("perception",)
    FILES: ClassVar[Sequence[str]] = ("*descriptions*.json*", "*.parquet")
    KEYS: ClassVar[Sequence[str]] = ("example_id",)

    def split(self, row: Row) -> str:
        """The row's own: train, test, qual_dev or qual_test."""
        return str(row.get("split") or row.split)

    def examples(self, row: Row) -> Iterator[Draft]:
        """One description."""
        text, name = row.text("description"), str(row.get("image_file") or f"{row.key}.jpg")
        yield Draft(
            row.key,
            "perception",
            f"{IMAGE}{DESCRIBE}",
            Answer(text=text),
            group=f"docci/{row.key}",
            images=row.pictures("image") or [row.store.first(f"images/{name}", name)],
            facts=text,
            facts_quality="reference",
            captions=(text,),
        )
