"""What can be asked of a chart: values that are read, and what follows from several of them."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations, permutations

from perceptdata.plugins import Solution

from .charts_text import PIE, Chart
from .tasked import YES_NO, Case, Template
from .wording import series as listed

RANKS = ("highest", "second highest", "lowest")


def column(chart: Chart, series: str) -> dict[str, int]:
    """Category to value of one series; empty where there is no such series."""
    at = next((at for at, each in enumerate(chart.series) if each.name == series), None)
    return {} if at is None else {name: row[at] for name, row in zip(chart.categories, chart.values, strict=True)}


def _pair(chart: Chart, series: str, *categories: str) -> list[int] | None:
    found = column(chart, series)
    return [found[name] for name in categories] if all(name in found for name in categories) else None


def _of(series: str) -> str:
    """How a series stands in a question."""
    return {"share": "share", "x": "x value", "y": "y value"}.get(series, f"value of {series}")


def _stands(series: str, category: str, value: int) -> str:
    return f"{_of(series)} at {category}: {value}"


def _told(value: Fraction) -> str:
    """A number as text: whole, or with its decimals."""
    return str(value.numerator) if value.denominator == 1 else f"{float(value):.10g}"


def _decimal(value: Fraction) -> bool:
    """Whether one decimal tells it whole."""
    return 10 % value.denominator == 0


# Looking alone


def _value(chart: Chart, series: str, category: str) -> Solution | None:
    found = _pair(chart, series, category)
    return None if found is None else Solution(str(found[0]), "")


def _cells(chart: Chart) -> list[Case]:
    return [(each.name, category) for each in chart.series for category in chart.categories]


def _which(chart: Chart, series: str, value: int) -> Solution | None:
    found = [category for category, own in column(chart, series).items() if own == value]
    return Solution(found[0], "") if len(found) == 1 else None


def _values(chart: Chart) -> list[Case]:
    return [(each.name, row[at]) for at, each in enumerate(chart.series) for row in chart.values]


def _tone(chart: Chart, series: str) -> Solution | None:
    found = [each.colour for each in chart.series if each.name == series and each.colour]
    return Solution(found[0], "") if found else None


def _higher(chart: Chart, series: str, one: str, other: str) -> Solution | None:
    found = _pair(chart, series, one, other)
    return None if found is None or found[0] == found[1] else Solution(YES_NO[found[0] < found[1]], "")


def _ordered(chart: Chart) -> list[Case]:
    return [(each.name, *pair) for each in chart.series for pair in permutations(chart.categories, 2)]


# Calculating


def _unordered(chart: Chart) -> list[Case]:
    return [(each.name, *pair) for each in chart.series for pair in combinations(chart.categories, 2)]


def _difference(chart: Chart, series: str, one: str, other: str) -> Solution | None:
    found = _pair(chart, series, one, other)
    if found is None or found[0] == found[1]:
        return None
    high, low = max(found), min(found)
    read = f"{_stands(series, one, found[0])}; {_stands(series, other, found[1])}."
    return Solution(str(high - low), f"{read}\nThe difference is {high} − {low} = {high - low}.")


def _ratio(chart: Chart, series: str, one: str, other: str) -> Solution | None:
    found = _pair(chart, series, one, other)
    if found is None or found[1] == 0 or found[0] <= found[1] or not _decimal(Fraction(*found)):
        return None
    times = _told(Fraction(*found))
    read = f"{_stands(series, one, found[0])}; {_stands(series, other, found[1])}."
    return Solution(times, f"{read}\n{found[0]} ÷ {found[1]} = {times}.")


def _average(chart: Chart, series: str) -> Solution | None:
    found = list(column(chart, series).values())
    if not found or chart.kind == PIE or not _decimal(mean := Fraction(sum(found), len(found))):
        return None
    total = " + ".join(map(str, found))
    read = f"{_of(series)}: {listed(found)}."
    answer = _told(mean)
    return Solution(answer, f"{read}\n{total} = {sum(found)}.\n{sum(found)} ÷ {len(found)} = {answer}.")


def _together(chart: Chart, one: str, two: str, category: str) -> Solution | None:
    ours, theirs = _pair(chart, one, category), _pair(chart, two, category)
    if ours is None or theirs is None:
        return None
    read = f"{_stands(one, category, ours[0])}; {_stands(two, category, theirs[0])}."
    total = ours[0] + theirs[0]
    return Solution(str(total), f"{read}\n{ours[0]} + {theirs[0]} = {total}.")


def _two_series(chart: Chart) -> list[Case]:
    names = [each.name for each in chart.series]
    return [(one, two, category) for one, two in combinations(names, 2) for category in chart.categories]


def _above(chart: Chart, series: str, limit: int) -> Solution | None:
    """Undecided where a value is the limit itself: all others are a whole step away."""
    found = column(chart, series)
    if not found or limit in found.values():
        return None
    over = [name for name, value in found.items() if value > limit]
    read = "; ".join(f"{name} {value}" for name, value in found.items())
    told = f"{listed(over)}: {len(over)}" if over else "none: 0"
    return Solution(str(len(over)), f"{_of(series)}: {read}.\nAbove {limit}: {told}.")


_HEIGHTS = (6, 8, 10, 12, 14)  # steps of the axis


def _limits(chart: Chart) -> list[Case]:
    return [(each.name, chart.low + height * chart.step) for each in chart.series for height in _HEIGHTS if chart.step]


def _how_high(chart: Chart, series: str, limit: int) -> int:
    return (limit - chart.low) // chart.step


def _ranked(chart: Chart, series: str, rank: str) -> Solution | None:
    """Undecided where another category has the same value."""
    found = column(chart, series)
    order = sorted(found, key=lambda name: -found[name])
    if rank not in RANKS or len(order) < 3:
        return None
    chosen = order[(0, 1, -1)[RANKS.index(rank)]]
    if list(found.values()).count(found[chosen]) > 1 or (rank == RANKS[1] and found[order[0]] == found[order[1]]):
        return None
    told = ", ".join(f"{name} {found[name]}" for name in order)
    return Solution(chosen, f"{_of(series)}, from the highest: {told}.\nThe {rank} is that of {chosen}.")


def _ranks(chart: Chart) -> list[Case]:
    return [(each.name, rank) for each in chart.series for rank in RANKS]


TEMPLATES: tuple[Template[Chart], ...] = (
    Template("value", lambda series, name: f"What is the {_of(series)} at {name}?", _cells, _value, looks=True),
    Template("which", lambda series, value: f"Where is the {_of(series)} {value}?", _values, _which, looks=True),
    Template(
        "colour",
        lambda series: f"In which colour is {series} drawn?",
        lambda chart: [(each.name,) for each in chart.series],
        _tone,
        looks=True,
    ),
    Template(
        "higher",
        lambda series, one, other: f"Is the {_of(series)} at {one} higher than at {other}?",
        _ordered,
        _higher,
        YES_NO,
        looks=True,
    ),
    Template(
        "difference",
        lambda series, one, other: f"What is the difference between the {_of(series)} at {one} and at {other}?",
        _unordered,
        _difference,
        kind="number",
    ),
    Template(
        "ratio",
        lambda series, one, other: f"How many times as high as at {other} is the {_of(series)} at {one}?",
        _ordered,
        _ratio,
        ("1.5", "2", "2.5", "3", "4"),
        "number",
    ),
    Template(
        "average",
        lambda series: f"What is the average of the {_of(series)}, over all that the chart shows?",
        lambda chart: [(each.name,) for each in chart.series],
        _average,
        kind="number",
    ),
    Template(
        "total",
        lambda one, two, name: f"What are the {_of(one)} and the {_of(two)} at {name} together?",
        _two_series,
        _together,
        kind="number",
    ),
    Template(
        "above",
        lambda series, limit: f"How often is the {_of(series)} above {limit}?",
        _limits,
        _above,
        ("1", "2", "3"),
        "number",
        frames=_HEIGHTS,
        frame=_how_high,
    ),
    Template("rank", lambda series, rank: f"Which has the {rank} {_of(series)}?", _ranks, _ranked),
)
