"""Questions about a geometry figure that its own logic forms answer, so that looking is enough.

A value printed in the figure is asked for openly. A relation is asked with choices whose wrong ones are other parts of
the same figure, and only parts that the points' positions show to be clearly wrong (the margins below): the annotation
says what holds, not what does not.
"""

from __future__ import annotations

import math
import random
import re
from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Any, NamedTuple

from perceptdata.example import Answer

from .geometry_forms import Diagram, Term, meaning, say_quantity

DEGREES_APART = 20.0  # two directions are clearly different
LENGTHS_APART = 0.15  # two lengths are clearly different: share of the longer
OFF_LINE = 0.15  # a point is clearly off a line: share of the segment's length
WRONG = 3  # wrong choices, where the figure has as many
LEAST_WRONG = 2


class Asked(NamedTuple):
    """A question with its answer; `twin` names it within the problem."""

    twin: str
    text: str
    answer: Answer
    choices: tuple[str, ...] = ()


def ask(diagram: Diagram, seed: str, most: int) -> list[Asked]:
    """At most `most` questions of each kind, chosen and shuffled by `seed` alone."""
    asked: list[Asked] = []
    for kind in (_values, _numbers, _on_circle, _on_line, _right_angles, _parallels, _equal_lengths, _equal_angles):
        rng = random.Random(f"{seed}/{kind.__name__}")
        found = list(kind(diagram, _Geometry(diagram), rng))
        asked += found if len(found) <= most else [found[i] for i in sorted(rng.sample(range(len(found)), most))]
    return asked


# --- what is printed --------------------------------------------------------------------------------------------------

_NUMBER = re.compile(r"-?\d+(\.\d+)?")
_SLIP = re.compile(r"[-+*/]{2}")  # `66--y`: a fraction that the annotation lost


def _values(diagram: Diagram, where: _Geometry, rng: random.Random) -> Iterator[Asked]:
    """What is the length of AB? Asked where the figure prints exactly one value for it."""
    printed: dict[Any, list[tuple[Term, str]]] = {}
    for form in diagram.forms:
        match form:
            case Term("Equals", (Term() as amount, str(value))):
                printed.setdefault(meaning(amount), []).append((amount, value))
    for (amount, value), *others in printed.values():
        name = say_quantity(amount)
        if name is None or others or _SLIP.search(value):
            continue
        unit = "°" if amount.name == "MeasureOf" else None
        kind = "number" if _NUMBER.fullmatch(value) else "expression"
        noun = "length of segment " if amount.name == "LengthOf" else "measure of " if unit else ""
        text = f"Which value does the figure give for the {noun}{name}?"
        answer = Answer(text=value, kind=kind, unit=unit, accepts=(f"{value}°",) if unit else ())
        yield Asked(f"value-{name.replace(' ', '-')}", text, answer)


def _numbers(diagram: Diagram, where: _Geometry, rng: random.Random) -> Iterator[Asked]:
    """Which number marks angle ABC? Not asked where a number marks two angles: those numbers came from the tool."""
    marked: dict[str, list[Term]] = {}
    for form in diagram.forms:
        match form:
            case Term("Equals", (Term("MeasureOf", (Term("Angle", (_, _, _)),)) as angle, Term("MeasureOf", (other,)))):
                match other:
                    case Term("Angle", (str(number),)) if number.isdigit():
                        marked.setdefault(number, []).append(angle)
    if any(len(angles) > 1 for angles in marked.values()):
        return
    for number, (angle,) in marked.items():
        name = say_quantity(angle) or ""
        yield Asked(f"number-{number}", f"Which number marks {name}?", Answer(text=number, kind="number"))


def _on_circle(diagram: Diagram, where: _Geometry, rng: random.Random) -> Iterator[Asked]:
    """Which labelled points lie on circle X? Asked of figures with one circle."""
    on: dict[str, list[str]] = {}
    for form in diagram.forms:
        match form:
            case Term("PointLiesOnCircle", (str(point), Term("Circle", (str(centre), *_)))):
                on.setdefault(centre, []).append(point)
    if len(on) == 1 and len(diagram.circles) == 1:
        ((centre, points),) = on.items()
        text = f"Which of the labelled points lie on the circle with centre {centre}? Name them all."
        yield Asked(f"circle-{centre}", text, Answer(text=", ".join(sorted(points)), kind="set"))


# --- what stands in which relation ------------------------------------------------------------------------------------


class _Geometry:
    """Directions, lengths and distances from the positions, for the parts whose points all have one."""

    def __init__(self, diagram: Diagram) -> None:
        self.at = {name: (x, y) for name, x, y in diagram.positions}
        self.segments = [s for s in diagram.segments if len(s) == 2 and s[0] in self.at and s[1] in self.at]

    def knows(self, *points: str) -> bool:
        return all(point in self.at for point in points)

    def length(self, segment: str) -> float:
        return math.dist(self.at[segment[0]], self.at[segment[1]])

    def angle(self, one: str, two: str) -> float:
        """The angle between two segments' directions in degrees, from 0 (parallel) to 90."""
        turn = abs(self._direction(one) - self._direction(two)) % 180
        return min(turn, 180 - turn)

    def _direction(self, segment: str) -> float:
        (x0, y0), (x1, y1) = self.at[segment[0]], self.at[segment[1]]
        return math.degrees(math.atan2(y1 - y0, x1 - x0))

    def off_line(self, point: str, segment: str) -> float:
        """The point's distance from the segment's line, as a share of the segment's length."""
        (x0, y0), (x1, y1), (x, y) = self.at[segment[0]], self.at[segment[1]], self.at[point]
        across = abs((x1 - x0) * (y - y0) - (y1 - y0) * (x - x0))
        return across / max(self.length(segment), 1.0) ** 2


def _choose(twin: str, text: str, right: str, wrong: Sequence[str], rng: random.Random) -> Iterator[Asked]:
    """One question with choices, if there are enough clearly wrong ones."""
    wrong = sorted(set(wrong) - {right, right[::-1]})
    if len(wrong) < LEAST_WRONG:
        return
    choices = [right, *rng.sample(wrong, min(WRONG, len(wrong)))]
    rng.shuffle(choices)
    yield Asked(twin, text, Answer(text=right, kind="choice", index=choices.index(right)), tuple(choices))


def _on_line(diagram: Diagram, where: _Geometry, rng: random.Random) -> Iterator[Asked]:
    """Which of these points lies on line AB? One question a line."""
    on: dict[str, list[str]] = {}
    for form in diagram.forms:
        match form:
            case Term("PointLiesOnLine", (str(point), Term("Line", (str(a), str(b))))):
                on.setdefault(a + b, []).append(point)
    for line, points in on.items():
        if where.knows(*line):
            off = [p for p in where.at if p not in (*line, *points) and where.off_line(p, line) > OFF_LINE]
            yield from _choose(f"line-{line}", f"Which of these points lies on line {line}?", points[0], off, rng)


def _right_angles(diagram: Diagram, where: _Geometry, rng: random.Random) -> Iterator[Asked]:
    """Do AB and BC meet at a right angle? Half the time a pair that clearly does not is asked in its stead."""
    stated = list(_pairs(diagram, "Perpendicular"))
    known = {frozenset(map(frozenset, pair)) for pair in stated}
    slanted = [
        (one, two)
        for one, two in combinations(where.segments, 2)
        if len({*one, *two}) == 3
        and DEGREES_APART < where.angle(one, two) < 90 - DEGREES_APART
        and frozenset(map(frozenset, (one, two))) not in known
    ]
    for count, (one, two) in enumerate(stated):
        right = rng.random() < 0.5 or not slanted
        if not right:
            one, two = slanted.pop(rng.randrange(len(slanted)))
        word = "yes" if right else "no"
        answer = Answer(text=word, kind="choice", index=0 if right else 1)
        text = f"Do the segments {one} and {two} meet at a right angle?"
        yield Asked(f"right-angle-{count}", text, answer, ("yes", "no"))


def _parallels(diagram: Diagram, where: _Geometry, rng: random.Random) -> Iterator[Asked]:
    """Which of these segments is parallel to AB?"""
    for one, two in _pairs(diagram, "Parallel"):
        if where.knows(*one, *two):
            wrong = [s for s in where.segments if where.angle(s, one) > DEGREES_APART]
            yield from _choose(
                f"parallel-{one}-{two}", f"Which of these segments is parallel to {one}?", two, wrong, rng
            )


def _equal_lengths(diagram: Diagram, where: _Geometry, rng: random.Random) -> Iterator[Asked]:
    """Which of these segments is marked as long as AB?"""
    for form in diagram.forms:
        match form:
            case Term("Equals", (Term("LengthOf", (Term("Line", one),)), Term("LengthOf", (Term("Line", two),)))):
                first, second = "".join(one), "".join(two)
                if where.knows(*first, *second):
                    wrong = [s for s in where.segments if _clearly_other(where.length(s), where.length(first))]
                    text = f"Which of these segments is marked as equal in length to {first}?"
                    yield from _choose(f"equal-{first}-{second}", text, second, wrong, rng)


def _equal_angles(diagram: Diagram, where: _Geometry, rng: random.Random) -> Iterator[Asked]:
    """Which of these angles is marked equal to angle ABC? The wrong ones bear another mark."""
    pairs: list[tuple[str, str]] = []
    for form in diagram.forms:
        match form:
            case Term("Equals", (Term("MeasureOf", (Term("Angle", one),)), Term("MeasureOf", (Term("Angle", two),)))):
                if len(one) == len(two) == 3:
                    pairs.append(("".join(one), "".join(two)))
    for first, second in pairs:
        same = {first}
        for _ in pairs:  # equality is transitive: as many rounds as there are pairs reach the whole class
            same |= {angle for pair in pairs if same & {*pair} for angle in pair}
        wrong = sorted({angle for pair in pairs for angle in pair} - same)
        text = f"Which of these angles is marked as equal to angle {first}?"
        yield from _choose(f"equal-angle-{first}-{second}", text, second, wrong, rng)


def _clearly_other(one: float, two: float) -> bool:
    return abs(one - two) > LENGTHS_APART * max(one, two)


def _pairs(diagram: Diagram, relation: str) -> Iterator[tuple[str, str]]:
    for form in diagram.forms:
        match form:
            case Term(name, (Term("Line", (str(a), str(b))), Term("Line", (str(c), str(d))))) if name == relation:
                yield a + b, c + d
