"""Charts: bars, lines, pies and scattered points, to be read and calculated with.

A scene is what the chart shows: its kind, its value axis, its series with their colours, and a value for each series
and category. Values are whole steps of the axis and a step is at least 10 pixels, so that each can be read off, on a
grid line or half way between two. Pies give their shares in writing. The facts:

    bar chart, axis 0 to 100 by 10
    series Sales (blue), Costs (red)
    Mon: Sales 35, Costs 60
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import lru_cache
from itertools import combinations
from math import perm
from typing import ClassVar, Literal, NamedTuple, Self

from pydantic import model_validator

from perceptdata.plugins import Plugin

from .canvas import Canvas
from .charts_picture import draw
from .charts_text import (
    COLOURS,
    KINDS,
    PIE,
    RULES,
    SCATTER,
    STEPS,
    Chart,
    Series,
    read,
    state,
)
from .charts_work import TEMPLATES
from .claims import judge
from .tasked import TaskedBuilder, TaskedFamily, digits, span

POOLS = (
    ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"),
    ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
    ("Oslo", "Rome", "Paris", "Lima", "Cairo", "Delhi", "Tokyo", "Quito", "Seoul", "Bern"),
    ("Tea", "Milk", "Juice", "Cocoa", "Water", "Soup", "Cider", "Punch"),
    ("Ash", "Oak", "Elm", "Fir", "Pine", "Birch", "Larch", "Cedar", "Yew"),
)
SERIES = ("Sales", "Costs", "Visits", "Orders", "Output", "Stock", "Staff", "Profit")
LETTERS = "ABCDEFGHKLMNPRST"
AXES = ((0, 1), (0, 5), (0, 10), (0, 50))
OFFSET_AXES = ((40, 2), (100, 5), (500, 10))
_SLICE = 5  # per cent

ChartKind = Literal["bar", "line", "pie", "scatter"]


class _Kind(NamedTuple):
    chart: ChartKind
    categories: int
    series: int
    low: int
    step: int


class ChartsOptions(Plugin):
    """Which charts: kinds, ranges (both ends included) of categories and of series, whether values are written beside
    bars and points, whether grid lines are drawn, and whether the axis may begin above 0.
    """

    charts: tuple[ChartKind, ...] = KINDS
    categories: tuple[int, int] = (4, 6)
    series: tuple[int, int] = (1, 3)
    labels: bool = False
    gridlines: bool = True
    offset: bool = False

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if not self.charts or len(set(self.charts)) < len(self.charts):
            raise ValueError(f"charts are some of {', '.join(KINDS)}, each once")
        if not 3 <= self.categories[0] <= self.categories[1] <= 7:
            raise ValueError("categories are a range from 3 to 7")
        if not 1 <= self.series[0] <= self.series[1] <= 3:
            raise ValueError("series are a range from 1 to 3")
        return self


class Charts(ChartsOptions, TaskedFamily[Chart, _Kind]):
    """Charts of small tables."""

    name: ClassVar[str] = "charts"
    corpus: ClassVar[str] = "charts"
    TEMPLATES = TEMPLATES

    def kinds(self) -> Sequence[_Kind]:
        """Every chart with every number of categories and series and every axis."""
        return _kinds(self.charts, self.categories, self.series, self.offset)

    def size(self, kind: _Kind) -> int:
        """Tables of values; of a pie its shares, times the names of its slices."""
        if kind.chart == PIE:
            return len(_shares(kind.categories)) * perm(len(POOLS[1]), kind.categories)
        return span(STEPS, kind.categories * kind.series)

    def scene(self, kind: _Kind, number: int, rng: random.Random) -> Chart | None:
        """Values by number, names and colours by chance."""
        count, tones = kind.categories, rng.sample(COLOURS, kind.series)
        if kind.chart == PIE:
            shares = _shares(count)
            number, at = divmod(number, len(shares))
            names = _arrangement(POOLS[1], count, number)
            return Chart(PIE, 0, 0, (Series("share", ""),), names, tuple((_SLICE * share,) for share in shares[at]))
        found = [kind.low + kind.step * (digit + 1) for digit in digits(number, STEPS, count * kind.series, rng)]
        rows: tuple[tuple[int, ...], ...] = tuple(
            tuple(found[at : at + kind.series]) for at in range(0, len(found), kind.series)
        )
        if kind.chart == SCATTER:
            apart = 3 * kind.step
            near = (max(abs(a - b) for a, b in zip(*pair, strict=True)) < apart for pair in combinations(rows, 2))
            if any(near):
                return None
            series: tuple[Series, ...] = (Series("x", ""), Series("y", ""))
            return Chart(SCATTER, kind.low, kind.step, series, tuple(sorted(rng.sample(LETTERS, count))), rows)
        if kind.chart == "line" and any(len(set(row)) < len(row) for row in rows):
            return None
        pool = rng.choice([pool for pool in POOLS if len(pool) >= count])
        series = tuple(Series(name, tone) for name, tone in zip(rng.sample(SERIES, kind.series), tones, strict=True))
        start = rng.randrange(len(pool) - count + 1)
        return Chart(kind.chart, kind.low, kind.step, series, pool[start : start + count], rows)

    def facts(self, scene: Chart) -> str:
        """See the module."""
        return state(scene)

    def parse(self, text: str) -> Chart | None:
        """See `charts_text.read`."""
        return read(text)

    def picture(self, scene: Chart, rng: random.Random) -> Canvas:
        """See `charts_picture`."""
        return draw(scene, self.gridlines, self.labels)

    def check_claim(self, text: str, scene: Chart) -> bool | None:
        """See `charts_text.RULES`."""
        return judge(text, scene, RULES)

    def ask_facts(self, scene: Chart) -> str:
        """The question for the whole chart."""
        return (
            "What does this chart show? Name its kind, the range of its value axis and what each line of it stands "
            "for, the series with their colours, then each category with its values."
            if scene.kind != PIE
            else "What does this chart show? Name its kind, then each slice with its share in per cent."
        )


class ChartsBuilder(ChartsOptions, TaskedBuilder):
    """Charts as staged examples; see `SyntheticBuilder`."""

    name: ClassVar[str] = "charts"
    corpus: ClassVar[str] = "charts"

    def family(self) -> Charts:
        """The family with this builder's options."""
        options = {field: getattr(self, field) for field in ChartsOptions.model_fields}
        return Charts(**options, templates=self.templates)


@lru_cache(maxsize=16)
def _kinds(
    charts: tuple[ChartKind, ...], categories: tuple[int, int], series: tuple[int, int], offset: bool
) -> tuple[_Kind, ...]:
    axes, sizes = AXES + OFFSET_AXES if offset else AXES, range(categories[0], categories[1] + 1)
    found = []
    for chart in charts:
        own = ((0, 0),) if chart == PIE else axes
        counts = {PIE: range(1, 2), SCATTER: range(2, 3)}.get(chart, range(series[0], series[1] + 1))
        kinds = [_Kind(chart, size, count, low, step) for size in sizes for count in counts for low, step in own]
        found += kinds * (len(sizes) * 3 * len(axes) // len(kinds))  # so that each chart is about as likely
    return tuple(found)


@lru_cache(maxsize=16)
def _shares(count: int) -> tuple[tuple[int, ...], ...]:
    """All ways to cut a pie into `count` slices of whole steps, no two neighbours so thin that their labels meet."""
    steps = 100 // _SLICE
    cut = (
        tuple(high - low for low, high in zip((0, *cuts), (*cuts, steps), strict=True))
        for cuts in combinations(range(1, steps), count - 1)
    )
    return tuple(shares for shares in cut if all(shares[at - 1] + shares[at] > 2 for at in range(count)))


def _arrangement(names: Sequence[str], count: int, number: int) -> tuple[str, ...]:
    """Arrangement `number` of `count` of the names."""
    left, chosen = list(names), []
    for _ in range(count):
        number, at = divmod(number, len(left))
        chosen.append(left.pop(at))
    return tuple(chosen)
