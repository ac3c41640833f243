"""Shapes: coloured shapes on a lettered grid, and programs over them as questions (after CLEVR, Johnson et al. 2017).

A scene is a set of objects, each with a size, a colour, a shape and a cell of its own; the grid is drawn, so a place
can be read off and two objects are level or at least a cell apart. The facts name the objects from the top left, one a
line: `small red circle at B3`. A task is a program (filter, relate, count, compare …) in words; its trace gives the set
of cells after each step.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from functools import cached_property
from typing import ClassVar, Self

from pydantic import model_validator

from perceptdata.plugins import Plugin

from .canvas import Canvas, Point, colour
from .claims import judge
from .shapes_programs import TEMPLATES
from .shapes_text import COLOURS, SHAPES, SIZES, Shape, Shapes, cell, cell_name
from .shapes_text import RULES as CLAIMS
from .tasked import TaskedBuilder, TaskedFamily, digits, span

RGB = {
    "red": (214, 39, 40),
    "blue": (31, 90, 200),
    "green": (34, 139, 34),
    "yellow": (250, 200, 0),
    "purple": (138, 43, 190),
    "grey": (110, 110, 110),
}
CELL, MARGIN = 44, 26
_RADIUS = {"small": 9, "large": 17}
_LOOKS = len(SIZES) * len(COLOURS) * len(SHAPES)

_TRIPLE = rf"({'|'.join(SIZES)})[\s,]+({'|'.join(COLOURS)}|gray)[\s,]+({'|'.join(SHAPES)})"
_OBJECT = re.compile(
    rf"\b{_TRIPLE}\b[\s,]*(?:is\s+|stands\s+)?(?:(?:at|in)\s+)?(?:cell\s+)?\(?([a-z])\s?(\d)\b"
    rf"|\b([a-z])(\d)\b[\s,:=-]*(?:(?:is|has|holds)\s+)?(?:an?\s+)?{_TRIPLE}\b",
    re.IGNORECASE,
)
_WRAPPING = re.compile(r"[\"'{}\[\]*`]|\b(?:size|colou?r|shape|cell|position|place)[\"']?\s*[:=]", re.IGNORECASE)


class ShapesOptions(Plugin):
    """Which scenes: cells along each side of the grid, and the range (both ends included) of the number of objects."""

    grid: int = 5
    objects: tuple[int, int] = (4, 8)

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if not 3 <= self.grid <= 8:
            raise ValueError("grid is 3 to 8")
        if not 3 <= self.objects[0] <= self.objects[1] <= min(12, self.grid**2 - 1):
            raise ValueError("objects are a range from 3 to 12, and fewer than the cells of the grid")
        return self


class ShapeScenes(ShapesOptions, TaskedFamily[Shapes, int]):
    """Coloured shapes on a grid."""

    name: ClassVar[str] = "shapes"
    corpus: ClassVar[str] = "shapes"
    TEMPLATES = TEMPLATES

    def kinds(self) -> Sequence[int]:
        """Numbers of objects."""
        return range(self.objects[0], self.objects[1] + 1)

    def size(self, kind: int) -> int:
        """What the objects look like, in the order of their cells."""
        return span(_LOOKS, kind)

    def scene(self, kind: int, number: int, rng: random.Random) -> Shapes | None:
        """Looks by number, cells by chance."""
        looks = digits(number, _LOOKS, kind, rng)
        cells = sorted(rng.sample(range(self.grid**2), kind))
        return tuple(_shape(look, *divmod(place, self.grid)) for look, place in zip(looks, cells, strict=True))

    def facts(self, scene: Shapes) -> str:
        """`small red circle at B3`, an object a line, by rows from the top and from the left."""
        return "\n".join(f"{each.words} at {cell_name(each)}" for each in scene)

    def parse(self, text: str) -> Shapes | None:
        """The objects that a text states with their cells: in sentences, as `B3: small red circle`, or as JSON."""
        found: dict[tuple[int, int], Shape] = {}
        for match in _OBJECT.finditer(_WRAPPING.sub(" ", text)):
            size, tone, form, column, row = (*match.groups()[:5],) if match[1] else (*match.group(8, 9, 10, 6, 7),)
            place = cell(f"{column}{row}", self.grid)
            if place is None:
                return None
            tone = tone.lower().replace("gray", "grey")
            shape = Shape(*place, size.lower(), tone, form.lower())
            if found.setdefault(place, shape) != shape:
                return None
        return tuple(found[place] for place in sorted(found)) or None

    def picture(self, scene: Shapes, rng: random.Random) -> Canvas:
        """A pale grid with letters above and numbers beside it; objects in the middle of their cells."""
        canvas = self._ground.copy()
        for each in scene:
            x, y = (MARGIN + at * CELL + CELL // 2 for at in (each.column, each.row))
            radius, ink = _RADIUS[each.size], colour(COLOURS.index(each.colour))
            if each.shape == "circle":
                canvas.dot((x, y), radius, ink)
            else:
                canvas.polygon([(x + dx * radius, y + dy * radius) for dx, dy in _CORNERS[each.shape]], ink)
        return canvas

    def check_claim(self, text: str, scene: Shapes) -> bool | None:
        """See `shapes_programs.RULES`."""
        return judge(text, scene, CLAIMS)

    def ask_facts(self, scene: Shapes) -> str:
        """The question for the whole scene."""
        return (
            "Which objects does this picture show? Name the size, colour and shape of each, and its cell: the letter "
            "of its column, then the number of its row, such as B3."
        )

    @cached_property
    def _ground(self) -> Canvas:
        side = 2 * MARGIN + self.grid * CELL
        canvas = Canvas(side, side, tuple(RGB[name] for name in COLOURS))
        for at in range(self.grid + 1):
            place = MARGIN + at * CELL
            canvas.box(place, MARGIN, place + 1, side - MARGIN + 1, 12)
            canvas.box(MARGIN, place, side - MARGIN + 1, place + 1, 12)
        for at in range(self.grid):
            middle = MARGIN + at * CELL + CELL // 2
            canvas.text((middle, MARGIN // 2), "ABCDEFGH"[at], 15)
            canvas.text((MARGIN // 2, middle), str(at + 1), 15)
        return canvas


class ShapesBuilder(ShapesOptions, TaskedBuilder):
    """Coloured shapes as staged examples; see `SyntheticBuilder`."""

    name: ClassVar[str] = "shapes"
    corpus: ClassVar[str] = "shapes"

    def family(self) -> ShapeScenes:
        """The family with this builder's options."""
        return ShapeScenes(grid=self.grid, objects=self.objects, templates=self.templates)


def _shape(look: int, row: int, column: int) -> Shape:
    look, size = divmod(look, len(SIZES))
    tone, form = divmod(look, len(SHAPES))
    return Shape(row, column, SIZES[size], COLOURS[tone], SHAPES[form])


_CORNERS: dict[str, tuple[Point, ...]] = {
    "square": ((-0.88, -0.88), (0.88, -0.88), (0.88, 0.88), (-0.88, 0.88)),
    "triangle": ((0, -1.05), (1.1, 0.85), (-1.1, 0.85)),
    "star": (
        *((0, -1.2), (0.28, -0.38), (1.14, -0.37), (0.45, 0.15), (0.7, 0.97)),
        *((0, 0.48), (-0.7, 0.97), (-0.45, 0.15), (-1.14, -0.37), (-0.28, -0.38)),
    ),
}
