"""NLVR (Suhr et al. 2017, ACL): sentences about three boxes of shapes, with the exact scene.

    nlvr/<split>/<identifier>-<k>/sentence     is the sentence true of picture k? (visual reasoning)
    nlvr/<split>/<identifier>-<k>/text         the same from the scene's facts (textual reasoning)
    nlvr/<split>/<identifier>-<k>/facts        "state what the picture shows" (perception)
    nlvr/<split>/<identifier>-<k>/colour …     questions about single objects and boxes (perception)

Each identifier has up to six pictures, which differ in the order of the boxes (`nlvr_scene`); every picture that
exists makes its own examples, with the facts in the order it shows. Identifiers `n-0` to `n-3` were shown to one
writer together and share objects and sentence, so the group is `n`: permutations and neighbours never part.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from PIL import Image as Pillow
from PIL import UnidentifiedImageError

from perceptdata.draft import BadRow, Draft, FileIn, with_facts
from perceptdata.errors import Rejected, UsageError
from perceptdata.example import IMAGE, STAGES, Answer, Stage
from perceptdata.plugins import Builder, Part

from ..reading.records import read_records, record_index, stretches
from .nlvr_questions import ask
from .nlvr_scene import Boxes, box_order, facts, read_boxes

SPLITS = ("train", "dev", "test", "test2")
TRUTH = ("true", "false")

FRAME = (
    "Each box is 100 wide and 100 high. An object stands at (x, y), the distance of its frame's upper left corner from "
    "the box's left and upper edge. Small objects are 10 wide and high, medium ones 20, large ones 30."
)
STATE_FACTS = (
    "State what each box shows, from the left box to the right: every object's size, colour, shape and place (x, y). "
    f"{FRAME}"
)


class NLVR(Builder):
    """The corpus folder with `<split>/<split>.json` and `<split>/images/<directory>/`, or one split's folder."""

    name: ClassVar[str] = "nlvr"
    corpus: ClassVar[str] = "NLVR"
    licence: ClassVar[str] = "CC-BY-4.0"
    stages: ClassVar[tuple[Stage, ...]] = STAGES
    SHARD: ClassVar[int] = 256  # records a part; each has six pictures of about seven examples

    def parts(self, source: Path | None) -> Sequence[Part]:
        """Stretches of SHARD records of each split."""
        super().parts(source)
        assert source is not None  # refused above
        files = [folder / f"{split}.json" for folder in (source, *(source / s for s in SPLITS)) for split in SPLITS]
        files = [file for file in files if file.is_file()]
        if not files:
            raise UsageError(f"{source} holds no <split>/<split>.json; name the folder that has dev/dev.json")
        return [
            Part(file, file.stem, start, stop)
            for file in files
            for start, stop in stretches(record_index(file, self.SHARD).rows, self.SHARD)
        ]

    def read(self, part: Part) -> Iterator[Draft | BadRow]:
        """The examples of each record, picture by picture."""
        assert part.path is not None  # parts() always sets it
        for row in read_records(part.path, part.start, part.stop, self.SHARD):
            key = f"line-{row.line}"
            try:
                record = _parse(row.data)
                key = str(record["identifier"])
                yield from self._pictures(record, key, part.path.parent / "images", part.split)
            except Rejected as error:
                yield BadRow(key, error.code, f"{part.path.name}, line {row.line}: {error.message}", part.split)

    def _pictures(self, record: Mapping[str, Any], key: str, images: Path, split: str) -> Iterator[Draft | BadRow]:
        boxes = read_boxes(record["structured_rep"])
        label = str(record["label"]).lower()
        if label not in TRUTH:
            raise Rejected("answer.missing", f"the label is '{record['label']}', neither true nor false")
        names = [f"{record['directory']}/{split}-{key}-{number}.png" for number in range(6)]
        present = [number for number, name in enumerate(names) if (images / name).is_file()]
        if not present:
            raise Rejected("image.missing", f"none of the six pictures {images / names[0]} … exists")
        for number in present:
            try:
                shown = _as_shown(images / names[number], boxes, number)
            except Rejected as error:
                yield BadRow(f"{key}-{number}", error.code, error.message, split)
                continue
            picture = FileIn(images, names[number])
            for draft in self._examples(str(record["sentence"]).strip(), label, shown, f"{key}-{number}"):
                draft.split = split
                draft.group = f"nlvr/{split}/{key.rpartition('-')[0] or key}"
                draft.facts, draft.facts_quality = facts(shown), "oracle"
                draft.images = () if draft.stage == "textual_reasoning" else [picture]
                yield draft

    def _examples(self, sentence: str, label: str, boxes: Boxes, key: str) -> Iterator[Draft]:
        stated = facts(boxes)
        question = f'Is this sentence true of the three boxes? "{sentence}"'
        truth = Answer(text=label, kind="choice", index=TRUTH.index(label))
        yield Draft(key, "visual_reasoning", f"{IMAGE}{question}", truth, twin="sentence", choices=TRUTH)
        textual = with_facts(f"{question} {FRAME}", stated)
        yield Draft(key, "textual_reasoning", textual, truth, twin="text", choices=TRUTH)
        whole = Answer(text=stated, kind="structure")
        yield Draft(key, "perception", f"{IMAGE}{STATE_FACTS}", whole, twin="facts")
        for asked in ask(boxes, f"{self.name}/{self.version}/{key}"):
            question = f"{IMAGE}{asked.text}"
            yield Draft(key, "perception", question, asked.answer, twin=asked.twin, choices=asked.choices)


def _parse(line: bytes) -> Mapping[str, Any]:
    try:
        record = json.loads(line)
    except ValueError as error:
        raise Rejected("row.unreadable", f"not JSON: {error}") from None
    needed = ("identifier", "directory", "sentence", "label", "structured_rep")
    missing = [name for name in needed if not isinstance(record, dict) or name not in record]
    if missing:
        raise Rejected("field.invalid", f"the record lacks {', '.join(missing)}")
    return record


def _as_shown(path: Path, boxes: Boxes, number: int) -> Boxes:
    """The boxes from left to right, as the picture shows them."""
    try:
        with Pillow.open(path) as image:
            pixels = np.asarray(image.convert("RGB"))
    except (OSError, UnidentifiedImageError, Pillow.DecompressionBombError) as error:
        raise Rejected("image.unreadable", f"{path} cannot be read as an image: {error}") from None
    order = box_order(pixels, boxes, number)
    if order is None:
        raise Rejected("nlvr.box_order", f"{path} shows the boxes of its record in none of the six orders")
    left, middle, right = (boxes[i] for i in order)
    return (left, middle, right)
