"""Charts drawn: 340 x 272 pixels, an axis of 200 pixels, names under it and a legend above."""

from __future__ import annotations

import math
from functools import lru_cache
from itertools import pairwise

from .canvas import BLACK, WHITE, Canvas, Point, colour, text_size
from .charts_text import COLOURS, PIE, SCATTER, STEPS, Chart

WIDTH, HEIGHT = 340, 272
LEFT, RIGHT, TOP, BOTTOM = 46, 330, 42, 242  # of the plot: 10 pixels a step
RGB = ((31, 90, 200), (214, 39, 40), (34, 139, 34), (245, 130, 0), (138, 43, 190), (110, 110, 110))
_FONT, _PALE, _MARK = 12, 12, 4
_PIE_RADIUS = 82


def draw(chart: Chart, gridlines: bool, labels: bool) -> Canvas:
    """The chart; a scene is always drawn the same."""
    if chart.kind == PIE:
        return _pie(chart)
    canvas = _axes(chart.low, chart.step, gridlines, chart.kind == SCATTER).copy()
    if chart.kind == SCATTER:
        _points(canvas, chart)
        return canvas
    _legend(canvas, chart)
    slot = (RIGHT - LEFT) / len(chart.categories)
    for at, name in enumerate(chart.categories):
        canvas.text((round(LEFT + slot * (at + 0.5)), BOTTOM + 14), name, _FONT)
    (_bars if chart.kind == "bar" else _lines)(canvas, chart, slot, labels)
    return canvas


def _height(chart: Chart, value: int) -> int:
    """The pixel row of a value."""
    return round(BOTTOM - (value - chart.low) * (BOTTOM - TOP) / (STEPS * chart.step))


def _ink(chart: Chart, series: int) -> int:
    return colour(COLOURS.index(chart.series[series].colour))


@lru_cache(maxsize=64)
def _axes(low: int, step: int, gridlines: bool, both: bool) -> Canvas:
    """The value axis with a tick every second step; a second one along the bottom for scattered points."""
    canvas = Canvas(WIDTH, HEIGHT, RGB)
    for at in range(0, STEPS + 1, 2):
        y = BOTTOM - at * (BOTTOM - TOP) // STEPS
        if gridlines and at:
            canvas.box(LEFT, y, RIGHT, y + 1, _PALE)
        canvas.box(LEFT - 4, y, LEFT, y + 1)
        told = str(low + at * step)
        canvas.text((LEFT - 8 - text_size(told, _FONT)[0] // 2, y), told, _FONT)
        if both:
            x = LEFT + at * (RIGHT - LEFT - 10) // STEPS
            if gridlines and at:
                canvas.box(x, TOP, x + 1, BOTTOM, _PALE)
            canvas.box(x, BOTTOM, x + 1, BOTTOM + 5)
            if at % 4 == 0:
                canvas.text((x, BOTTOM + 14), told, _FONT)
    canvas.box(LEFT, TOP - 4, LEFT + 1, BOTTOM + 1)
    canvas.box(LEFT, BOTTOM, RIGHT, BOTTOM + 1)
    if both:
        canvas.text((RIGHT + 4, BOTTOM - 1), "x", _FONT + 2)
        canvas.text((LEFT, TOP - 22), "y", _FONT + 2)
    return canvas


def _legend(canvas: Canvas, chart: Chart) -> None:
    x = LEFT + 8
    for at, each in enumerate(chart.series):
        canvas.box(x, 8, x + 12, 20, _ink(chart, at))
        width = text_size(each.name, _FONT)[0]
        canvas.text((x + 17 + width // 2, 14), each.name, _FONT)
        x += 17 + width + 18


def _bars(canvas: Canvas, chart: Chart, slot: float, labels: bool) -> None:
    wide = min(34, int(slot * 0.8 / len(chart.series)))
    taken: list[tuple[int, int, int]] = []
    for at, row in enumerate(chart.values):
        left = round(LEFT + slot * (at + 0.5) - wide * len(row) / 2)
        for series, value in enumerate(row):
            y, x = _height(chart, value), left + series * wide
            canvas.box(x, y, x + wide - 1, BOTTOM, _ink(chart, series))
            if labels:
                half = text_size(str(value), 10)[0] // 2 + 2
                middle, y = x + wide // 2, y - 7
                while any(abs(middle - other) < half + reach and abs(y - high) < 10 for other, high, reach in taken):
                    y -= 10
                taken.append((middle, y, half))
                _on_white(canvas, (middle, y), str(value), 10)


def _lines(canvas: Canvas, chart: Chart, slot: float, labels: bool) -> None:
    for series in range(len(chart.series)):
        ink = _ink(chart, series)
        points = [(round(LEFT + slot * (at + 0.5)), _height(chart, row[series])) for at, row in enumerate(chart.values)]
        canvas.lines(list(pairwise(points)), 2, ink)
        for place in points:
            canvas.dot(place, _MARK, ink)
    for at, row in enumerate(chart.values if labels else ()):
        for value in row:
            x = round(LEFT + slot * (at + 0.5)) + 8 + text_size(str(value), 10)[0] // 2
            _on_white(canvas, (x, _height(chart, value)), str(value), 10)


def _on_white(canvas: Canvas, centre: tuple[int, int], text: str, size: int) -> None:
    wide, high = text_size(text, size)
    x, y = centre[0] - wide // 2, centre[1] - high // 2
    canvas.box(x - 1, y - 1, x + wide + 1, y + high + 1, WHITE)
    canvas.text(centre, text, size)


def _points(canvas: Canvas, chart: Chart) -> None:
    """Dots with letters, each letter on the side where it is farthest from all other dots."""
    across = (RIGHT - LEFT - 10) / (STEPS * chart.step)
    places = [(round(LEFT + (x - chart.low) * across), _height(chart, y)) for x, y in chart.values]
    for name, (x, y) in zip(chart.categories, places, strict=True):
        canvas.dot((x, y), _MARK, BLACK)
        sides = [(x + dx, y + dy) for dx, dy in ((10, -9), (-10, -9), (10, 9), (-10, 9)) if x + dx < WIDTH - 6]
        inside = [(a, b) for a, b in sides if a > LEFT + 6 and b < BOTTOM - 5]
        best = max(
            inside, key=lambda side: min((_apart(side, other) for other in places if other != (x, y)), default=0)
        )
        _on_white(canvas, best, name, _FONT + 1)


def _apart(one: tuple[int, int], other: tuple[int, int]) -> int:
    return (one[0] - other[0]) ** 2 + (one[1] - other[1]) ** 2


def _pie(chart: Chart) -> Canvas:
    """Slices from the top, clockwise, with white gaps; name and share outside each."""
    canvas = Canvas(WIDTH, HEIGHT, (*RGB, (240, 190, 0)))
    centre = (WIDTH // 2, HEIGHT // 2)
    start, edges = 0, []
    for at, (name, (share,)) in enumerate(zip(chart.categories, chart.values, strict=True)):
        turns = [start + share * part / max(2, share // 2) for part in range(max(2, share // 2) + 1)]
        rim = [_rim(centre, _PIE_RADIUS, turn) for turn in turns]
        canvas.polygon([centre, *rim], colour(at))
        edges.append((centre, rim[0]))
        told = f"{name} {share}%"
        x, y = _rim(centre, _PIE_RADIUS + 16, start + share / 2)
        wide, high = text_size(told, _FONT)
        middle = math.sin(math.tau * (start + share / 2) / 100)
        lean = -math.cos(math.tau * (start + share / 2) / 100)
        canvas.text((round(x + middle * wide / 2), round(y + lean * high / 2)), told, _FONT)
        start += share
    canvas.lines(edges, 2, WHITE)
    return canvas


def _rim(centre: tuple[int, int], radius: float, turn: float) -> Point:
    """The point of the rim at `turn` per cent of a full turn from the top."""
    angle = math.tau * turn / 100
    return centre[0] + radius * math.sin(angle), centre[1] - radius * math.cos(angle)
