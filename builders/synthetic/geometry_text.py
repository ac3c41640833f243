"""Figures in words: their facts, how these are read back, and what sentences claim of a figure."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from .claims import Rule
from .geometry_figures import SHAPES, Figure
from .geometry_proof import known

FLAG = "not to scale"


def state(figure: Figure) -> str:
    """The facts; see `plane_geometry`."""
    shape = SHAPES[figure.kind]
    lines = [shape.words.format(**dict(zip(shape.points, figure.letters, strict=True)))]
    for mark in figure.marks:
        what, *names = mark.split()
        told = ", ".join(figure.named(name) for name in names)
        lines.append(f"right angle {told}" if what == "right" else f"{what} marks {told}")
    for quantity, value in figure.labels:
        name = figure.named(quantity)
        lines.append(f"angle {name} = {value}°" if len(quantity) == 3 else f"{name} = {value}")
    return "\n".join(lines if figure.exact else (*lines, FLAG))


_P = r"([A-Z])"
_CIRCLE = re.compile(
    rf"cent(?:re|er) {_P} and (?:a )?diameter {_P}{_P}\b.{{0,40}}?\b{_P} (?:is |lies )?on the circle", re.DOTALL
)
_CROSS = re.compile(rf"\b{_P}{_P} and {_P}{_P} (?:cross|intersect|meet)(?: each other)? at {_P}\b")
_TRIANGLE = re.compile(rf"\btriangle {_P}{_P}{_P}\b", re.IGNORECASE)
_ON = re.compile(rf"\b{_P} (?:is |lies )?on (?:the )?(?:side |segment )?{_P}{_P}\b")
_RIGHT = re.compile(
    r"\bright angle(?: at| mark)?(?: in)? (?:angle |∠)?([A-Z]{3})\b|(?:angle |∠)([A-Z]{3}) is a right angle\b",
    re.IGNORECASE,
)
_EQUAL = re.compile(r"\bequal (?:marks|ticks|sides)(?: on| are|:)? ([A-Z]{2})(?:,| and) ([A-Z]{2})\b", re.IGNORECASE)
_PARALLEL = re.compile(
    r"\bparallel (?:marks|sides|segments)(?: on| are|:)? ([A-Z]{2})(?:,| and) ([A-Z]{2})\b"
    r"|\b([A-Z]{2}) (?:is )?(?:parallel to|∥|\|\|) ([A-Z]{2})\b",
    re.IGNORECASE,
)
_ANGLE = re.compile(r"(?:\bangle |∠ ?|\\angle ?)([A-Z]{3})\b(?: is| =|:| measures)? ?(\d{1,3})\b", re.IGNORECASE)
_LENGTH = re.compile(r"(?<![∠A-Za-z])([A-Z]{2})(?: is| =|=|:| has length)? ?(\d{1,4})\b(?! ?°)")


def read(text: str) -> Figure | None:
    """The figure that a text states: its construction first, then marks and labels in any order."""
    text = re.sub(r"[$*]|\\circ|\^", "", text)
    built = _construction(text)
    if built is None:
        return None
    kind, letters = built
    shape = SHAPES[kind]
    orders = ["".join(letters[shape.points.index(point)] for point in order) for order in shape.orders]
    if len(set(letters)) < len(letters):
        return None
    letters = min(orders)
    own = dict(zip(letters, shape.points, strict=True))

    def roles(name: str) -> str:
        return "".join(own.get(letter, "?") for letter in name.upper())

    said: set[tuple[str, object]] = {("right", shape.angle(roles(one or other))) for one, other in _RIGHT.findall(text)}
    said |= {("equal", _two(kind, roles(one), roles(other))) for one, other in _EQUAL.findall(text)}
    for pair in _PARALLEL.findall(text):
        one, other = (name for name in pair if name)
        said.add(("parallel", _two(kind, roles(one), roles(other))))
    marks = next((marks for marks in shape.marks if {_mark(kind, mark) for mark in marks} == _level(kind, said)), None)
    labels: dict[str, int] = {}
    angles = [(shape.angle(roles(name)), value) for name, value in _ANGLE.findall(text)]
    lengths = [(shape.length(roles(name)), value) for name, value in _LENGTH.findall(text)]
    for quantity, value in angles + lengths:
        if quantity is None or labels.setdefault(quantity, int(value)) != int(value) or int(value) == 0:
            return None
    if marks is None:
        return None
    return Figure(kind, letters, marks, tuple(sorted(labels.items())), FLAG not in text.casefold())


def _construction(text: str) -> tuple[str, str] | None:
    """The construction and its letters in the order of its points."""
    if found := _CIRCLE.search(text):
        centre, one, two, top = found.groups()
        return "circle", one + two + top + centre
    if found := _CROSS.search(text):
        return "cross", "".join(found.groups())
    triangle = _TRIANGLE.search(text)
    if triangle is None:
        return None
    corners = "".join(triangle.groups()).upper()
    on = [(point, side) for point, *ends in _ON.findall(text) if set(side := "".join(ends)) < set(corners)]
    if not on:
        return "triangle", corners
    if len(on) == 1:
        point, side = on[0]
        (apex,) = set(corners) - set(side)
        return "cevian", side + apex + point
    if len(on) == 2:
        (first, one), (second, two) = on
        shared = set(one) & set(two)
        if len(shared) == 1:
            apex = shared.pop()
            return "parallel", one.replace(apex, "") + two.replace(apex, "") + apex + first + second
    return None


def _two(kind: str, one: str, other: str) -> frozenset[str | None]:
    return frozenset((SHAPES[kind].length(one), SHAPES[kind].length(other)))


def _mark(kind: str, mark: str) -> tuple[str, object]:
    what, *names = mark.split()
    return (what, SHAPES[kind].angle(names[0]) if what == "right" else _two(kind, *names))


def _level(kind: str, said: set[tuple[str, object]]) -> set[tuple[str, object]]:
    """A right angle at D is one on both sides of CD."""
    if kind != "cevian":
        return said
    other = SHAPES[kind].angle("CDB")
    return {("right", SHAPES[kind].angle("ADC")) if each == ("right", other) else each for each in said}


# Claims: sentences come in small letters.


def _own(figure: Figure, name: str) -> str | None:
    """A name in the letters of the construction; None where the figure lacks one of its letters."""
    points = SHAPES[figure.kind].points
    at = [figure.letters.find(letter) for letter in name.upper()]
    return None if -1 in at else "".join(points[place] for place in at)


def _angle_is(found: re.Match[str], figure: Figure) -> bool | None:
    own = _own(figure, found[1])
    quantity = own and SHAPES[figure.kind].angle(own)
    labels = dict(figure.labels)
    if quantity in labels:
        return labels[quantity] == int(found[2])
    return None if quantity else False


def _length_is(found: re.Match[str], figure: Figure) -> bool | None:
    own = _own(figure, found[1])
    quantity = own and SHAPES[figure.kind].length(own)
    labels = dict(figure.labels)
    if quantity in labels:
        return labels[quantity] == int(found[2])
    return None if quantity else False


def _right(found: re.Match[str], figure: Figure) -> bool | None:
    """A right angle that is not marked may still be one: then the drawing does not say."""
    own = _own(figure, found[1] or found[2])
    quantity = own and SHAPES[figure.kind].angle(own)
    if not quantity:
        return False
    marked = {mark.split()[1] for mark in figure.marks if mark.startswith("right")}
    if quantity in {SHAPES[figure.kind].angle(name) for name in marked}:
        return True
    step = known(figure).get(quantity)
    return None if step is None or step.value == 90 else False


def _marked(what: str) -> Callable[[re.Match[str], Figure], bool | None]:
    def rule(found: re.Match[str], figure: Figure) -> bool | None:
        one, other = (_own(figure, name) for name in found.groups() if name)
        if one is None or other is None:
            return False
        said = (what, _two(figure.kind, one, other))
        return said in {_mark(figure.kind, mark) for mark in figure.marks}

    return rule


def _on(found: re.Match[str], figure: Figure) -> bool:
    own = _own(figure, "".join(found.groups()))
    if own is None:
        return False
    point, one, two = tuple(own)
    rays = SHAPES[figure.kind].rays.get(one, ())
    return any(point in ray and two in ray for ray in rays) and point not in (one, two)


def _triangle(found: re.Match[str], figure: Figure) -> bool:
    own = _own(figure, found[1])
    if own is None or not all(SHAPES[figure.kind].length(side) for side in (own[:2], own[1:], own[0] + own[2])):
        return False
    return all(SHAPES[figure.kind].angle(turned) for turned in (own, own[1:] + own[0], own[2] + own[:2]))


def _segment(found: re.Match[str], figure: Figure) -> bool:
    names = [_own(figure, name) for name in re.findall(r"\b[a-z]{2}\b", found[1])]
    return all(name is not None and SHAPES[figure.kind].length(name) is not None for name in names)


def _cross(found: re.Match[str], figure: Figure) -> bool:
    own = _own(figure, "".join(found.groups()))
    return (
        figure.kind == "cross"
        and own is not None
        and {frozenset(own[:2]), frozenset(own[2:4])} == {frozenset("AB"), frozenset("CD")}
        and own[4] == "O"
    )


def _centre(found: re.Match[str], figure: Figure) -> bool:
    return figure.kind == "circle" and _own(figure, found[1] or found[2]) == "O"


def _diameter(found: re.Match[str], figure: Figure) -> bool:
    own = _own(figure, found[1] or found[2])
    return figure.kind == "circle" and own is not None and set(own) == set("AB")


def _on_circle(found: re.Match[str], figure: Figure) -> bool:
    return figure.kind == "circle" and _own(figure, found[1]) in ("A", "B", "C")


RULES: Sequence[Rule] = (
    (re.compile(r"\b(?:drawn |marked (?:as )?)?not (?:drawn )?to scale\b"), lambda _, figure: not figure.exact),
    (
        re.compile(r"\bright angle(?: at| mark)? (?:angle |∠)?([a-z]{3})\b|(?:angle |∠)([a-z]{3}) is a right angle"),
        _right,
    ),
    (re.compile(r"\bequal (?:marks|ticks|sides)(?: on)? ([a-z]{2})(?:,| and) ([a-z]{2})\b"), _marked("equal")),
    (
        re.compile(
            r"\bparallel marks(?: on)? ([a-z]{2})(?:,| and) ([a-z]{2})\b|\b([a-z]{2}) is parallel to ([a-z]{2})\b"
        ),
        _marked("parallel"),
    ),
    (
        re.compile(r"(?:\bangle |∠ ?)([a-z]{3})\b(?: is| =|:| measures| is labelled)? ?(\d{1,3})(?: ?°| degrees)?"),
        _angle_is,
    ),
    (re.compile(r"\b(?:segments? )?([a-z]{2})\b(?: is| =|=|:| has length| is labelled) ?(\d{1,4})\b"), _length_is),
    (re.compile(r"\b(?:segments? )?([a-z])([a-z]) and ([a-z])([a-z]) (?:cross|meet|intersect) at ([a-z])\b"), _cross),
    (re.compile(r"\b(?:circle with )?centre ([a-z])\b|\b([a-z]) is the centre(?: of the circle)?"), _centre),
    (re.compile(r"\bdiameter ([a-z]{2})\b|\b([a-z]{2}) is (?:a|the) diameter(?: of the circle)?"), _diameter),
    (re.compile(r"\b([a-z]) (?:is |lies )?on the circle\b"), _on_circle),
    (re.compile(r"\b([a-z]) (?:is |lies )?on (?:side |segment )?([a-z])([a-z])\b"), _on),
    (re.compile(r"\btriangle ([a-z]{3})\b"), _triangle),
    (re.compile(r"\bsegments? ([a-z]{2}\b(?:(?:, | and |, and )[a-z]{2}\b)*)"), _segment),
)
