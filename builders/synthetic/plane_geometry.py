"""Plane geometry: labelled figures, and lengths, angles and areas that follow from the labels by theorems.

A scene is what a reader can take from the drawing: the construction with its letters, the marks (right angles, equal
sides, parallels), the labels, and whether it says that it is not to scale. The facts:

    triangle ABC, D on AB, segment CD
    right angle ADC
    angle CAB = 40°
    not to scale

A task asks for a quantity that is not labelled. Its trace is a proof: `theorem (premises) → fact`, a line a step.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from itertools import combinations, permutations
from math import perm
from typing import ClassVar, NamedTuple, Self

from pydantic import model_validator

from perceptdata.plugins import Plugin, Solution

from .canvas import Canvas
from .claims import judge
from .geometry_figures import SHAPES, Figure, Value
from .geometry_picture import draw, layout
from .geometry_proof import close, known, marked_only, proof, trace
from .geometry_text import RULES, read, state
from .geometry_values import values
from .tasked import YES_NO, Case, TaskedBuilder, TaskedFamily, Template

LETTERS = "ABCDEFGHJKLMNPQRSTUVWXY"
# Lengths and angles with another point or line between their ends: a label on one could be read as a part's.
_WHOLES = {
    "cevian": {"AB", "BCA"},
    "parallel": {"CA", "BC"},
    "cross": {"AB", "CD"},
    "circle": {"AB", "BCA"},
}
_GOALS = {"angle": r"[A-Z]{3}", "length": r"[A-Z]{2}", "area": r"area [A-Z]{3}"}


class _Kind(NamedTuple):
    kind: str
    marks: tuple[str, ...]


class GeometryOptions(Plugin):
    """Which figures: constructions, the range (both ends included) of a proof's steps, how many labels stand there that
    no proof needs, and the share of figures that are not to scale.
    """

    figures: tuple[str, ...] = tuple(SHAPES)
    steps: tuple[int, int] = (1, 5)
    redundant: int = 0
    not_to_scale: float = 0.25

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if not self.figures or not set(self.figures) <= set(SHAPES):
            raise ValueError(f"figures are some of {', '.join(SHAPES)}")
        if not 1 <= self.steps[0] <= self.steps[1] <= 5:
            raise ValueError("steps are a range from 1 to 5")
        if not 0 <= self.redundant <= 2 or not 0 <= self.not_to_scale <= 1:
            raise ValueError("redundant is 0 to 2, not_to_scale 0 to 1")
        return self


@lru_cache(maxsize=256)
def _goal(figure: Figure, name: str) -> Solution | None:
    """The quantity as the figure's letters name it; undecided where it is labelled or does not follow."""
    quantity = _quantity(figure, name)
    step = None if quantity is None else known(figure).get(quantity)
    if step is None or step.theorem == "given":
        return None
    steps = proof(known(figure), step.quantity)
    return Solution(f"{float(step.value):.10g}", trace(figure, steps))


def _quantity(figure: Figure, name: str) -> str | None:
    shape = SHAPES[figure.kind]
    plain = name.removeprefix("area ")
    if not set(plain) <= set(figure.letters):
        return None
    own = "".join(shape.points[figure.letters.index(letter)] for letter in plain)
    if name.startswith("area"):
        return next((each for each in known(figure) if each.startswith("area") and set(each[5:]) == set(own)), None)
    return shape.angle(own) if len(own) == 3 else shape.length(own)


def _goals(what: str) -> Callable[[Figure], list[Case]]:
    """What follows. Right angles are not asked for: there are too many of them."""

    def cases(figure: Figure) -> list[Case]:
        return [
            (figure.named(quantity),)
            for quantity, step in known(figure).items()
            if step.theorem != "given" and re.fullmatch(_GOALS[what], quantity)
            if len(quantity) != 3 or step.value != 90
        ]

    return cases


def _label(figure: Figure, name: str) -> Solution | None:
    labels = dict(figure.labels)
    quantity = _quantity(figure, name)
    return Solution(str(labels[quantity]), "") if quantity in labels else None


def _labels(size: int) -> Callable[[Figure], list[Case]]:
    return lambda figure: [(figure.named(quantity),) for quantity, _ in figure.labels if len(quantity) == size]


def _joined(figure: Figure, one: str, other: str) -> Solution:
    shape = SHAPES[figure.kind]
    own = "".join(shape.points[figure.letters.index(letter)] for letter in (one + other))
    return Solution(YES_NO[shape.length(own) is None], "")


TEMPLATES: tuple[Template[Figure], ...] = (
    Template("angle_label", lambda name: f"How many degrees is angle {name} labelled?", _labels(3), _label, looks=True),
    Template("length_label", lambda name: f"With which number is {name} labelled?", _labels(2), _label, looks=True),
    Template(
        "joined",
        lambda one, other: f"Does a drawn line lead straight from {one} to {other}?",
        lambda figure: list(permutations(figure.letters, 2)),
        _joined,
        YES_NO,
        looks=True,
    ),
    Template("angle", lambda name: f"How many degrees is angle {name}?", _goals("angle"), _goal, kind="number"),
    Template("length", lambda name: f"How long is {name}?", _goals("length"), _goal, kind="number"),
    Template(
        "area",
        lambda name: f"What is the area of triangle {name.removeprefix('area ')}?",
        _goals("area"),
        _goal,
        kind="number",
    ),
)


class PlaneGeometry(GeometryOptions, TaskedFamily[Figure, _Kind]):
    """Triangles, cevians, parallels, crossing segments and semicircles."""

    name: ClassVar[str] = "plane_geometry"
    corpus: ClassVar[str] = "plane_geometry"
    TEMPLATES = TEMPLATES

    def kinds(self) -> Sequence[_Kind]:
        """Every construction with each of its marks."""
        return [_Kind(kind, marks) for kind in self.figures for marks in SHAPES[kind].marks]

    def size(self, kind: _Kind) -> int:
        """Arrangements of letters, those that only exchange equal points left out."""
        return _count(kind.kind)

    def ahead(self, kind: _Kind, number: int) -> str:
        """The construction with its marks and letters, whatever the labels."""
        return " ".join((kind.kind, *kind.marks, _letters(kind.kind, number)))

    def scene(self, kind: _Kind, number: int, rng: random.Random) -> Figure | None:
        """Letters by number; values, and which of them are labelled, by chance."""
        truth = values(kind.kind, kind.marks, rng)
        labels = None if truth is None else self._labels(kind, truth, rng)
        if labels is None:
            return None
        exact = rng.random() >= self.not_to_scale
        return Figure(kind.kind, _letters(kind.kind, number), kind.marks, tuple(sorted(labels.items())), exact)

    def finish(self, core: Figure, rng: random.Random) -> Figure | None:
        """The figure, if its labels find room."""
        return core if layout(core) is not None else None

    def _labels(self, kind: _Kind, truth: dict[str, Value], rng: random.Random) -> dict[str, int] | None:
        """Labels from which a goal follows in the wanted number of steps, and none that it does not need but those
        that are to be `redundant`.
        """
        marked = marked_only(kind.kind, kind.marks)
        hidden = _WHOLES.get(kind.kind, set())
        free = [name for name, value in truth.items() if value == int(value) and name not in {*marked, *hidden}]
        goal = rng.choice([name for name in truth if name not in marked])
        order = [name for name in rng.sample(free, len(free)) if name != goal and not name.startswith("area")]
        chosen: list[str] = []
        follows = {name: step.value for name, step in marked.items()}
        for name in order:
            chosen.append(name)
            if name not in follows:
                more = close(kind.kind, kind.marks, follows | {name: truth[name]})
                follows = {each: step.value for each, step in more.items()}
            if goal in follows:
                break
        for name in chosen[:-1]:
            fewer = [each for each in chosen if each != name]
            if goal in close(kind.kind, kind.marks, {each: truth[each] for each in fewer}):
                chosen = fewer
        found = close(kind.kind, kind.marks, {each: truth[each] for each in chosen})
        if goal not in found or not self.steps[0] <= len(proof(found, goal)) <= self.steps[1]:
            return None
        chosen += [name for name in order if name not in chosen][: self.redundant]
        return {name: int(truth[name]) for name in chosen} if len(chosen) <= 5 else None

    def dealt(self, scene: Figure, row: int, rng: random.Random) -> Self | None:
        """See `TaskedFamily.dealt`; the proof has a number of steps in range. A figure with lengths has few angles that
        follow, and the reverse: what it cannot be asked gives way to what it can.
        """
        for turn in range(len(_GOALS)):
            found = super().dealt(scene, row + turn, rng)
            if found is None or found.task is None:
                continue
            quantity = _quantity(scene, str(found.task[1]))
            if self.steps[0] <= len(proof(known(scene), str(quantity))) <= self.steps[1]:
                return found
        return None

    def facts(self, scene: Figure) -> str:
        """See the module."""
        return state(scene)

    def parse(self, text: str) -> Figure | None:
        """See `geometry_text.read`."""
        return read(text)

    def picture(self, scene: Figure, rng: random.Random) -> Canvas:
        """See `geometry_picture`."""
        return draw(scene)

    def check_claim(self, text: str, scene: Figure) -> bool | None:
        """See `geometry_text.RULES`."""
        return judge(text, scene, RULES)

    def ask_facts(self, scene: Figure) -> str:
        """The question for the whole figure."""
        return (
            "What does this figure show? State the construction with its letters, then the marks (right angles, equal "
            "sides, parallels) and each label, and say so if it is marked as not to scale."
        )


class PlaneGeometryBuilder(GeometryOptions, TaskedBuilder):
    """Plane geometry as staged examples; see `SyntheticBuilder`."""

    name: ClassVar[str] = "plane_geometry"
    corpus: ClassVar[str] = "plane_geometry"
    version: ClassVar[str] = "2"

    def family(self) -> PlaneGeometry:
        """The family with this builder's options."""
        options = {field: getattr(self, field) for field in GeometryOptions.model_fields}
        return PlaneGeometry(**options, templates=self.templates)


@lru_cache(maxsize=8)
def _orders(points: int) -> tuple[tuple[int, ...], ...]:
    return tuple(permutations(range(points)))


@lru_cache(maxsize=8)
def _firsts(points: int) -> tuple[tuple[str, ...], ...]:
    return tuple(combinations(LETTERS, points))


_CHOSEN = {"triangle": 3, "cross": 4}  # points that may be exchanged; of the others only the first two


def _letters(kind: str, number: int) -> str:
    """Letters `number` of a construction's points: the first in the alphabet of all that name the same figure.

    A triangle's stand in order; of crossing segments, A is the first of its four; else A stands before B.
    """
    firsts = _firsts(_CHOSEN.get(kind, 2))
    number, at = divmod(number, len(firsts))
    chosen = list(firsts[at])
    if kind == "cross":
        number, order = divmod(number, 6)
        chosen[1:] = [chosen[1 + at] for at in _orders(3)[order]]
    left = [letter for letter in LETTERS if letter not in chosen]
    for _ in range(len(SHAPES[kind].points) - len(chosen)):
        number, at = divmod(number, len(left))
        chosen.append(left.pop(at))
    return "".join(chosen)


@cache
def _count(kind: str) -> int:
    """How many different letters a construction can have."""
    first = _CHOSEN.get(kind, 2)
    rest = len(SHAPES[kind].points) - first
    return len(_firsts(first)) * (6 if kind == "cross" else 1) * perm(len(LETTERS) - first, rest)
