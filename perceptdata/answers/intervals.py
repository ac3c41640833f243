r"""Sets of real numbers: `[1, 5)` is `1 \le x < 5`, `(-\infty, 2) \cup (2, \infty)` is `x \ne 2`.

    region("[1, 5)") == region(r"1 \le x < 5")

Ends are exact numbers or infinite. A region is its pieces in order, those that touch joined, so equal regions are equal
tuples. `(1, 5)` may be a point as well: it is read as an interval where that makes one.
"""

from __future__ import annotations

import math
import re
from typing import NamedTuple

from perceptdata.answers.notation import tidy
from perceptdata.answers.numbers import MAX_CHARS, Number, quantity

_PIECE = re.compile(r"([\[(])([^,]+),([^,]+)([\])])")
_POINTS = re.compile(r"\\\{([^{}]*)\\\}")
_BUILDER = re.compile(r"\\\{ ?(\w+) ?(?:∈ ?ℝ ?)?[|:] ?(.+)\\\}")
_MEMBER = re.compile(r"([a-zA-Z]|\\[a-z]+) ?∈ ?(.+)")
_VARIABLE = re.compile(r"[a-zA-Z]|\\(?!frac|sqrt)[a-z]+ ?")
_RELATION = re.compile(r"([≤≥<>≠])")
_JOIN = re.compile(r"∪| or ")


class Bound(NamedTuple):
    """An end of a piece. `place` orders it; `number` is None at infinity; `closed` says whether the end belongs."""

    place: float
    number: Number | None
    closed: bool


Piece = tuple[Bound, Bound]


class Region(NamedTuple):
    """Pieces in order, and the name of the variable where one is named."""

    pieces: tuple[tuple[Number | None, bool, Number | None, bool], ...]
    variable: str | None


def region(text: str) -> Region | None:
    """The region that a text states, or None."""
    if len(text) > 2 * MAX_CHARS:
        return None
    text = tidy(text)
    variables: set[str] = set()
    if (found := _BUILDER.fullmatch(text)) or (found := _MEMBER.fullmatch(text)):
        variables.add(found[1].strip())
        text = found[2]
    pieces: list[Piece] = []
    genuine = False
    for part in _JOIN.split(text):
        made = _points(part.strip())
        if made is None:
            made, genuine = _pieces(part.strip(), variables), True
        if made is None:
            return None
        pieces += made
    if not genuine or len(variables) > 1:
        return None
    return Region(_joined(pieces), next(iter(variables), None))


def same_region(said: Region, gold: Region) -> bool:
    """Equal pieces, and not two different variables."""
    return said.pieces == gold.pieces and len({said.variable, gold.variable} - {None}) < 2


def _points(part: str) -> list[Piece] | None:
    found = _POINTS.fullmatch(part)
    ends = [_end(each, True) for each in found[1].split(",")] if found else [None]
    points = [(end, end) for end in ends if end is not None and end.number is not None]
    return points if len(points) == len(ends) else None


def _pieces(part: str, variables: set[str]) -> list[Piece] | None:
    if part == "ℝ":
        return [(_INFINITE[0], _INFINITE[1])]
    if found := _PIECE.fullmatch(part):
        return _piece(_end(found[2], found[1] == "["), _end(found[3], found[4] == "]"))
    sides = [side.strip() for side in _RELATION.split(part)]
    if len(sides) == 3:
        return _half_line(sides[0], sides[1], sides[2], variables)
    if len(sides) == 5 and _VARIABLE.fullmatch(sides[2]):
        first, second = sides[1], sides[3]
        if first in "≥>" and second in "≥>":
            sides, first, second = sides[::-1], _TURNED[second], _TURNED[first]
        if first in "≤<" and second in "≤<":
            variables.add(sides[2].strip())
            return _piece(_end(sides[0], first == "≤"), _end(sides[4], second == "≤"))
    return None


_TURNED = {"<": ">", ">": "<", "≤": "≥", "≥": "≤", "≠": "≠"}
_INFINITE = (Bound(-math.inf, None, False), Bound(math.inf, None, False))


def _half_line(left: str, relation: str, right: str, variables: set[str]) -> list[Piece] | None:
    """`x < 5`, `5 > x`, `x ≠ 5`."""
    if _VARIABLE.fullmatch(right) and not _VARIABLE.fullmatch(left):
        left, relation, right = right, _TURNED[relation], left
    end = _end(right, relation in "≤≥")
    if not _VARIABLE.fullmatch(left) or end is None or end.number is None:
        return None
    variables.add(left.strip())
    below, above = (_INFINITE[0], end), (end, _INFINITE[1])
    return {"≠": [below, above], "<": [below], "≤": [below]}.get(relation, [above])


def _end(text: str, closed: bool) -> Bound | None:
    text = text.strip()
    if text.lstrip("+-").strip() in ("∞", "oo", "inf", "infinity"):
        return _INFINITE[not text.startswith("-")]
    value = quantity(text)
    return None if value is None or value.unit else Bound(value.number.approximate(), value.number, closed)


def _piece(low: Bound | None, high: Bound | None) -> list[Piece] | None:
    if low is None or high is None or low.place > high.place:
        return None
    if low.place == high.place and not (low.closed and high.closed):
        return None
    return [(low, high)]


def _joined(pieces: list[Piece]) -> tuple[tuple[Number | None, bool, Number | None, bool], ...]:
    """Pieces in order, those that overlap or touch as one."""
    joined: list[Piece] = []
    for low, high in sorted(pieces, key=lambda piece: (piece[0].place, not piece[0].closed)):
        if joined:
            last_low, last_high = joined[-1]
            if low.place < last_high.place or (low.place == last_high.place and (low.closed or last_high.closed)):
                joined[-1] = (last_low, max(last_high, high, key=lambda end: (end.place, end.closed)))
                continue
        joined.append((low, high))
    return tuple((low.number, low.closed, high.number, high.closed) for low, high in joined)
