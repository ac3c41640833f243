"""Figures drawn: placed by their values where the labels decide them, labels where nothing else stands.

A figure that is to scale has all the angles and ratios that follow from its labels; what they leave open is chosen.
One that is not to scale is placed as if it had no labels. How it is turned follows from its facts, so that a figure is
always drawn the same.
"""

from __future__ import annotations

import cmath
import math
import random
from functools import lru_cache
from itertools import combinations, pairwise
from typing import NamedTuple

from .canvas import Canvas, text_size
from .geometry_figures import SHAPES, TRIANGLES, Figure, Value
from .geometry_proof import Step, close, known
from .geometry_text import FLAG, state
from .geometry_values import angle_names, consistent, contradicts

SIDE, MARGIN, FLAG_HEIGHT = 300, 36, 22
_LINE, _FONT, _ARC, _SQUARE = 1.6, 14, 15, 9
_APART = 40  # pixels between two points
_LEAST, _MOST = 20, 145  # degrees
_CHOSEN = (58, 66, 42, 75, 34, 95, 50, 28, 105, 120)


class Layout(NamedTuple):
    """Points in pixels by their letters in the construction, and where each text stands."""

    points: dict[str, complex]
    texts: list[tuple[str, tuple[int, int]]]


@lru_cache(maxsize=256)
def layout(figure: Figure) -> Layout | None:
    """A layout in which no text meets another, a line, or a mark; None where none was found."""
    angles = _angles(figure)
    if angles is None:
        return None
    points = _fit(_placed(figure, angles), figure)
    if min(abs(points[one] - points[two]) for one, two in combinations(points, 2)) < _APART:
        return None
    texts = _texts(figure, points)
    return None if texts is None else Layout(points, texts)


def _forced(figure: Figure) -> Layout:
    """For figures that somebody describes: their labels may contradict each other."""
    bare = figure._replace(labels=(), exact=False)
    angles = _angles(bare)
    assert angles is not None  # without labels, every construction can be placed
    points = _fit(_placed(bare, angles), figure)
    texts = [(text, places[0]) for text, places in _wanted(figure, points)]
    return Layout(points, [(text, (round(place.real), round(place.imag))) for text, place in texts])


def draw(figure: Figure) -> Canvas:
    """The figure. One without a clear layout, which none of ours is, is drawn anyhow: out of scale, texts on lines."""
    placed = layout(figure) or _forced(figure)
    canvas = Canvas(SIDE, SIDE)
    points = placed.points
    shape = SHAPES[figure.kind]
    if shape.circle:
        centre = points[shape.circle]
        canvas.arc((centre.real, centre.imag), abs(points["A"] - centre), 0, 360, _LINE)
    lines = [(points[side[0]], points[side[1]]) for side in shape.segments] + _marks(figure, points)
    canvas.lines([((a.real, a.imag), (b.real, b.imag)) for a, b in lines], _LINE)
    for quantity, _ in figure.labels:
        if len(quantity) == 3:
            start, end = _sweep(points, quantity)
            centre = points[quantity[1]]
            canvas.arc((centre.real, centre.imag), _ARC, start, end, 1.2)
    for point in points.values():
        canvas.dot((round(point.real), round(point.imag)), 2)
    for text, place in placed.texts:
        canvas.text(place, text, _FONT)
    if not figure.exact:
        canvas.text((SIDE // 2, SIDE - 12), FLAG, 13)
    return canvas


def _angles(figure: Figure) -> dict[str, float] | None:
    """Every angle: as it follows, else as the first of `_CHOSEN` that leaves all angles large enough to see."""
    names = angle_names(figure.kind)
    follows = {name: step.value for name, step in known(figure).items()} if figure.exact else {}
    given: dict[str, Value] = {name: float(follows[name]) for name in names if name in follows}
    for triangle in TRIANGLES[figure.kind]:
        given |= {
            name: angle for name, angle in _from_sides(figure.kind, triangle, follows).items() if name not in given
        }
    found = close(figure.kind, figure.marks, given)
    for name in names:
        if name in found:
            continue
        for chosen in _by_height(figure, name, found) or _CHOSEN:
            trial = close(figure.kind, figure.marks, given | {name: float(chosen)})
            fits = all(_LEAST <= trial[other].value <= _MOST for other in names if other in trial)
            if fits and not contradicts(figure.kind, figure.marks, trial):
                given, found = given | {name: float(chosen)}, trial
                break
        else:
            return None
    angles: dict[str, Value] = {name: float(found[name].value) for name in names}
    if not all(_LEAST <= angle <= _MOST for angle in angles.values()):
        return None
    return (
        {name: float(angle) for name, angle in angles.items()}
        if consistent(figure.kind, figure.marks, angles)
        else None
    )


def _by_height(figure: Figure, name: str, angles: dict[str, Step]) -> tuple[float, ...]:
    """The angle at B of a triangle with its height CD, from the angle at A and lengths on both sides of D."""
    if name != "ABC" or figure.marks != ("right ADC",) or not figure.exact or "CAB" not in angles:
        return ()
    lengths = {quantity: float(step.value) for quantity, step in known(figure).items() if len(quantity) == 2}
    slant = math.radians(angles["CAB"].value)
    heights = {"CD": 1.0, "AD": math.tan(slant), "CA": math.sin(slant)}
    height = next((lengths[side] * factor for side, factor in heights.items() if side in lengths), None)
    if height is None:
        return ()
    if "DB" in lengths:
        return (math.degrees(math.atan2(height, lengths["DB"])),)
    if "BC" in lengths and height < lengths["BC"]:
        return (math.degrees(math.asin(height / lengths["BC"])),)
    return ()


def _from_sides(kind: str, triangle: str, follows: dict[str, Value]) -> dict[str, float]:
    """The angles of a triangle whose sides are known (law of cosines)."""
    shape = SHAPES[kind]
    a, b, c = tuple(triangle)
    sides = [follows.get(str(shape.length(side))) for side in (b + c, c + a, a + b)]
    if None in sides:
        return {}
    first, second, third = (float(side) for side in sides if side is not None)
    turns = ((a, first, second, third), (b, second, third, first), (c, third, first, second))
    found = {}
    for vertex, opposite, one, other in turns:
        ends = [point for point in triangle if point != vertex]
        cosine = (one**2 + other**2 - opposite**2) / (2 * one * other)
        found[str(shape.angle(ends[0] + vertex + ends[1]))] = math.degrees(math.acos(max(-1.0, min(1.0, cosine))))
    return found


def _ratio(figure: Figure, pairs: tuple[tuple[str, str], ...], otherwise: float) -> float:
    found = known(figure) if figure.exact else {}
    for one, other in pairs:
        if one in found and other in found:
            return float(found[one].value) / float(found[other].value)
    return otherwise


def _placed(figure: Figure, angles: dict[str, float]) -> dict[str, complex]:
    """The points in any size, A and B level."""
    shape = SHAPES[figure.kind]

    def at(name: str) -> float:
        return math.radians(angles[str(shape.angle(name))])

    if figure.kind == "cross":
        turn = cmath.rect(1, -at("AOC"))
        one = math.sin(at("CAO")) / math.sin(at("ACO"))
        two = math.sin(at("DBO")) / math.sin(at("BDO"))
        scale = _ratio(figure, (("OB", "OA"), ("OD", "OC"), ("BD", "AC")), 0.85)
        return {"A": -1 + 0j, "B": scale + 0j, "C": -one * turn, "D": scale * two * turn, "O": 0j}
    if figure.kind == "circle":
        return {"A": -1 + 0j, "B": 1 + 0j, "C": -cmath.rect(1, -at("AOC")), "O": 0j}
    apex = cmath.rect(math.sin(at("ABC")) / math.sin(at("BCA")), at("CAB"))
    points = {"A": 0j, "B": 1 + 0j, "C": apex}
    if figure.kind == "cevian":
        points["D"] = complex(apex.real + apex.imag / math.tan(at("ADC")), 0)
    if figure.kind == "parallel":
        part = _ratio(figure, (("CD", "CA"), ("CE", "BC"), ("DE", "AB")), 0.55)
        points |= {"D": apex + part * (0 - apex), "E": apex + part * (1 - apex)}
    return points


def _fit(points: dict[str, complex], figure: Figure) -> dict[str, complex]:
    """Turned, perhaps mirrored, and as large as the picture allows."""
    rng = random.Random(state(figure))
    turn = cmath.rect(1, math.tau * rng.random())
    turned = {name: (place.conjugate() if rng.random() < 0 else place) * turn for name, place in points.items()}
    extent = list(turned.values())
    if circle := SHAPES[figure.kind].circle:
        radius = abs(turned["A"] - turned[circle])
        extent = [turned[circle] + radius * way for way in (1, -1, 1j, -1j)]
    left, right = (choose(place.real for place in extent) for choose in (min, max))
    low, high = (choose(place.imag for place in extent) for choose in (min, max))
    wide, tall = SIDE - 2 * MARGIN, SIDE - 2 * MARGIN - FLAG_HEIGHT
    scale = min(wide / (right - left), tall / (high - low))
    middle = complex((left + right) / 2, (low + high) / 2)
    centre = complex(SIDE / 2, (SIDE - FLAG_HEIGHT) / 2)
    return {name: centre + (place - middle) * scale for name, place in turned.items()}


def _sweep(points: dict[str, complex], angle: str) -> tuple[float, float]:
    """From and to, in degrees clockwise, the short way round."""
    one, vertex, other = (points[name] for name in angle)
    start, end = (math.degrees(cmath.phase(end - vertex)) for end in (one, other))
    return (start, end) if (end - start) % 360 < 180 else (end, start)


def _marks(figure: Figure, points: dict[str, complex]) -> list[tuple[complex, complex]]:
    """Short strokes: a square in a right angle, ticks across equal sides, arrow heads on parallel ones."""
    strokes: list[tuple[complex, complex]] = []
    for mark in figure.marks:
        what, *names = mark.split()
        if what == "right":
            one, vertex, other = [points[name] for name in names[0]]
            first, second = (_SQUARE * (end - vertex) / abs(end - vertex) for end in (one, other))
            strokes += [(vertex + first, vertex + first + second), (vertex + first + second, vertex + second)]
            continue
        ways = [points[name[1]] - points[name[0]] for name in names]
        for name, way in zip(names, ways, strict=True):
            along = way / abs(way)
            if what == "parallel" and (along / ways[0]).real < 0:
                along = -along
            middle = (points[name[0]] + points[name[1]]) / 2
            if what == "equal":
                strokes.append((middle - 5j * along, middle + 5j * along))
            else:
                tip = middle + 4 * along
                strokes += [(tip, tip - 8 * along + 5j * along), (tip, tip - 8 * along - 5j * along)]
    return strokes


def _texts(figure: Figure, points: dict[str, complex]) -> list[tuple[str, tuple[int, int]]] | None:
    """Where letters and labels stand; None where one finds no free place."""
    shape = SHAPES[figure.kind]
    lines = [(points[side[0]], points[side[1]]) for side in shape.segments] + _marks(figure, points)
    if shape.circle:
        centre, radius = points[shape.circle], abs(points["A"] - points[shape.circle])
        rim = [centre + cmath.rect(radius, math.tau * at / 40) for at in range(41)]
        lines += list(pairwise(rim))
    taken: list[Box] = []
    texts = []
    for text, places in _wanted(figure, points):
        wide, high = text_size(text, _FONT)
        for place in places:
            half = complex(wide / 2 + 2, high / 2 + 2)
            low, far = place - half, place + half
            box = (low.real, low.imag, far.real, far.imag)
            if _free(box, taken, lines):
                taken.append(box)
                texts.append((text, (round(place.real), round(place.imag))))
                break
        else:
            return None
    return texts


def _wanted(figure: Figure, points: dict[str, complex]) -> list[tuple[str, list[complex]]]:
    """Each label and letter, with the places where it may stand, best first."""
    wanted: list[tuple[str, list[complex]]] = []
    for quantity, value in figure.labels:
        if len(quantity) == 3:
            one, vertex, other = (points[name] for name in quantity)
            bisector = (one - vertex) / abs(one - vertex) + (other - vertex) / abs(other - vertex)
            bisector /= abs(bisector)
            wanted.append((f"{value}°", [vertex + reach * bisector for reach in range(24, 64, 4)]))
    for quantity, value in figure.labels:
        if len(quantity) == 2:
            start, end = points[quantity[0]], points[quantity[1]]
            normal = 1j * (end - start) / abs(end - start)
            places = [
                start + part * (end - start) + side * reach * normal
                for part in (0.5, 0.42, 0.58, 0.34, 0.66)
                for reach in (11, 14)
                for side in (1, -1)
            ]
            wanted.append((str(value), places))
    middle = sum(points.values()) / len(points)
    for name, letter in zip(SHAPES[figure.kind].points, figure.letters, strict=True):
        away = cmath.phase(points[name] - middle)
        ways = sorted(range(16), key=lambda way: min(way, 16 - way))
        wanted.append(
            (letter, [points[name] + cmath.rect(r, away + math.tau * way / 16) for r in (13, 16) for way in ways])
        )
    return wanted


Box = tuple[float, float, float, float]


def _free(box: Box, taken: list[Box], lines: list[tuple[complex, complex]]) -> bool:
    left, top, right, bottom = box
    if left < 1 or top < 1 or right > SIDE - 1 or bottom > SIDE - 1:
        return False
    if any(left < other[2] and other[0] < right and top < other[3] and other[1] < bottom for other in taken):
        return False
    return not any(_meets(box, one, two) for one, two in lines)


def _meets(box: Box, one: complex, two: complex) -> bool:
    """Whether a segment enters a box (the slab method)."""
    enter, leave = 0.0, 1.0
    for start, way, low, high in (
        (one.real, two.real - one.real, box[0], box[2]),
        (one.imag, two.imag - one.imag, box[1], box[3]),
    ):
        if abs(way) < 1e-9:
            if not low <= start <= high:
                return False
            continue
        first, last = sorted(((low - start) / way, (high - start) / way))
        enter, leave = max(enter, first), min(leave, last)
    return enter <= leave
