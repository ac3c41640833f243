"""TextVQA (Singh et al. 2019, arXiv 1904.08920): questions about the text in photographs, each answered by ten people.

    textvqa/<split>/<question_id>       perception: the answer is read

The words that an OCR program found stand as the facts; it errs, so `facts_quality` is `reference`. Test has no answers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

from perceptdata.draft import Draft
from perceptdata.example import IMAGE, Stage

from ..reading.literals import read_list
from .consensus import consensus
from .tabular import Row, Tabular


class TextVQA(Tabular):
    """The original JSON files with their image folders, or Parquet files of the hub."""

    name: ClassVar[str] = "textvqa"
    corpus: ClassVar[str] = "TextVQA"
    licence: ClassVar[str] = "CC-BY-4.0"
    stages: ClassVar[tuple[Stage, ...]] = ("perception",)
    UNDER: ClassVar[Sequence[str]] = ("data",)
    KEYS: ClassVar[Sequence[str]] = ("question_id",)
    EVALUATED: ClassVar[Sequence[str]] = ("val", "validation", "test")

    def split(self, row: Row) -> str:
        """The row's own `set_name` where it has one."""
        return str(row.get("set_name") or row.split)

    def examples(self, row: Row) -> Iterator[Draft]:
        """The question with its ten answers, and the words in the picture."""
        image = str(row.need("image_id"))
        answer = consensus([str(each) for each in read_list(row.get("answers") or [])])
        words = [str(each).strip() for each in row.get("ocr_tokens") or []]
        folders = ("train_images", "test_images") if self.split(row) != "test" else ("test_images",)
        pictures = row.pictures("image") or [
            row.store.first(*(f"{folder}/{image}.jpg" for folder in folders), f"images/{image}.jpg", f"{image}.jpg")
        ]
        stated = words_stated([word for word in words if word])
        yield Draft(
            row.key,
            "perception",
            f"{IMAGE}{row.text('question')}",
            answer,
            group=f"openimages/{image}",
            images=pictures,
            facts=stated,
            facts_quality=None if stated is None else "reference",
            meta={"image_classes": list(row.get("image_classes") or [])} if row.get("image_classes") else {},
        )


def words_stated(words: Sequence[str]) -> str | None:
    """The words read in a picture as facts; None where there are none."""
    return "Text in the picture: " + " | ".join(words) if words else None
