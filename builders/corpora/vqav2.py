"""VQAv2 (Goyal et al. 2017, arXiv 1612.00837): open questions about COCO photographs, each answered by ten people.

    vqav2/<split>/<question_id>         stage by the rules of plain VQA rows (perception or visual reasoning)

The original files are joined on question_id: `v2_OpenEnded_mscoco_train2014_questions.json` with its annotations, and
the picture `COCO_train2014_000000000009.jpg` in the image folder, or in its `train2014/`. The hub's rows hold all of
it. `multiple_choice_answer` is the most frequent answer; nothing here is multiple choice.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from perceptdata.draft import Draft, ImageRef
from perceptdata.errors import Rejected
from perceptdata.example import IMAGE, Stage

from ..reading.entries import Lookup
from ..reading.stage_rules import stage_of
from .consensus import consensus
from .tabular import Row, Tabular

_SUBSET = re.compile(r"(train|val|test)(?:-dev)?(\d{4})")


class VQAv2(Tabular):
    """The folder with the questions and annotations files, or Parquet files of the hub. `images`: COCO's folder."""

    name: ClassVar[str] = "vqav2"
    corpus: ClassVar[str] = "VQAv2"
    licence: ClassVar[str] = "CC-BY-4.0 AND LicenseRef-COCO-images"
    stages: ClassVar[tuple[Stage, ...]] = ("perception", "visual_reasoning")
    FILES: ClassVar[Sequence[str]] = ("*_questions.json", "*.parquet", "*.jsonl")
    UNDER: ClassVar[Sequence[str]] = ("questions",)
    KEYS: ClassVar[Sequence[str]] = ("question_id",)
    EVALUATED: ClassVar[Sequence[str]] = ("val", "validation", "test", "testdev")

    def split(self, row: Row) -> str:
        """What the file's name says, `train2014` included."""
        subset = _SUBSET.search(row.file.name)
        return subset[1] if subset else row.split

    def beside(self, file: Path, split: str) -> Sequence[Path]:
        """The annotations."""
        annotations = _annotations_of(file)
        return (annotations,) if annotations.is_file() and annotations != file else ()

    def examples(self, row: Row) -> Iterator[Draft]:
        """The question with its ten answers."""
        question = row.text("question")
        fields = row.fields if row.get("answers", "multiple_choice_answer") is not None else _annotation(row)
        people = fields.get("answers") or []
        said = [str(each.get("answer") if isinstance(each, Mapping) else each) for each in people]
        stated = fields.get("multiple_choice_answer")
        answer = consensus(said or [str(stated or "")], None if stated is None else str(stated))
        image = str(row.need("image_id"))
        kept = ("question_type", "answer_type", "multiple_choice_answer")
        stage, rule = stage_of(question, 1)
        yield Draft(
            row.key,
            stage,
            f"{IMAGE}{question}",
            answer,
            group=f"coco/{image}",
            images=_picture(row, image),
            meta={**{name: fields[name] for name in kept if fields.get(name)}, "stage_rule": rule.name},
        )


def _annotation(row: Row) -> Mapping[str, Any]:
    """The question's annotation. Raises Rejected where there is none: of test splits, they are withheld."""
    file = _annotations_of(row.file)
    if not file.is_file() or file == row.file:
        raise Rejected("answer.missing", f"there is no {file.name} beside the questions (test's is withheld)")
    found = Lookup.of(file, ("question_id",), ("annotations",)).find(row.need("question_id"))
    if not isinstance(found, Mapping):
        raise Rejected("answer.missing", f"{file.name} has no annotation of question {row.need('question_id')}")
    return found


def _annotations_of(questions: Path) -> Path:
    return questions.with_name(questions.name.replace("_questions", "_annotations").replace("OpenEnded_", ""))


def _picture(row: Row, image: str) -> list[ImageRef]:
    if row.get("image") is not None:
        return row.pictures("image")
    subset = _SUBSET.search(row.file.name)
    folder = f"{subset[1]}{subset[2]}" if subset else f"{row.split}2014"
    if not image.isdigit():
        raise Rejected("field.invalid", f"image_id is {image!r}, not a number")
    name = f"COCO_{folder}_{int(image):012d}.jpg"
    return [row.store.first(f"{folder}/{name}", f"images/{folder}/{name}", f"images/{name}", name)]
