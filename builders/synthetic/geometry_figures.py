"""Plane figures: which points, segments and angles there are, and what theorems say of them.

Figures are written with the letters A to E and O; a drawn one has its own (`Figure.letters`). A quantity is an angle
(`CAB`, the vertex in the middle), a length (`AB`) or an area (`area ABC`). A theorem here is a `Relation` between
quantities, which gives the last of them that is not known.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from math import isqrt
from typing import Literal, NamedTuple

Value = int | Fraction | float


class Figure(NamedTuple):
    """What a drawing shows: the construction and its letters, marks, and what is labelled with which value.

    `marks` are of `SHAPES[kind].marks`, `labels` pairs of a quantity and its value; both in the letters of the
    construction. `exact`: drawn to scale.
    """

    kind: str
    letters: str
    marks: tuple[str, ...]
    labels: tuple[tuple[str, int], ...]
    exact: bool

    def named(self, quantity: str) -> str:
        """A quantity of the construction in the figure's own letters."""
        return "".join(self.letters[SHAPES[self.kind].points.index(at)] if at.isupper() else at for at in quantity)


@dataclass(frozen=True, slots=True)
class Relation:
    """A theorem: `how` says what holds between the quantities.

    sum      the quantities, each times its sign (1, -1, 2 …), add up to `total`
    square   the squares of the first two add up to that of the third
    ratio    first : second = third : fourth
    half     the first is half the product of the second and third

    The theorem holds only where the angle `right` is one, if one is named.
    """

    theorem: str
    how: Literal["sum", "square", "ratio", "half"]
    quantities: tuple[str, ...]
    signs: tuple[int, ...] = ()
    total: int = 0
    right: str = ""

    def solve(self, known: Mapping[str, Value], wanted: str) -> Value | None:
        """The one quantity that is not known; None where it is no positive number with at most one decimal."""
        at = self.quantities.index(wanted)
        values = [known.get(quantity, 0) for quantity in self.quantities]
        found: Value
        if self.how == "sum":
            rest = sum(sign * value for sign, value in zip(self.signs, values, strict=True))
            left = self.total - rest
            if isinstance(left, float):
                found = left / self.signs[at]
            else:
                found = left * self.signs[at] if abs(self.signs[at]) == 1 else Fraction(left, self.signs[at])
        elif self.how == "square":
            a, b, c = values
            square = a * a + b * b if at == 2 else c * c - (b * b if at == 0 else a * a)
            if square <= 0 or square != int(square):
                return None
            found = isqrt(int(square))
            if found * found != square:
                return None
        elif self.how == "ratio":
            a, b, c, d = values
            top, bottom = ((b * c, d), (a * d, c), (a * d, b), (b * c, a))[at]
            if bottom == 0:
                return None
            found = Fraction(top) / Fraction(bottom)
        else:
            s, a, b = values
            if at == 0:
                found = Fraction(a * b) / 2
            elif not (other := b if at == 1 else a):
                return None
            else:
                found = Fraction(2 * s) / Fraction(other)
        if isinstance(found, float):
            return found if found > 0 else None
        if isinstance(found, int):
            return found if found > 0 else None
        if found <= 0 or 10 % found.denominator:
            return None
        return int(found) if found == int(found) else found


@dataclass(frozen=True)
class Shape:
    """A construction. `rays[V]` are the rays from V, each with the points on it: they say which angles are the same.

    `orders` are the exchanges of letters that leave it the same; `marks` may stand together where a tuple says so.
    """

    points: str
    words: str
    segments: tuple[str, ...]
    rays: Mapping[str, tuple[str, ...]]
    marks: tuple[tuple[str, ...], ...]
    orders: tuple[str, ...]
    circle: str = ""

    def angle(self, name: str) -> str | None:
        """The canonical name of an angle that may be named by other points on its rays; None where there is none."""
        if len(set(name)) != 3:
            return None
        rays = self.rays.get(name[1], ())
        ends = sorted(at for at, ray in enumerate(rays) for end in (name[0], name[2]) if end in ray)
        if len(ends) != 2 or ends[0] == ends[1]:
            return None
        return f"{rays[ends[0]][0]}{name[1]}{rays[ends[1]][0]}"

    def length(self, name: str) -> str | None:
        """The canonical name of a drawn segment; None where it is not drawn."""
        return next((own for own in self.segments if set(own) == set(name) and len(name) == 2), None)


# In each, an angle's canonical name takes the first point of each ray, in the order of the rays.
SHAPES: dict[str, Shape] = {
    "triangle": Shape(
        "ABC",
        "triangle {A}{B}{C}",
        ("AB", "BC", "CA"),
        {"A": ("C", "B"), "B": ("A", "C"), "C": ("B", "A")},
        ((), ("right CAB",), ("right ABC",), ("right BCA",), ("equal CA AB",), ("equal AB BC",), ("equal BC CA",)),
        ("ABC", "ACB", "BAC", "BCA", "CAB", "CBA"),
    ),
    "cevian": Shape(
        "ABCD",
        "triangle {A}{B}{C}, {D} on {A}{B}, segment {C}{D}",
        ("AB", "BC", "CA", "CD", "AD", "DB"),
        {"A": ("C", "BD"), "B": ("AD", "C"), "C": ("B", "D", "A"), "D": ("A", "C", "B")},
        ((), ("right ADC",), ("equal AD CD",), ("equal CD DB",)),
        ("ABCD", "BACD"),
    ),
    "parallel": Shape(
        "ABCDE",
        "triangle {A}{B}{C}, {D} on {C}{A}, {E} on {B}{C}, segment {D}{E}",
        ("AB", "BC", "CA", "DE", "CD", "DA", "CE", "EB"),
        {"A": ("CD", "B"), "B": ("A", "CE"), "C": ("BE", "AD"), "D": ("C", "E", "A"), "E": ("D", "C", "B")},
        (("parallel DE AB",),),
        ("ABCDE", "BACED"),
    ),
    "cross": Shape(
        "ABCDO",
        "segments {A}{B} and {C}{D} cross at {O}, segments {A}{C} and {B}{D}",
        ("AB", "CD", "AC", "BD", "OA", "OB", "OC", "OD"),
        {"A": ("C", "OB"), "B": ("OA", "D"), "C": ("OD", "A"), "D": ("B", "OC"), "O": ("A", "C", "B", "D")},
        ((), ("parallel AC BD",)),
        ("ABCDO", "BADCO", "CDABO", "DCBAO"),
    ),
    "circle": Shape(
        "ABCO",
        "circle with centre {O} and diameter {A}{B}, {C} on the circle, segments {A}{C}, {B}{C} and {O}{C}",
        ("AB", "BC", "CA", "OC", "OA", "OB"),
        {"A": ("C", "OB"), "B": ("OA", "C"), "C": ("B", "O", "A"), "O": ("A", "C", "B")},
        ((),),
        ("ABCO", "BACO"),
        "O",
    ),
}

TRIANGLES = {
    "triangle": ("ABC",),
    "cevian": ("ABC", "ADC", "DBC"),
    "parallel": ("ABC", "DEC"),
    "cross": ("AOC", "BOD"),
    "circle": ("ABC", "AOC", "BOC"),
}
_LINES = {"cevian": ("ADB",), "parallel": ("CDA", "BEC"), "cross": ("AOB", "COD"), "circle": ("AOB",)}
_SPLIT_AT = {"cevian": ("C", "A", "D", "B"), "circle": ("C", "A", "O", "B")}


@lru_cache(maxsize=64)
def relations(kind: str, marks: tuple[str, ...]) -> tuple[Relation, ...]:
    """All that theorems say of a construction with these marks."""
    shape, found = SHAPES[kind], []
    equal = [tuple(mark.split()[1:]) for mark in marks if mark.startswith("equal")]
    equal += [("OA", "OC"), ("OB", "OC")] if shape.circle else []
    for name in TRIANGLES[kind]:
        found += _of_triangle(shape, name, equal)
    for line in _LINES.get(kind, ()):
        found += _of_line(shape, line)
    if kind in _SPLIT_AT:
        at, one, middle, two = _SPLIT_AT[kind]
        parts = [str(shape.angle(name)) for name in (one + at + two, one + at + middle, middle + at + two)]
        found.append(Relation(f"angles at {at} add up", "sum", tuple(parts), (1, -1, -1)))
    found += _own(kind, marks)
    return tuple(found)


def _equality(theorem: str, one: str | None, other: str | None) -> Relation:
    return Relation(theorem, "sum", (str(one), str(other)), (1, -1))


def _of_triangle(shape: Shape, name: str, equal: list[tuple[str, ...]]) -> list[Relation]:
    a, b, c = tuple(name)
    turns = ((c, a, b), (a, b, c), (b, c, a))
    angles = [str(shape.angle(one + vertex + two)) for one, vertex, two in turns]
    found = [Relation(f"angle sum of triangle {name}", "sum", tuple(angles), (1, 1, 1), 180)]
    sides = [str(shape.length(side)) for side in (b + c, c + a, a + b)]  # each opposite the vertex of its angle
    for one, other in equal:
        if {shape.length(one), shape.length(other)} <= set(sides):
            pair = [sides.index(str(shape.length(side))) for side in (one, other)]
            found.append(_equality(f"{one} = {other}, base angles of triangle {name}", *(angles[at] for at in pair)))
            apex = angles[3 - sum(pair)]
            theorem = f"{one} = {other}, angle sum of triangle {name}"
            found += [Relation(theorem, "sum", (angles[at], apex), (2, 1), 180) for at in pair]
            found.append(_equality(f"{one} = {other}", *(sides[at] for at in pair)))
    for at in range(3):
        long, one, two = (sides[(at + step) % 3] for step in range(3))
        found.append(Relation(f"Pythagoras in triangle {name}", "square", (one, two, long), right=angles[at]))
        half = (f"area {name}", one, two)
        found.append(Relation(f"area of right triangle {name}", "half", half, right=angles[at]))
    return found


def _of_line(shape: Shape, line: str) -> list[Relation]:
    one, middle, two = tuple(line)
    found = []
    for other in sorted({point for ray in shape.rays[middle] for point in ray} - set(line)):
        angles = (str(shape.angle(one + middle + other)), str(shape.angle(other + middle + two)))
        found.append(Relation(f"{line} is a straight line", "sum", angles, (1, 1), 180))
    lengths = [shape.length(name) for name in (one + two, one + middle, middle + two)]
    if all(lengths):
        found.append(Relation(f"{middle} lies on {one}{two}", "sum", tuple(map(str, lengths)), (1, -1, -1)))
    return found


def _own(kind: str, marks: tuple[str, ...]) -> list[Relation]:
    """What only one construction has."""
    angle = SHAPES[kind].angle
    if kind == "cevian":
        return [Relation("area, CD is the height on AB", "half", ("area ABC", "AB", "CD"), right="ADC")]
    if kind == "circle":
        thales = Relation("angle in a semicircle", "sum", ("BCA",), (1,), 90)
        diameters = [Relation("a diameter is two radii", "sum", ("AB", radius), (1, -2)) for radius in ("OA", "OC")]
        return [thales, *diameters, _equality("radii", "OA", "OB"), _equality("radii", "OA", "OC")]
    if kind == "parallel":
        return [
            _equality("corresponding angles, DE ∥ AB", angle("CDE"), angle("CAB")),
            _equality("corresponding angles, DE ∥ AB", angle("CED"), angle("CBA")),
            Relation("similar triangles DEC and ABC", "ratio", ("CD", "CA", "DE", "AB")),
            Relation("similar triangles DEC and ABC", "ratio", ("CE", "BC", "DE", "AB")),
            Relation("similar triangles DEC and ABC", "ratio", ("CD", "CA", "CE", "BC")),
        ]
    if kind == "cross":
        found = [
            _equality("vertical angles", angle("AOC"), angle("BOD")),
            _equality("vertical angles", angle("AOD"), angle("BOC")),
        ]
        if marks:
            found += [
                _equality("alternate angles, AC ∥ BD", angle("CAO"), angle("DBO")),
                _equality("alternate angles, AC ∥ BD", angle("ACO"), angle("BDO")),
                Relation("similar triangles AOC and BOD", "ratio", ("OA", "OB", "OC", "OD")),
                Relation("similar triangles AOC and BOD", "ratio", ("OA", "OB", "AC", "BD")),
                Relation("similar triangles AOC and BOD", "ratio", ("OC", "OD", "AC", "BD")),
            ]
        return found
    return []
