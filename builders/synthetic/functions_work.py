"""What can be asked of a plot: values that are read, and slopes, zeros and sums that follow from the marked points."""

from __future__ import annotations

from fractions import Fraction
from itertools import product

from perceptdata.plugins import Solution

from .functions_plot import NAMES, SLOPES, UNITS, Plot, curve_of, scaled, told, value_at
from .tasked import YES_NO, Case, Template


def _names(plot: Plot) -> str:
    return NAMES[: len(plot.curves)]


def _point(plot: Plot, name: str, x: int) -> Solution | None:
    value = value_at(plot, name, x)
    return None if value is None else Solution(told(value), "")


def _places(plot: Plot) -> list[Case]:
    return [(name, plot.scale * x) for name in _names(plot) for x in range(-UNITS, UNITS + 1)]


def _sign(plot: Plot, name: str, x: int) -> Solution | None:
    """Undecided within one grid line of the axis."""
    value = value_at(plot, name, x)
    return None if value is None or abs(value) < plot.scale else Solution(YES_NO[value < 0], "")


def _intercept(plot: Plot, name: str) -> Solution | None:
    return _point(plot, name, 0)


def _rule(plot: Plot, name: str) -> str:
    """The curve's equation, from its marked points."""
    curve = curve_of(plot, name)
    assert curve is not None  # by the caller
    (a, b), (c, d) = scaled(plot, curve.one), scaled(plot, curve.two)
    if curve.kind == "line":
        slope = Fraction(d - b, c - a)
        read = f"{name} rises by {d - b} from x = {a} to x = {c}: slope {told(slope)}"
        return f"{read}, so {name}(x) = {b} + ({told(slope)}) · (x − ({a}))"
    factor = Fraction(d - b, (c - a) ** 2 if curve.kind == "parabola" else abs(c - a))
    form = f"(x − ({a}))²" if curve.kind == "parabola" else f"|x − ({a})|"
    read = f"from the vertex ({a}, {b}) to ({c}, {d}) the factor is {told(factor)}"
    return f"{read}, so {name}(x) = {b} + ({told(factor)}) · {form}"


def _slope(plot: Plot, name: str) -> Solution | None:
    curve = curve_of(plot, name)
    if curve is None or curve.kind != "line":
        return None
    (a, b), (c, d) = scaled(plot, curve.one), scaled(plot, curve.two)
    slope = Fraction(d - b, c - a)
    return Solution(told(slope), f"From ({a}, {b}) to ({c}, {d}): ({d} − ({b})) ÷ ({c} − ({a})) = {told(slope)}.")


def _root(plot: Plot, name: str, which: str) -> Solution | None:
    """Undecided where there is none, or it stands off the half grid lines, or it is the only one of two asked for."""
    curve = curve_of(plot, name)
    roots = None if curve is None else curve.roots()
    if not roots or any((2 * root).denominator != 1 or abs(root) > UNITS for root in roots):
        return None
    if (which == "the") != (len(roots) == 1):
        return None
    root = roots[-1] if which == "the larger" else roots[0]
    both = " and ".join(told(root * plot.scale) for root in roots)
    answer = told(root * plot.scale)
    return Solution(answer, f"{_rule(plot, name)}.\n{name}(x) = 0 at x = {both}. The answer is {answer}.")


def _sum(plot: Plot, one: str, a: int, other: str, b: int) -> Solution | None:
    first, second = value_at(plot, one, a), value_at(plot, other, b)
    if first is None or second is None or (one, a) == (other, b):
        return None
    total, rules = told(first + second), dict.fromkeys((_rule(plot, one), _rule(plot, other)))
    lines = [f"{rule}." for rule in rules]
    lines.append(f"{one}({a}) = {told(first)}, {other}({b}) = {told(second)}.")
    return Solution(total, "\n".join((*lines, f"{told(first)} + ({told(second)}) = {total}.")))


def _two_places(plot: Plot) -> list[Case]:
    ends = [plot.scale * x for x in range(-4, 5)]
    return [(one, a, other, b) for one, other in product(_names(plot), repeat=2) for a in ends for b in ends]


TEMPLATES: tuple[Template[Plot], ...] = (
    Template("value", lambda name, x: f"What is {name}({x})?", _places, _point, kind="number", looks=True),
    Template(
        "intercept",
        lambda name: f"At which height does {name} cross the y axis?",
        lambda plot: [(name,) for name in _names(plot)],
        _intercept,
        kind="number",
        looks=True,
    ),
    Template("sign", lambda name, x: f"Is {name}({x}) positive?", _places, _sign, YES_NO, looks=True),
    Template(
        "slope",
        lambda name: f"What is the slope of {name}?",
        lambda plot: [(name,) for name in _names(plot)],
        _slope,
        tuple(told(sign * slope) for slope in SLOPES for sign in (1, -1)),
        "number",
    ),
    Template(
        "root",
        lambda name, which: f"At which x is {name} zero? State {which} zero.",
        lambda plot: [(name, which) for name in _names(plot) for which in ("the", "the smaller", "the larger")],
        _root,
        kind="number",
    ),
    Template(
        "sum",
        lambda one, a, other, b: f"What is {one}({a}) + {other}({b})?",
        _two_places,
        _sum,
        kind="number",
    ),
)
