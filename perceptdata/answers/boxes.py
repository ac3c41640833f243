"""Boxes: each gold box met by one box of the answer, at an overlap (intersection over union) of at least `iou`.

    Boxes(frame="pixel", answer_frame="thousandth").score('[{"bbox_2d": [10, 20, 300, 400]}]', example)

A box is x0, y0, x1, y1: alone, in a list, or in an object under `bbox_2d`, `bbox`, `box` or `coords`, with a `label`
that must then agree where the gold box has one. Frames are turned into each other with the size of the example's first
image, since one model answers in pixels and another in thousandths.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple

from pydantic import Field

from perceptdata.answers.notation import plain
from perceptdata.answers.structures import Unreadable, load
from perceptdata.errors import UsageError
from perceptdata.example import Example, Frame
from perceptdata.plugins import Checker

KEYS = ("bbox_2d", "bbox", "box", "coords")
MAX_BOXES = 256
_WHOLE = {"unit": 1.0, "percent": 100.0, "thousandth": 1000.0}


class Box(NamedTuple):
    """Corners with x0 <= x1 and y0 <= y1, and a label or nothing."""

    x0: float
    y0: float
    x1: float
    y1: float
    label: str = ""


class Boxes(Checker):
    """Right where boxes match one to one. `dense` gives 2 · matched / (gold + said), the F1 of the boxes, instead.

    `frame` is the gold answer's coordinate frame, `answer_frame` the model's (the same unless given).
    """

    name: ClassVar[str] = "boxes"
    iou: float = Field(default=0.5, gt=0, le=1)
    frame: Frame = "pixel"
    answer_frame: Frame | None = None
    dense: bool = False

    def score(self, answer: str, example: Example) -> float:
        """UsageError where the gold answer states no boxes, or the frames cannot be turned into each other."""
        scale = self._scale(example)
        try:
            gold = read_boxes(example.answer.text)
        except Unreadable as error:
            raise UsageError(f"{example.id}: the gold answer states no boxes ({error})") from None
        try:
            said = [
                Box(b.x0 * scale[0], b.y0 * scale[1], b.x1 * scale[0], b.y1 * scale[1], b.label)
                for b in read_boxes(answer)
            ]
        except Unreadable:
            return 0.0
        matched = match(gold, said, self.iou)
        f1 = 2 * matched / (len(gold) + len(said)) if gold or said else 1.0
        return f1 if self.dense else float(f1 == 1.0)

    def _scale(self, example: Example) -> tuple[float, float]:
        """What the answer's x and y are multiplied with to stand in the gold answer's frame."""
        said = self.answer_frame or self.frame
        if said == self.frame:
            return 1.0, 1.0
        if "pixel" in (said, self.frame) and not example.images:
            raise UsageError(f"{example.id} has no image, so {said} cannot be turned into {self.frame}")
        width, height = (example.images[0].width, example.images[0].height) if example.images else (1, 1)
        wide, high = _WHOLE.get(self.frame, width), _WHOLE.get(self.frame, height)
        return wide / _WHOLE.get(said, width), high / _WHOLE.get(said, height)


def read_boxes(text: str) -> list[Box]:
    """The boxes that a text states. Raises Unreadable for anything else, and for more than 256."""
    value = load(text)
    if isinstance(value, dict) or _is_corners(value):
        value = [value]
    if not isinstance(value, list | tuple) or len(value) > MAX_BOXES:
        raise Unreadable("not a list of boxes, or too many")
    return [_box(item) for item in value]


def _is_corners(value: Any) -> bool:
    return (
        isinstance(value, list | tuple)
        and len(value) == 4
        and not any(isinstance(v, list | tuple | dict) for v in value)
    )


def _box(item: Any) -> Box:
    label = ""
    if isinstance(item, dict):
        label = plain(str(item.get("label", "")))
        item = next((item[key] for key in KEYS if key in item), None)
    if not _is_corners(item):
        raise Unreadable("a box has four numbers")
    try:
        x0, y0, x1, y1 = (float(value) for value in item)
    except (TypeError, ValueError, OverflowError):
        raise Unreadable("a box has four numbers") from None
    if not all(map(math.isfinite, (x0, y0, x1, y1))):
        raise Unreadable("a box has four finite numbers")
    return Box(min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1), label)


def overlap(one: Box, other: Box) -> float:
    """Intersection over union; 1.0 for one and the same box, even an empty one."""
    if one[:4] == other[:4]:
        return 1.0
    width = min(one.x1, other.x1) - max(one.x0, other.x0)
    height = min(one.y1, other.y1) - max(one.y0, other.y0)
    if width <= 0 or height <= 0:
        return 0.0
    shared = width * height
    union = (one.x1 - one.x0) * (one.y1 - one.y0) + (other.x1 - other.x0) * (other.y1 - other.y0) - shared
    return shared / union if math.isfinite(union) and union > 0 else 0.0


def match(gold: Sequence[Box], said: Sequence[Box], iou: float) -> int:
    """How many gold boxes can be met at once, each by a box of its own: the largest matching, by augmenting paths.

    Taking the best pair first would sometimes leave a box over that another pairing serves.
    """
    fits = [
        [at for at, box in enumerate(said) if wanted.label in ("", box.label) and overlap(wanted, box) >= iou]
        for wanted in gold
    ]
    owner: dict[int, int] = {}

    def place(number: int, tried: set[int]) -> bool:
        for at in fits[number]:
            if at not in tried:
                tried.add(at)
                if at not in owner or place(owner[at], tried):
                    owner[at] = number
                    return True
        return False

    return sum(place(number, set()) for number in range(len(gold)))
