"""Plots drawn: 12 x 12 units of 24 pixels, f whole and g in dashes, dots on the marked points."""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise

from .canvas import Canvas, Point, text_size
from .functions_plot import NAMES, UNITS, Curve, Plot

_STEP, _MARGIN = 24, 18


def draw(plot: Plot) -> Canvas:
    """The plot; always drawn the same."""
    canvas = _grid(plot.scale, len(plot.curves)).copy()
    for at, curve in enumerate(plot.curves):
        strokes = _strokes(curve)
        canvas.lines(strokes if at == 0 else strokes[::2], 2)
        for x, y in (curve.one, curve.two):
            canvas.dot((round(_pixel(x)), round(_pixel(-y))), 4)
    return canvas


def _pixel(units: float) -> float:
    return _MARGIN + (UNITS + units) * _STEP


def _strokes(curve: Curve) -> list[tuple[Point, Point]]:
    """The part of the curve inside the plot, in short pieces."""
    count = 96 if curve.kind == "parabola" else 48
    xs = [-UNITS + 2 * UNITS * at / count for at in range(count + 1)]
    away, rise = curve.two[0] - curve.one[0], curve.two[1] - curve.one[1]
    points = []
    for x in xs:
        share = (x - curve.one[0]) / away
        shaped = {"line": share, "parabola": share * share, "v": abs(share)}[curve.kind]
        points.append((x, curve.one[1] + rise * shaped))
    inside = [(one, two) for one, two in pairwise(points) if abs(one[1]) <= UNITS + 0.2 and abs(two[1]) <= UNITS + 0.2]
    return [((_pixel(a), _pixel(-b)), (_pixel(c), _pixel(-d))) for (a, b), (c, d) in inside]


@lru_cache(maxsize=32)
def _grid(scale: int, curves: int) -> Canvas:
    """Grid lines, axes with numbers, and the legend."""
    side = 2 * _MARGIN + 2 * UNITS * _STEP
    canvas = Canvas(side, side + 22)
    for at in range(-UNITS, UNITS + 1):
        place, first, last = round(_pixel(at)), _MARGIN, side - _MARGIN
        level, wide = (0, 2) if at == 0 else (12, 1)
        canvas.box(place, first, place + wide, last + 1, level)
        canvas.box(first, place, last + 1, place + wide, level)
    for at in (at for at in range(-UNITS, UNITS + 1, 2) if at):
        told = str(at * scale)
        wide, high = text_size(told, 11)
        for x, y in (
            (round(_pixel(at)), round(_pixel(0)) + 11),
            (round(_pixel(0)) - 6 - wide // 2, round(_pixel(-at))),
        ):
            canvas.box(x - wide // 2 - 1, y - high // 2 - 1, x + wide // 2 + 2, y + high // 2 + 2, 15)
            canvas.text((x, y), told, 11)
    for at in range(curves):
        x, y = _MARGIN + 20 + 90 * at, side + 8
        canvas.text((x, y), NAMES[at], 15)
        pieces = [((x + 12 + 4 * part, y), (x + 16 + 4 * part, y)) for part in range(10)]
        canvas.lines([((float(a), float(b)), (float(c), float(d))) for (a, b), (c, d) in pieces[:: 1 + at]], 2)
    return canvas
