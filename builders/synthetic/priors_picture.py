"""Things drawn, a large one on the left and small ones on the right, each with any value of its domain.

Colours stand on white, where a canvas has them smooth, and everything else in greys.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import lru_cache

from .canvas import BLACK, RGB, WHITE, Canvas, Point, colour
from .priors_things import COLOURS, LETTERS, Seen, Still

WIDTH, HEIGHT = 320, 300
_MAIN, _LARGE = (104, 150), 92
_SMALL, _PLACES = 42, ((262, 52), (262, 150), (262, 248))
_SHADES: tuple[RGB, ...] = (
    (214, 32, 38),
    (244, 124, 16),
    (247, 205, 20),
    (34, 148, 62),
    (36, 88, 206),
    (132, 52, 160),
)
_GREY, _PALE, _LINE = 7, 12, 2.5


def draw(scene: Still) -> Canvas:
    """The scene; nothing in it is left to chance."""
    canvas = Canvas(WIDTH, HEIGHT, _SHADES)
    shown = [
        (scene.main, _MAIN, _LARGE),
        *((each, place, _SMALL) for each, place in zip(scene.beside, _PLACES, strict=False)),
    ]
    for each, (x, y), radius in shown:
        tile = _tile(each, radius)
        canvas.place(tile, (x - tile.width // 2, y - tile.height // 2))
    return canvas


@lru_cache(maxsize=1024)
def _tile(seen: Seen, radius: int) -> Canvas:
    """A thing alone: there are few, and they come again and again."""
    half = radius + radius // 16 + 1
    canvas = Canvas(2 * half + 1, 2 * half + 1, _SHADES)
    _DRAWN[seen.thing](_Pen(canvas, (half, half), radius), seen.value)
    return canvas


def _shade(name: str) -> int:
    return colour(COLOURS.index(name))


class _Pen:
    """Draws around a centre in units of a radius: a thing lies between -1 and 1, y down."""

    def __init__(self, canvas: Canvas, centre: tuple[int, int], radius: int) -> None:
        self.canvas, self.centre, self.radius = canvas, centre, radius

    def at(self, x: float, y: float) -> Point:
        return self.centre[0] + self.radius * x, self.centre[1] + self.radius * y

    def pixel(self, x: float, y: float) -> tuple[int, int]:
        return round(self.centre[0] + self.radius * x), round(self.centre[1] + self.radius * y)

    def lines(self, ends: Sequence[tuple[Point, Point]], width: float = 0.03, level: int = BLACK) -> None:
        self.canvas.lines([(self.at(*one), self.at(*two)) for one, two in ends], max(1.5, width * self.radius), level)

    def shape(self, corners: Sequence[Point], level: int) -> None:
        self.canvas.polygon([self.at(*corner) for corner in corners], level)

    def outline(self, corners: Sequence[Point], width: float = 0.03) -> None:
        self.lines(list(zip(corners, [*corners[1:], corners[0]], strict=True)), width)

    def dot(self, x: float, y: float, radius: float, level: int = BLACK) -> None:
        self.canvas.dot(self.pixel(x, y), max(1, round(radius * self.radius)), level)

    def disc(self, x: float, y: float, radius: float, edge: float = 0.035) -> None:
        self.canvas.disc(self.pixel(x, y), round(radius * self.radius), max(2, round(edge * self.radius)))

    def ring(self, x: float, y: float, radius: float, width: float) -> None:
        self.canvas.arc(self.at(x, y), radius * self.radius, 0, 360, max(2, width * self.radius))

    def box(self, left: float, top: float, right: float, bottom: float, level: int) -> None:
        (x0, y0), (x1, y1) = self.pixel(left, top), self.pixel(right, bottom)
        self.canvas.box(x0, y0, max(x0 + 1, x1), max(y0 + 1, y1), level)

    def text(self, x: float, y: float, text: str, size: float, level: int = BLACK) -> None:
        self.canvas.text(self.pixel(x, y), text, max(9, round(size * self.radius)), level)


def _round(turn: float, radius: float, x: float = 0, y: float = 0) -> Point:
    """`turn` of a whole one clockwise from the top."""
    return x + radius * math.sin(2 * math.pi * turn), y - radius * math.cos(2 * math.pi * turn)


def _oval(across: float, down: float, x: float = 0, y: float = 0) -> list[Point]:
    return [(x + across * math.sin(math.tau * at / 48), y - down * math.cos(math.tau * at / 48)) for at in range(48)]


def _spread(count: int) -> list[float]:
    """From -1 to 1, the middle for one."""
    return [0.0] if count == 1 else [2 * at / (count - 1) - 1 for at in range(count)]


def _spider(pen: _Pen, value: str) -> None:
    """Legs all round, but for the top, where the head is."""
    count = int(value)
    pen.lines([((0, 0), _round((at + 0.5) / count, 0.98)) for at in range(count)], 0.05)
    pen.dot(0, 0, 0.36)
    pen.dot(0, -0.42, 0.17)


def _beetle(pen: _Pen, value: str) -> None:
    count = int(value)
    sides = ((-1, (count + 1) // 2), (1, count // 2))
    legs = [(side, at) for side, own in sides for at in _spread(own)]
    pen.lines([((0, 0.5 * at + 0.1), (0.85 * side, 0.62 * at + 0.1)) for side, at in legs], 0.05)
    pen.shape(_oval(0.42, 0.66, 0, 0.15), _GREY)
    pen.dot(0, -0.6, 0.24)
    pen.lines([((0, -0.45), (0, 0.78))], 0.03, WHITE)


def _dog(pen: _Pen, value: str) -> None:
    pen.box(-0.6, -0.25, 0.75, 0.2, _GREY)
    for at in _spread(int(value)):
        x = 0.075 + 0.59 * at
        pen.box(x - 0.05, 0.2, x + 0.05, 0.85, BLACK)
    pen.shape([(-1, -0.5), (-0.55, -0.75), (-0.4, -0.2), (-0.6, -0.1), (-1, -0.25)], _GREY)
    pen.shape([(-0.55, -0.75), (-0.35, -0.62), (-0.4, -0.3)], BLACK)
    pen.dot(-0.72, -0.45, 0.05)
    pen.lines([((0.72, -0.2), (0.97, -0.65))], 0.07)


def _starfish(pen: _Pen, value: str) -> None:
    count = int(value)
    corners = [_round(at / (2 * count), 0.98 if at % 2 == 0 else 0.36) for at in range(2 * count)]
    pen.shape(corners if count > 1 else [(-0.3, 0.4), (0, -0.98), (0.3, 0.4)], _GREY)


def _snowflake(pen: _Pen, value: str) -> None:
    count = int(value)
    for at in range(count):
        turn = at / count
        tip = _round(turn, 0.66)
        pen.lines([((0, 0), _round(turn, 0.98))], 0.05)
        pen.lines([(tip, _round(turn + side, 0.22, *tip)) for side in (-0.12, 0.12)], 0.05)


def _clover(pen: _Pen, value: str) -> None:
    """Leaflets all round, but for the bottom, where the stem is."""
    count = int(value)
    radius = min(0.34, 0.56 * math.sin(math.pi / count) * 0.9) if count > 1 else 0.34
    pen.lines([((0, -0.1), (0.1, 0.98))], 0.06)
    for at in range(count):
        x, y = _round(0.5 + (at + 0.5) / count, 0.56, 0, -0.1)
        pen.dot(x, y, radius, _GREY)
        pen.lines([((0, -0.1), (x, y))], 0.04)


def _guitar(pen: _Pen, value: str) -> None:
    count = int(value)
    step = min(0.13, 1 / count)
    half = step * (count + 1) / 2
    pen.disc(0, 0.42, 0.55)
    pen.box(-half, -0.98, half, 0.3, _PALE)
    for at in range(count):
        x = step * (at - (count - 1) / 2)
        (left, top), (_, bottom) = pen.pixel(x, -0.98), pen.pixel(x, 0.75)
        pen.canvas.box(left, top, left + (2 if pen.radius > _SMALL else 1), bottom, BLACK)
    pen.box(-half, 0.72, half, 0.8, BLACK)


def _bicycle(pen: _Pen, value: str) -> None:
    count = int(value)
    radius = min(0.42, 0.9 / count)
    places = [(1 - radius) * at for at in _spread(count)]
    for x in places:
        pen.ring(x, 0.4, radius * 0.92, 0.06)
        pen.dot(x, 0.4, 0.05)
    first, last = places[0], places[-1]
    front, seat = min(0.9, last + 0.12), first + 0.12
    pen.lines([((first, 0.4), (seat, -0.25)), ((seat, -0.25), (last, -0.3)), ((first, 0.4), (last, 0.4))], 0.05)
    pen.lines([((last, 0.4), (last, -0.55)), ((last, -0.55), (front, -0.62))], 0.05)
    pen.lines([((seat - 0.14, -0.32), (seat + 0.14, -0.32))], 0.08)


def _windmill(pen: _Pen, value: str) -> None:
    count = int(value)
    pen.shape([(-0.2, -0.2), (0.2, -0.2), (0.38, 0.98), (-0.38, 0.98)], _PALE)
    for at in range(count):
        turn = (at + 0.5) / count
        pen.lines([((0, -0.2), _round(turn, 0.76, 0, -0.2))], 0.03)
        pen.lines([(_round(turn, 0.24, 0, -0.2), _round(turn, 0.76, 0, -0.2))], 0.13)
    pen.dot(0, -0.2, 0.09)


def _face(pen: _Pen, value: str) -> None:
    count = int(value)
    pen.disc(0, 0, 0.95)
    size = min(0.13, 0.5 / count)
    for at in _spread(count):
        pen.dot(min(0.68, 0.2 * count) * at, -0.2, size)
    pen.canvas.arc(pen.at(0, 0.1), 0.5 * pen.radius, 25, 155, max(2, 0.06 * pen.radius))


def _emblem(pen: _Pen, value: str) -> None:
    """Each ring through the next, in two rows."""
    count = int(value)
    radius = min(0.36, 1.95 / (1.15 * (count - 1) + 2))
    for number in range(count):
        x = 1.15 * radius * (number - (count - 1) / 2)
        pen.ring(x, 0.55 * radius * (1 if number % 2 else -1), radius, 0.05)


def _chess_board(pen: _Pen, value: str) -> None:
    count = int(value)
    (left, top), (right, _) = pen.pixel(-0.92, -0.92), pen.pixel(0.92, 0)
    cell = (right - left) // count
    whole = cell * count
    pen.canvas.box(left - 2, top - 2, left + whole + 2, top + whole + 2, BLACK)
    pen.canvas.box(left, top, left + whole, top + whole, WHITE)
    for at in range(count * count):
        row, column = divmod(at, count)
        if (row + column) % 2:
            x, y = left + cell * column, top + cell * row
            pen.canvas.box(x, y, x + cell, y + cell, 5)


def _banana(pen: _Pen, value: str) -> None:
    outer = [_round(0.24 + 0.46 * at / 24, 0.98, 0, -0.3) for at in range(25)]
    inner = [_round(0.26 + 0.4 * at / 24, 0.72, 0.08, -0.52) for at in range(24, -1, -1)]
    pen.shape([*outer, *inner], _shade(value))


def _carrot(pen: _Pen, value: str) -> None:
    pen.shape([(-0.34, -0.4), (-0.2, -0.5), (0.2, -0.5), (0.34, -0.4), (0, 0.98)], _shade(value))
    for x in (-0.28, 0, 0.28):
        pen.lines([((x / 4, -0.58), (x, -0.96))], 0.08, _GREY)


def _tomato(pen: _Pen, value: str) -> None:
    pen.shape(_oval(0.86, 0.72, 0, 0.18), _shade(value))
    for x in (-0.3, 0, 0.3):
        pen.lines([((0, -0.62), (x, -0.86))], 0.08, _GREY)


def _leaf(pen: _Pen, value: str) -> None:
    side = [(0.52 * math.sin(math.pi * at / 24) ** 0.8, -0.95 + 1.5 * at / 24) for at in range(25)]
    pen.shape([*side, *((-x, y) for x, y in reversed(side))], _shade(value))
    pen.lines([((0, 0.6), (0.06, 0.98))], 0.06, _GREY)


def _heart(pen: _Pen, value: str) -> None:
    """x = 16 sin³ t, y = 13 cos t - 5 cos 2t - 2 cos 3t - cos 4t."""
    corners = []
    for at in range(60):
        t = math.tau * at / 60
        y = 13 * math.cos(t) - 5 * math.cos(2 * t) - 2 * math.cos(3 * t) - math.cos(4 * t)
        corners.append((0.92 * math.sin(t) ** 3, -y / 17))
    pen.shape(corners, _shade(value))


def _water_drop(pen: _Pen, value: str) -> None:
    belly = [_round(0.181 + 0.638 * at / 32, 0.56, 0, 0.38) for at in range(33)]  # between the tangents from the tip
    pen.shape([(0, -0.95), *belly], _shade(value))


def _school_bus(pen: _Pen, value: str) -> None:
    pen.box(-0.95, -0.5, 0.6, 0.4, _shade(value))
    pen.box(0.6, -0.05, 0.95, 0.4, _shade(value))
    for at in range(4):
        pen.box(-0.85 + 0.36 * at, -0.38, -0.6 + 0.36 * at, -0.08, WHITE)
    for x in (-0.55, 0.55):
        pen.dot(x, 0.62, 0.19)


def _clock(pen: _Pen, value: str) -> None:
    """A dial turned so that the number comes to the top. No hands, which would speak of the time."""
    pen.disc(0, 0, 0.97)
    for hour in range(1, 13):
        turn = (hour - int(value)) / 12
        x, y = _round(turn, 0.72)
        pen.text(x, y, str(hour), 0.26)
        pen.lines([(_round(turn, 0.88), _round(turn, 0.94))], 0.03)
    pen.dot(0, 0, 0.06)


def _compass(pen: _Pen, value: str) -> None:
    pen.disc(0, 0, 0.97)
    for number, letter in enumerate(LETTERS):
        x, y = _round((number - LETTERS.index(value)) / 4, 0.72)
        pen.text(x, y, letter, 0.34)
    for turn in (0, 0.5):
        needle = [_round(turn, 0.46), _round(turn + 0.25, 0.11), (0, 0), _round(turn - 0.25, 0.11)]
        pen.shape(needle, BLACK if turn else _PALE)
        pen.outline(needle, 0.02)


def _traffic_light(pen: _Pen, value: str) -> None:
    """The lamp at the top changes places with its own, if it has one."""
    lamps = ["red", "yellow", "green"]
    if value in lamps:
        lamps[lamps.index(value)] = "red"
    lamps[0] = value
    pen.box(-0.38, -0.95, 0.38, 0.75, BLACK)
    pen.box(-0.05, 0.75, 0.05, 0.98, BLACK)
    for number, lamp in enumerate(lamps):
        pen.dot(0, -0.66 + 0.55 * number, 0.23, _shade(lamp))


def _stop_sign(pen: _Pen, value: str) -> None:
    if value == "circle":
        pen.disc(0, 0, 0.92, 0.09)
    else:
        count = {"octagon": 8, "square": 4, "triangle": 3}[value]
        turn, y = (0.0, 0.22) if count == 3 else (0.5 / count, 0.0)
        corners = [_round(at / count + turn, 1.05 if count < 8 else 0.95, 0, y) for at in range(count)]
        pen.outline(corners, 0.09)
    pen.text(0, 0.26 if value == "triangle" else 0, "STOP", 0.4 if value != "triangle" else 0.34)


def _rainbow(pen: _Pen, value: str) -> None:
    """The usual bands, turned so that the colour comes outside."""
    first = COLOURS.index(value)
    for number, name in enumerate([*COLOURS[first:], *COLOURS[:first]]):
        outer, inner = (
            [_round(-0.25 + 0.5 * at / 40, radius, 0, 0.45) for at in range(41)]
            for radius in (0.97 - 0.11 * number, 0.86 - 0.11 * number)
        )
        pen.shape([*outer, *reversed(inner)], _shade(name))


_DRAWN: dict[str, Callable[[_Pen, str], None]] = {
    "spider": _spider,
    "beetle": _beetle,
    "dog": _dog,
    "starfish": _starfish,
    "snowflake": _snowflake,
    "clover": _clover,
    "guitar": _guitar,
    "bicycle": _bicycle,
    "windmill": _windmill,
    "face": _face,
    "Olympic emblem": _emblem,
    "chess board": _chess_board,
    "banana": _banana,
    "carrot": _carrot,
    "tomato": _tomato,
    "leaf": _leaf,
    "heart": _heart,
    "water drop": _water_drop,
    "school bus": _school_bus,
    "clock": _clock,
    "compass": _compass,
    "traffic light": _traffic_light,
    "stop sign": _stop_sign,
    "rainbow": _rainbow,
}
