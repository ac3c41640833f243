"""Instruments drawn: four to a picture of 312 x 320 pixels, or bars above one ruler."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

from .canvas import BLACK, WHITE, Canvas, Point

SIDE, CELL = 312, 156
_FACE, _FONT = 66, 12
_FROM, _TURN = -135, 270  # degrees clockwise from the top: where a gauge's scale begins, and how far it goes
_RULER_LEFT, _CM = 26, 26
_BAR_FIRST, _BAR_STEP = 50, 34
LETTERS = "ABCD"


def draw(kind: str, readings: Sequence[tuple[float, float]], labels: Sequence[str]) -> Canvas:
    """A clock's readings are shares of its two turns; a gauge's the share of its scale; a bar's its ends as shares."""
    if kind == "ruler":
        return _bars(readings)
    canvas = Canvas(SIDE, 2 * CELL + 8)
    for at, reading in enumerate(readings):
        centre = (CELL // 2 + CELL * (at % 2), CELL // 2 + 6 + (CELL + 4) * (at // 2))
        face = _clock() if kind == "clock" else _gauge(tuple(labels))
        canvas.place(face, (centre[0] - face.width // 2, centre[1] - face.height // 2))
        canvas.text((centre[0] - CELL // 2 + 11, centre[1] - CELL // 2 + 10), LETTERS[at], 15)
        if kind == "clock":
            _hand(canvas, centre, 360 * reading[0], 27, 5)
            _hand(canvas, centre, 360 * reading[1], 43, 2.5)
        else:
            _hand(canvas, centre, _FROM + _TURN * reading[0], 44, 2.5)
        canvas.dot(centre, 4)
    return canvas


def _rim(centre: Point, radius: float, degrees: float) -> Point:
    """Clockwise from the top."""
    angle = math.radians(degrees)
    return centre[0] + radius * math.sin(angle), centre[1] - radius * math.cos(angle)


def _hand(canvas: Canvas, centre: Point, degrees: float, length: float, width: float) -> None:
    canvas.lines([(_rim(centre, -8, degrees), _rim(centre, length, degrees))], width)


@lru_cache(maxsize=1)
def _clock() -> Canvas:
    """A face with twelve numbers and sixty ticks."""
    side = 2 * _FACE + 5
    canvas, centre = Canvas(side, side), (_FACE + 2, _FACE + 2)
    canvas.arc(centre, _FACE, 0, 360, 2)
    for width, ticks in ((1, [at for at in range(60) if at % 5]), (2.5, range(0, 60, 5))):
        inner = _FACE - (7 if width > 1 else 4)
        canvas.lines([(_rim(centre, inner, 6 * at), _rim(centre, _FACE - 1, 6 * at)) for at in ticks], width)
    for hour in range(1, 13):
        x, y = _rim(centre, _FACE - 15, 30 * hour)
        canvas.text((round(x), round(y)), str(hour), _FONT)
    return canvas


@lru_cache(maxsize=16)
def _gauge(labels: tuple[str, ...]) -> Canvas:
    """A dial with a number at every second tick."""
    side = 2 * _FACE + 19
    canvas, centre = Canvas(side, side), (side // 2, side // 2)
    canvas.arc(centre, _FACE - 8, _FROM - 90, _FROM - 90 + _TURN, 2)
    count = 2 * (len(labels) - 1)
    for at in range(count + 1):
        degrees = _FROM + _TURN * at / count
        inner = _FACE - (18 if at % 2 == 0 else 14)
        canvas.lines([(_rim(centre, inner, degrees), _rim(centre, _FACE - 8, degrees))], 2 if at % 2 == 0 else 1)
        if at % 2 == 0:
            x, y = _rim(centre, _FACE + 2, degrees)
            canvas.text((round(x), round(y)), labels[at // 2], 11)
    return canvas


def _bars(readings: Sequence[tuple[float, float]]) -> Canvas:
    """Bars above a ruler with a tick every half centimetre, thin lines leading down from their ends."""
    canvas = Canvas(SIDE, 230)
    top, long = 170, 10 * _CM
    for at, (one, two) in enumerate(readings):
        y = _BAR_FIRST - 26 + _BAR_STEP * at
        left, right = (_RULER_LEFT + round(end * long) for end in (one, two))
        for x in (left, right):
            canvas.box(x, y, x + 1, top, 11)
        canvas.box(left, y, right + 1, y + 16, BLACK)
        canvas.box(left + 1, y + 1, right, y + 15, 12)
        canvas.text(((left + right) // 2, y + 8), LETTERS[at], 13)
    canvas.box(_RULER_LEFT - 12, top, _RULER_LEFT + long + 13, top + 44, BLACK)
    canvas.box(_RULER_LEFT - 11, top + 1, _RULER_LEFT + long + 12, top + 43, WHITE)
    for tick in range(21):
        x = _RULER_LEFT + tick * _CM // 2
        canvas.box(x, top, x + 1, top + (14 if tick % 2 == 0 else 8))
        if tick % 2 == 0:
            canvas.text((x, top + 24), str(tick // 2), _FONT)
    canvas.text((_RULER_LEFT + long - 4, top + 36), "cm", 11)
    return canvas
