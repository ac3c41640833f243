"""The scenes of NLVR: three boxes of shapes, the words that state them exactly, and the order a picture shows them in.

    facts(boxes)             "Left box: 1 object\\n- small blue circle at (9, 82)\\n…", which parse_facts reads back
    box_order(pixels, boxes, 1)      (0, 2, 1): what stands left, in the middle and right

A picture's name ends in a number from 0 to 5 for the order of the boxes. ORDERS takes these for the six permutations in
lexicographic order. The pictures that could be looked at, with the numbers 0 and 1, all agree; the corpus does not say
what the others mean. So no name is trusted: `box_order` looks at the pixels, and where the number's own order does not
fit it takes the one that does.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from perceptdata.errors import Rejected

BOX, GAP = 100, 50  # pixels: a picture is 400 x 100, three boxes with a grey wall between each two
Order = tuple[int, int, int]
ORDERS: tuple[Order, ...] = ((0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0))
NAMES = ("left", "middle", "right")

COLOURS = {"Yellow": "yellow", "Black": "black", "#0099ff": "blue"}
SIZES = {10: "small", 20: "medium", 30: "large"}
SHAPES = ("circle", "square", "triangle")
RGB = {"yellow": (255, 255, 0), "black": (0, 0, 0), "blue": (0, 153, 255)}
NEAR = 12  # a pixel's channels may differ so much from its colour


class Thing(NamedTuple):
    """One object; (x, y) is the upper left corner of its frame in its box, `size` the frame's side, in pixels."""

    x: int
    y: int
    size: int
    colour: str
    shape: str

    def __str__(self) -> str:
        return f"{SIZES[self.size]} {self.colour} {self.shape}"


Box = tuple[Thing, ...]
Boxes = tuple[Box, Box, Box]


def read_boxes(structured: Sequence[Sequence[Mapping[str, Any]]]) -> Boxes:
    """The scene of a `structured_rep`, each box sorted from left to right. Raises Rejected `field.invalid`."""
    try:
        left, middle, right = (tuple(sorted(_thing(each) for each in box)) for box in structured)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Rejected("field.invalid", f"structured_rep is not three boxes of objects ({error!r})") from None
    return (left, middle, right)


def _thing(each: Mapping[str, Any]) -> Thing:
    thing = Thing(int(each["x_loc"]), int(each["y_loc"]), int(each["size"]), COLOURS[each["color"]], str(each["type"]))
    if thing.size not in SIZES or thing.shape not in SHAPES:
        raise ValueError(f"{each['type']} of size {each['size']}")
    return thing


# --- words ------------------------------------------------------------------------------------------------------------

_HEADER = re.compile(r"(Left|Middle|Right) box: (\d+) objects?")
_LINE = re.compile(r"- (small|medium|large) (yellow|black|blue) (circle|square|triangle) at \((\d+), (\d+)\)")


def facts(boxes: Iterable[Box]) -> str:
    """The canonical perception text: the boxes from left to right, each with its objects from left to right."""
    lines = []
    for name, box in zip(NAMES, boxes, strict=True):
        lines.append(f"{name.title()} box: {len(box)} object{'' if len(box) == 1 else 's'}")
        lines += [f"- {thing} at ({thing.x}, {thing.y})" for thing in box]
    return "\n".join(lines)


def parse_facts(text: str) -> Boxes | None:
    """The boxes that `facts` states, or None where a line, a box or a count does not fit."""
    sizes = {word: size for size, word in SIZES.items()}
    found: dict[str, tuple[int, list[Thing]]] = {}
    things: list[Thing] | None = None
    for line in filter(None, map(str.strip, text.splitlines())):
        if header := _HEADER.fullmatch(line):
            things = []
            found[header[1].lower()] = (int(header[2]), things)
        elif (match := _LINE.fullmatch(line)) and things is not None:
            things.append(Thing(int(match[4]), int(match[5]), sizes[match[1]], match[2], match[3]))
        else:
            return None
    if set(found) != set(NAMES) or any(count != len(box) for count, box in found.values()):
        return None
    left, middle, right = (tuple(sorted(found[name][1])) for name in NAMES)
    return (left, middle, right)


# --- pixels -----------------------------------------------------------------------------------------------------------


def box_order(pixels: NDArray[np.uint8], boxes: Boxes, number: int) -> Order | None:
    """Which box stands left, in the middle and right, as the picture shows it; None where no order fits.

    `pixels` is height x width x 3. The order that `number` stands for is tried first. Objects do not overlap, so an
    order in which every object finds its colour shows boxes with the same colours in the same places.
    """
    own = ORDERS[number : number + 1]
    return next((order for order in (*own, *ORDERS) if _shows(pixels, [boxes[i] for i in order])), None)


def _shows(pixels: NDArray[np.uint8], boxes: Iterable[Box]) -> bool:
    height, width = pixels.shape[:2]
    for place, box in enumerate(boxes):
        for thing in box:
            x, y = place * (BOX + GAP) + thing.x + thing.size // 2, thing.y + thing.size // 2
            if x >= width or y >= height:
                return False
            if np.abs(pixels[y, x].astype(int) - RGB[thing.colour]).max() > NEAR:
                return False
    return True
