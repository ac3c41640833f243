"""Plots of functions: curves by their marked points, all curves that fit a plot, and their exact values."""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from itertools import product
from typing import Literal, NamedTuple

UNITS = 6  # of the axes, to each side
SLOPES = tuple(Fraction(top, bottom) for top, bottom in ((1, 2), (1, 1), (3, 2), (2, 1), (3, 1)))
FACTORS = tuple(Fraction(top, bottom) for top, bottom in ((1, 1), (-1, 1), (1, 2), (-1, 2), (2, 1), (-2, 1)))
NAMES = "fg"

CurveKind = Literal["line", "parabola", "v"]
WORDS: dict[str, str] = {"line": "line", "parabola": "parabola", "v": "V shape"}


class Curve(NamedTuple):
    """A curve through two marked points; of a parabola and a V shape, `one` is the vertex. `x` of a line grows."""

    kind: str
    one: tuple[int, int]
    two: tuple[int, int]

    def at(self, x: Fraction | int) -> Fraction:
        """Its value at x, exactly."""
        away, rise = self.two[0] - self.one[0], self.two[1] - self.one[1]
        share = (Fraction(x) - self.one[0]) / away
        if self.kind == "parabola":
            return self.one[1] + rise * share * share
        return self.one[1] + rise * (abs(share) if self.kind == "v" else share)

    def near(self, x: int) -> float:
        """Its value at x, as near as floats come."""
        share = (x - self.one[0]) / (self.two[0] - self.one[0])
        shaped = share * share if self.kind == "parabola" else abs(share) if self.kind == "v" else share
        return self.one[1] + (self.two[1] - self.one[1]) * shaped

    def roots(self) -> list[Fraction] | None:
        """Where it is 0; None where a root is no fraction."""
        away, rise = self.two[0] - self.one[0], self.two[1] - self.one[1]
        if rise == 0:
            return None
        share = Fraction(-self.one[1], rise)
        if self.kind == "line":
            return [self.one[0] + share * away]
        if share < 0:
            return []
        if self.kind == "parabola":
            tops = [root for root in range(13) if root * root == share]
            if not tops:
                return None
            share = Fraction(tops[0])
        return sorted({self.one[0] - share * abs(away), self.one[0] + share * abs(away)})


class Plot(NamedTuple):
    """Curves f and g, in units of the axes' scale, which a grid line is apart from the next."""

    scale: int
    curves: tuple[Curve, ...]


@lru_cache(maxsize=3)
def all_curves(kind: CurveKind) -> tuple[Curve, ...]:
    """All curves of a shape whose marks are far enough apart and inside the plot."""
    inside, found = range(-UNITS + 1, UNITS), []
    for x, y in product(inside, repeat=2):
        if kind == "line":
            ends = [(x + away, y + sign * slope * away) for away in range(2, 8) for slope in SLOPES for sign in (1, -1)]
        elif kind == "parabola":
            steps = [(away, factor * away**2) for away in (-3, -2, 2, 3) for factor in FACTORS]
            ends = [(x + away, y + rise) for away, rise in steps]
        else:
            steps = [
                (away, sign * slope * abs(away))
                for away in (-4, -3, -2, 2, 3, 4)
                for slope in SLOPES
                for sign in (1, -1)
            ]
            ends = [(x + away, y + rise) for away, rise in steps]
        for end_x, end_y in ends:
            if abs(end_x) < UNITS and abs(end_y) < UNITS and end_y == int(end_y):
                found.append(Curve(kind, (x, y), (end_x, int(end_y))))
    return tuple(found)


def told(value: Fraction | int) -> str:
    """A number with its decimals."""
    return f"{float(value):.10g}"


def curve_of(plot: Plot, name: str) -> Curve | None:
    """f or g, where the plot has it."""
    at = NAMES.find(name)
    return plot.curves[at] if 0 <= at < len(plot.curves) else None


def scaled(plot: Plot, point: tuple[int, int]) -> tuple[int, int]:
    """A point in the plot's numbers."""
    return plot.scale * point[0], plot.scale * point[1]


def value_at(plot: Plot, name: str, x: int) -> Fraction | None:
    """f(x) in the plot's numbers; None outside the plot, or off the half grid lines."""
    curve = curve_of(plot, name)
    if curve is None or x % plot.scale or abs(x // plot.scale) > UNITS:
        return None
    value = curve.at(x // plot.scale)
    return value * plot.scale if abs(value) <= UNITS and (2 * value).denominator == 1 else None
