"""Plots in words: their facts, how these are read back, and what sentences claim of a plot."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction

from .claims import COUNT, Rule, number
from .functions_plot import NAMES, UNITS, WORDS, Curve, Plot, curve_of, scaled, value_at


def state(plot: Plot) -> str:
    """The facts; see the module."""
    lines = [f"axes from {-UNITS * plot.scale} to {UNITS * plot.scale}"]
    for name, curve in zip(NAMES, plot.curves, strict=False):
        one, two = (f"({x}, {y})" for x, y in (scaled(plot, curve.one), scaled(plot, curve.two)))
        where = f"through {one} and {two}" if curve.kind == "line" else f"with vertex {one} through {two}"
        lines.append(f"{name}: {WORDS[curve.kind]} {where}")
    return "\n".join(lines)


_AT = r"\( ?(-?\d{1,3}), ?(-?\d{1,3}) ?\)"
_AXES = re.compile(r"\baxes\b[^\d-]{0,20}(-\d{1,3}) ?(?:to|–|until) ?(\d{1,3})\b", re.IGNORECASE)
_LINE = re.compile(
    rf"\b([fg])\b[^()\n]{{0,20}}\bline\b[^()\n]{{0,30}}{_AT}(?:,| and)[^()\n]{{0,12}}{_AT}", re.IGNORECASE
)
_BENT = re.compile(
    rf"\b([fg])\b[^()\n]{{0,20}}\b(parabola|V[ -]shape)\b[^()\n]{{0,20}}vertex[^()\n]{{0,6}}{_AT}[^()\n]{{0,24}}{_AT}",
    re.IGNORECASE,
)


def read(text: str) -> Plot | None:
    """The plot that a text states: its axes, and for f and g the shape and the marked points."""
    text = text.replace("−", "-")
    axes = _AXES.search(text)
    if axes is None or int(axes[1]) != -int(axes[2]) or int(axes[2]) % UNITS or not int(axes[2]):
        return None
    scale = int(axes[2]) // UNITS
    found: dict[str, Curve] = {}
    said = [(name, "line", places) for name, *places in _LINE.findall(text)]
    said += [
        (name, "parabola" if kind.lower() == "parabola" else "v", places) for name, kind, *places in _BENT.findall(text)
    ]
    for name, kind, places in said:
        a, b, c, d = map(int, places)
        if any(each % scale for each in (a, b, c, d)) or a == c or name.lower() in found:
            return None
        ends = [(a // scale, b // scale), (c // scale, d // scale)]
        one, two = sorted(ends) if kind == "line" else ends
        found[name.lower()] = Curve(kind, one, two)
    if not found or "".join(sorted(found)) != NAMES[: len(found)]:
        return None
    return Plot(scale, tuple(found[name] for name in sorted(found)))


def _passes(found: re.Match[str], plot: Plot) -> bool | None:
    curve = curve_of(plot, found[1])
    x, y = (Fraction(int(each), plot.scale) for each in found.group(2, 3))
    return None if curve is None or abs(x) > UNITS or abs(y) > UNITS else curve.at(x) == y


def _is_shape(found: re.Match[str], plot: Plot) -> bool:
    curve = curve_of(plot, found[1])
    said = {"straight line": "line"}.get(found[2], found[2].replace("-", " ").replace("v shape", "v"))
    return curve is not None and curve.kind == said


def _has_vertex(found: re.Match[str], plot: Plot) -> bool:
    curve = curve_of(plot, found[1])
    return curve is not None and curve.kind != "line" and scaled(plot, curve.one) == (int(found[2]), int(found[3]))


def _values(found: re.Match[str], plot: Plot) -> bool | None:
    value = value_at(plot, found[1], int(found[2]))
    return None if value is None else value == Fraction(found[3])


def _is_positive(found: re.Match[str], plot: Plot) -> bool | None:
    value = value_at(plot, found[1], int(found[2]))
    return None if value is None else (value > 0 if found[3] == "positive" else value < 0)


def _stated(found: re.Match[str], plot: Plot) -> bool | None:
    read_ = read(f"axes from {-UNITS * plot.scale} to {UNITS * plot.scale}\n{found[0].replace('g:', 'f:')}")
    curve = curve_of(plot, found[1])
    return False if read_ is None or curve is None else read_.curves[0] == curve


_SHAPE = r"(straight line|line|parabola|v[- ]shape)"
RULES: Sequence[Rule] = (
    (
        re.compile(rf"\b([fg]): (?:line through {_AT} and {_AT}|(?:parabola|v shape) with vertex {_AT} through {_AT})"),
        _stated,
    ),
    (re.compile(rf"\b([fg])(?:'s vertex is| has its vertex| has a vertex) (?:at )?{_AT}"), _has_vertex),
    (re.compile(rf"\b([fg]) (?:passes|goes|runs) through (?:the point )?{_AT}"), _passes),
    (re.compile(r"\b([fg])\((-?\d{1,3})\) is (positive|negative)\b"), _is_positive),
    (re.compile(r"\b([fg])\((-?\d{1,3})\) (?:=|is) (-?\d{1,4}(?:\.\d)?)"), _values),
    (re.compile(rf"\b([fg]) is an? {_SHAPE}\b"), _is_shape),
    (
        re.compile(r"\baxes (?:run |go )?from (-\d{1,3}) to (\d{1,3})\b"),
        lambda found, plot: int(found[2]) == -int(found[1]) == UNITS * plot.scale,
    ),
    (re.compile(rf"\b{COUNT} (?:curves|functions|graphs)\b"), lambda found, plot: number(found[1]) == len(plot.curves)),
)
