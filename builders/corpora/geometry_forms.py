"""Logic forms of a geometry diagram, and the plain lines that say the same and parse back.

    parse_form("Equals(MeasureOf(Angle(A, B, C)), 60)")      Term("Equals", (Term("MeasureOf", …), "60"))
    sentence(form)                                           "angle ABC = 60°"
    parse_sentence("angle ABC = 60°")                        the form again

The predicates are those of Inter-GPS (Lu et al. 2021, arXiv 2105.04165, table 1). A form for which there is no
sentence, or whose sentence would not read back as itself, stands as the predicate. `read_diagram` makes forms
canonical: an empty form is dropped; `angle 1` and `Angle(1)` are one spelling; `Equals` of two bare lines can only
mean their lengths; the annotation tool's radius names (`radius_4_0`), which no figure shows, go, or become a number
where a centre has several circles; and a fact is kept once, whichever way its letters run.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from perceptdata.errors import Rejected

from ..reading.literals import read_list


class Term(NamedTuple):
    """`name(args, …)`; an argument is a term or an atom (a point, a number, a LaTeX expression)."""

    name: str
    args: tuple[Any, ...]

    def __str__(self) -> str:
        return f"{self.name}({', '.join(map(str, self.args))})"


@dataclass(frozen=True, slots=True)
class Diagram:
    """What a figure shows. `forms` are canonical and in order; `positions` has the points whose place is known.

    Positions are pixels of the figure cropped to its strokes, not of any image file: good for angles and ratios only.
    """

    points: tuple[str, ...]
    segments: tuple[str, ...]
    circles: tuple[str, ...]
    forms: tuple[Term | str, ...]
    positions: tuple[tuple[str, float, float], ...] = ()

    def stated(self) -> tuple[Any, ...]:
        """All that `facts` says: everything except the positions."""
        return (self.points, self.segments, self.circles, self.forms)


# --- the notation -----------------------------------------------------------------------------------------------------

_HEAD = re.compile(r"[A-Z][A-Za-z]+(?=\()")
_NUMBERED = re.compile(r"angle\s*(\w+)")
_OPEN, _CLOSE = "([{", ")]}"


def parse_form(text: str) -> Term | str:
    """A form as a tree; what is not `Name(…)` is an atom, kept as written."""
    text = " ".join(text.split())
    if (head := _HEAD.match(text)) and _closes_at_end(text, head.end()):
        return Term(head[0], tuple(parse_form(part) for part in _arguments(text[head.end() + 1 : -1])))
    if numbered := _NUMBERED.fullmatch(text):
        return Term("Angle", (numbered[1],))
    return text


def _closes_at_end(text: str, start: int) -> bool:
    depth = 0
    for place in range(start, len(text)):
        depth += (text[place] in _OPEN) - (text[place] in _CLOSE)
        if depth == 0:
            return place == len(text) - 1
    return False


def _arguments(text: str) -> list[str]:
    parts, depth, start = [], 0, 0
    for place, mark in enumerate(text):
        depth += (mark in _OPEN) - (mark in _CLOSE)
        if mark == "," and depth == 0:
            parts.append(text[start:place])
            start = place + 1
    return [*parts, text[start:]]


# --- the canonical forms ----------------------------------------------------------------------------------------------

_RADIUS = re.compile(r"radius_\d+_\d+")


def read_diagram(record: Mapping[str, Any]) -> Diagram:
    """The diagram of a `logic_form.json`, or of one entry of the bulk file. Raises Rejected `field.invalid`.

    The bulk files of other releases hold the lists as printed text; both spellings of the key occur.
    """
    written = record.get("diagram_logic_form", record.get("diagram_logic_forms", []))
    forms = [parse_form(str(form)) for form in read_list(written) if str(form).strip()]
    for form in forms:
        if not isinstance(form, Term):
            raise Rejected("field.invalid", f"'{form}' is not a logic form")
    segments = _names(record.get("line_instances", []))
    circles = _names(record.get("circle_instances", []))
    places = record.get("point_positions") or {}
    positions = tuple(
        (str(name), float(place[0]), float(place[1]))
        for name, place in sorted(places.items())
        if tuple(place) != (-1, -1)  # the annotators' mark for "not found in the figure"
    )
    used = {letter for segment in segments for letter in segment} | set(circles)
    points = {name for name, _, _ in positions} | (used & set(places))
    return Diagram(tuple(sorted(points)), segments, circles, _canonical(forms), positions)


def _names(written: object) -> tuple[str, ...]:
    return tuple(sorted({str(name).strip() for name in read_list(written)} - {""}))


def _canonical(forms: Iterable[Term | str]) -> tuple[Term | str, ...]:
    forms = list(forms)
    radii: dict[str, list[str]] = {}
    for centre, radius in (pair for form in forms for pair in _circles_of(form)):
        if radius not in radii.setdefault(centre, []):
            radii[centre].append(radius)
    kept: dict[Any, Term | str] = {}
    for form in forms:
        form = _plain(form, radii)
        kept.setdefault(meaning(form), form)
    return tuple(sorted(kept.values(), key=_place))


def _circles_of(node: Term | str) -> Iterable[tuple[str, str]]:
    if isinstance(node, Term):
        if node.name == "Circle" and len(node.args) == 2 and _RADIUS.fullmatch(str(node.args[1])):
            yield str(node.args[0]), str(node.args[1])
        for part in node.args:
            yield from _circles_of(part)


def _plain(node: Term | str, radii: Mapping[str, list[str]]) -> Term | str:
    if isinstance(node, str):
        return node
    args = [_plain(part, radii) for part in node.args]
    if node.name == "Circle" and len(args) == 2 and args[1] in radii.get(str(args[0]), []):
        several = radii[str(args[0])]
        args = [args[0], str(several.index(str(args[1])) + 1)] if len(several) > 1 else args[:1]
    if node.name == "Equals" and all(isinstance(part, Term) and part.name == "Line" for part in args):
        args = [Term("LengthOf", (part,)) for part in args]
    return Term(node.name, tuple(args))


def meaning(node: Term | str) -> Any:
    """Equal for two forms that state the same fact: `Line(A, B)` is `Line(B, A)`, `Equals(p, q)` is `Equals(q, p)`."""
    if isinstance(node, str):
        return node
    args = tuple(meaning(part) for part in node.args)
    if node.name in ("Angle", "Arc"):
        args = min(args, args[::-1])
    elif node.name in ("Line", "Equals", "Perpendicular", "Parallel"):
        args = tuple(sorted(args, key=repr))
    return (node.name, args)


_ORDER = ("PointLiesOnCircle", "PointLiesOnLine", "Perpendicular", "Parallel")


def _place(form: Term | str) -> tuple[int, str, str]:
    name = form.name if isinstance(form, Term) else ""
    return (_ORDER.index(name) if name in _ORDER else len(_ORDER), name, sentence(form))


# --- the sentences ----------------------------------------------------------------------------------------------------

_POLYGONS = "Triangle Quadrilateral Parallelogram Square Rectangle Rhombus Trapezoid Kite Pentagon Hexagon Heptagon"
_SHAPES = (*_POLYGONS.split(), "Octagon", "Polygon", "Circle", "Sector")
_AMOUNTS = {"AreaOf": "area", "PerimeterOf": "perimeter", "RadiusOf": "radius", "DiameterOf": "diameter"}
_QUANTITY = re.compile(
    r"(?P<line>[A-Z]{2})|angle (?P<angle>[A-Z]{3}|[A-Z]|\d+)|arc (?P<arc>[A-Z]{2,3})"
    rf"|(?P<amount>{'|'.join(_AMOUNTS.values())}) of (?P<shape>{'|'.join(_SHAPES).lower()}) (?P<points>[A-Z]+)"
)
_ON_LINE = re.compile(r"([A-Z]) lies on line ([A-Z])([A-Z])")
_ON_CIRCLE = re.compile(r"([A-Z]) lies on circle ([A-Z])(?: \((\d+)\))?")
_RELATED = re.compile(r"([A-Z])([A-Z]) is (perpendicular|parallel) to ([A-Z])([A-Z])")
_PLAIN_VALUE = re.compile(r"[A-Za-z0-9.]+")


def sentence(form: Term | str) -> str:
    """The form in words where it has words that read back as it; otherwise the form itself."""
    said = _say(form)
    return said if said is not None and parse_sentence(said) == form else str(form)


def parse_sentence(text: str) -> Term | str:
    """The form that one line of `facts` states."""
    if match := _ON_LINE.fullmatch(text):
        return Term("PointLiesOnLine", (match[1], Term("Line", (match[2], match[3]))))
    if match := _ON_CIRCLE.fullmatch(text):
        circle = (match[2],) if match[3] is None else (match[2], match[3])
        return Term("PointLiesOnCircle", (match[1], Term("Circle", circle)))
    if match := _RELATED.fullmatch(text):
        return Term(match[3].title(), (Term("Line", (match[1], match[2])), Term("Line", (match[4], match[5]))))
    left, equals, right = text.partition(" = ")
    if equals and (amount := _parse_quantity(left)) is not None:
        other = _parse_quantity(right)
        return Term("Equals", (amount, other if other is not None else _parse_value(right, amount)))
    return parse_form(text)


def _say(form: Term | str) -> str | None:
    match form:
        case Term("PointLiesOnLine", (str(point), Term("Line", (str(a), str(b))))):
            return f"{point} lies on line {a}{b}"
        case Term("PointLiesOnCircle", (str(point), Term("Circle", (str(centre), *number)))):
            return f"{point} lies on circle {centre}" + "".join(f" ({which})" for which in number)
        case Term("Perpendicular" | "Parallel", (Term("Line", (str(a), str(b))), Term("Line", (str(c), str(d))))):
            return f"{a}{b} is {form.name.lower()} to {c}{d}"
        case Term("Equals", (Term() as amount, value)):
            left = say_quantity(amount)
            right = say_quantity(value) if isinstance(value, Term) else _say_value(value, amount)
            return None if left is None or right is None else f"{left} = {right}"
    return None


def say_quantity(term: Term) -> str | None:
    """`AB`, `angle ABC`, `arc AB`, `area of trapezoid ABCD`; None where there are no words."""
    match term:
        case Term("LengthOf", (Term("Line", (str(a), str(b))),)):
            return f"{a}{b}"
        case Term("MeasureOf", (Term("Angle" | "Arc" as what, points),)):
            return f"{what.lower()} {''.join(map(str, points))}"
        case Term(name, (Term(shape, points),)) if name in _AMOUNTS and shape in _SHAPES:
            return f"{_AMOUNTS[name]} of {shape.lower()} {''.join(map(str, points))}"
    return None


def _parse_quantity(text: str) -> Term | None:
    match = _QUANTITY.fullmatch(text)
    if match is None:
        return None
    if line := match["line"]:
        return Term("LengthOf", (Term("Line", tuple(line)),))
    if angle := match["angle"]:
        return Term("MeasureOf", (Term("Angle", (angle,) if angle.isdigit() else tuple(angle)),))
    if arc := match["arc"]:
        return Term("MeasureOf", (Term("Arc", tuple(arc)),))
    name = next(name for name, word in _AMOUNTS.items() if word == match["amount"])
    return Term(name, (Term(match["shape"].title(), tuple(match["points"])),))


def _say_value(value: str, amount: Term) -> str:
    if amount.name != "MeasureOf":
        return value
    return f"{value}°" if _PLAIN_VALUE.fullmatch(value) else f"({value})°"


def _parse_value(text: str, amount: Term) -> str:
    if amount.name != "MeasureOf" or not text.endswith("°"):
        return text
    inner = text[:-1]
    return inner[1:-1] if inner.startswith("(") and inner.endswith(")") else inner


# --- the facts --------------------------------------------------------------------------------------------------------

_LISTS = ("Points", "Segments", "Circles")


def facts(diagram: Diagram) -> str:
    """The canonical perception text: what there is, then one sentence a line."""
    there_is = zip(_LISTS, (diagram.points, diagram.segments, diagram.circles), strict=True)
    lines = [f"{title}: {', '.join(names)}" for title, names in there_is if names]
    return "\n".join([*lines, *(sentence(form) for form in diagram.forms)])


def parse_facts(text: str) -> Diagram:
    """The diagram that `facts` states, without positions: `parse_facts(facts(d)).stated() == d.stated()`."""
    lists: dict[str, tuple[str, ...]] = {}
    forms: list[Term | str] = []
    for line in text.splitlines():
        title, colon, names = line.partition(": ")
        if colon and title in _LISTS:
            lists[title] = tuple(names.split(", "))
        elif line.strip():
            forms.append(parse_sentence(line))
    points, segments, circles = (lists.get(title, ()) for title in _LISTS)
    return Diagram(points, segments, circles, tuple(forms))
