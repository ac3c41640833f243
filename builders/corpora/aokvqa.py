"""A-OKVQA (Schwenk et al. 2022, arXiv 2206.01718): questions about COCO photographs that need knowledge of the world.

    aokvqa/<split>/<question_id>/choice     one of four choices (visual reasoning); a rationale is the response
    aokvqa/<split>/<question_id>/direct     the same without choices, judged by the ten people's answers

Rows marked `difficult_direct_answer` have no direct twin: people did not agree on words. Test has no answers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from perceptdata.draft import Draft
from perceptdata.errors import Rejected
from perceptdata.example import IMAGE, Answer, Stage

from ..reading.choices import index_of, read_choices
from ..reading.literals import read_list
from .consensus import consensus
from .tabular import Row, Tabular

COCO = ("2017", "2014")


class AOKVQA(Tabular):
    """`aokvqa_v1p0_<split>.json` with COCO's folders, or Parquet files of the hub. `images`: COCO's folder."""

    name: ClassVar[str] = "aokvqa"
    corpus: ClassVar[str] = "A-OKVQA"
    licence: ClassVar[str] = "Apache-2.0 AND LicenseRef-COCO-images"
    stages: ClassVar[tuple[Stage, ...]] = ("visual_reasoning",)
    FILES: ClassVar[Sequence[str]] = ("aokvqa*.json", "*.parquet")
    KEYS: ClassVar[Sequence[str]] = ("question_id",)
    EVALUATED: ClassVar[Sequence[str]] = ("val", "validation", "test")

    def split(self, row: Row) -> str:
        """The row's own `split` where it has one."""
        return str(row.get("split") or row.split)

    def examples(self, row: Row) -> Iterator[Draft]:
        """The question with its choices and without."""
        question, choices = row.text("question"), read_choices(row.get("choices"))
        index = row.get("correct_choice_idx")
        said = [str(each) for each in read_list(row.get("direct_answers") or [])]
        if index is None and not said:
            raise Rejected("answer.missing", "the row has no answer (test's are withheld)")
        why = [str(each).strip() for each in read_list(row.get("rationales") or []) if str(each).strip()]
        pictures, group = self._pictures_of(row)
        meta: Mapping[str, Any] = {"rationales": why} if why else {}
        if index is not None:
            number = index_of(index, choices, counted=True)
            answer = Answer(text=choices[number], kind="choice", index=number)
            chosen = Draft(row.key, "visual_reasoning", f"{IMAGE}{question}", answer, twin="choice", choices=choices)
            chosen.images, chosen.group, chosen.meta = pictures, group, {**meta, "correct_choice_idx": index}
            chosen.response = f"{why[0]}\n\nThe answer is {choices[number]}." if why else None
            yield chosen
        if said and str(row.get("difficult_direct_answer")).lower() != "true":
            direct = Draft(row.key, "visual_reasoning", f"{IMAGE}{question}", consensus(said), twin="direct")
            direct.images, direct.group, direct.meta = pictures, group, meta
            yield direct

    def _pictures_of(self, row: Row) -> tuple[Sequence[Any], str | None]:
        image = row.get("image_id")
        if row.get("image") is not None:
            return row.pictures("image"), None if image is None else f"coco/{image}"
        if not str(image).isdigit():
            raise Rejected("image.missing", f"the row has no picture, and image_id is {image!r}")
        split, number = self.split(row), f"{int(str(image)):012d}"
        names = [f"{split}{year}/{number}.jpg" for year in COCO]
        names += [f"{split}2014/COCO_{split}2014_{number}.jpg", f"images/{number}.jpg", f"{number}.jpg"]
        return [row.store.first(*names)], f"coco/{int(str(image))}"
