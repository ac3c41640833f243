"""Charts in words: the scene, its facts, how they are read back, and what sentences claim of a chart."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal, NamedTuple

from .claims import COUNT, Rule, number

PIE: Literal["pie"] = "pie"
SCATTER: Literal["scatter"] = "scatter"
KINDS: tuple[Literal["bar", "line", "pie", "scatter"], ...] = ("bar", "line", PIE, SCATTER)
COLOURS = ("blue", "red", "green", "orange", "purple", "grey")
MOST_CATEGORIES, MOST_SERIES, MOST_SLICES = 12, 6, 7  # that can be drawn
STEPS = 20  # of the axis, from bottom to top


class Series(NamedTuple):
    """A series and its colour; the one of a pie and the two of scattered points have none."""

    name: str
    colour: str


class Chart(NamedTuple):
    """What a chart shows. `values[c][s]` is the value of series `s` at category `c`.

    The axis goes from `low` in 20 steps of `step`; a pie has none (0 and 0).
    """

    kind: str
    low: int
    step: int
    series: tuple[Series, ...]
    categories: tuple[str, ...]
    values: tuple[tuple[int, ...], ...]

    @property
    def high(self) -> int:
        """The upper end of the axis."""
        return self.low + STEPS * self.step


def state(chart: Chart) -> str:
    """The facts; see `charts`."""
    if chart.kind == PIE:
        shares = (f"{name}: {row[0]}%" for name, row in zip(chart.categories, chart.values, strict=True))
        return "\n".join(("pie chart", *shares))
    lines = [f"{chart.kind} chart, axis {chart.low} to {chart.high} by {2 * chart.step}"]
    if chart.kind != SCATTER:
        lines.append(f"series {', '.join(f'{name} ({tone})' for name, tone in chart.series)}")
    for category, row in zip(chart.categories, chart.values, strict=True):
        told = ", ".join(f"{series.name} {value}" for series, value in zip(chart.series, row, strict=True))
        lines.append(f"{category}: {told}")
    return "\n".join(lines)


_HEAD = re.compile(r"\b(bar|line|pie|scatter)[ -]*(?:chart|plot|graph)\b", re.IGNORECASE)
_AXIS = re.compile(r"\baxis\b\D{0,30}(\d+)\s*(?:to|-|–)\s*(\d+)", re.IGNORECASE)
_TONES = rf"({'|'.join((*COLOURS, 'gray'))})"
_SERIES = re.compile(rf"\b([A-Z][a-z]{{1,11}})\s*\(\s*{_TONES}\s*\)", re.IGNORECASE)
_ROW = re.compile(r"^[\s*|-]*([A-Z][a-z]{0,11})\b[\s*]*[:|]\s*(.*\d.*)$", re.MULTILINE)
_VALUE = re.compile(r"(?:\b([A-Za-z]{1,12})\b[\s:=]*)?(?<![\d.])(\d{1,6})\b(?!\.\d)")


def read(text: str) -> Chart | None:
    """The chart that a text states: its kind, axis, series with colours, and a line for each category. One with values
    off its axis, or with more than can be drawn, is none.
    """
    head = _HEAD.search(text)
    if head is None:
        return None
    kind = head[1].lower()
    found = _ROW.findall(text)
    rows = {name: [(said, int(value)) for said, value in _VALUE.findall(rest)] for name, rest in found}
    if len(rows) < len(found) or not 0 < len(rows) <= (MOST_SLICES if kind == PIE else MOST_CATEGORIES):
        return None
    names = tuple(rows)
    if kind == PIE:
        shares = tuple((row[0][1],) for row in rows.values() if len(row) == 1)
        whole = len(shares) == len(names) and all(0 < share <= 100 for (share,) in shares)
        return Chart(PIE, 0, 0, (Series("share", ""),), names, shares) if whole else None
    axis = _AXIS.search(text)
    if axis is None or (int(axis[2]) - int(axis[1])) % STEPS or int(axis[2]) <= int(axis[1]):
        return None
    low, step = int(axis[1]), (int(axis[2]) - int(axis[1])) // STEPS
    series = tuple(Series(name.capitalize(), tone.lower().replace("gray", "grey")) for name, tone in _series(text))
    if kind == SCATTER:
        series = (Series("x", ""), Series("y", ""))
    wanted = [each.name.casefold() for each in series]
    values = []
    for row in rows.values():
        said = [name.casefold() for name, _ in row]
        if (
            len(row) != len(series)
            or not series
            or any(name not in ("", own) for name, own in zip(said, wanted, strict=True))
        ):
            return None
        if not all(low <= value <= int(axis[2]) for _, value in row) or len(row) > MOST_SERIES:
            return None
        values.append(tuple(value for _, value in row))
    return Chart(kind, low, step, series, names, tuple(values))


def _series(text: str) -> list[tuple[str, str]]:
    return list(dict.fromkeys(_SERIES.findall(text)))


# Claims. Names are any word; whether the chart has them is asked of the chart.

_NAME = r"([a-z]{1,12})"
_OF = rf"(?:the )?(?:value|share|height|point|bar|{_NAME})(?: value)?"


def _find(chart: Chart, category: str, series: str | None) -> int | None:
    names = [name.casefold() for name in chart.categories]
    known = [each.name.casefold() for each in chart.series]
    if category not in names or (series is None and len(known) > 1) or (series is not None and series not in known):
        return None
    return chart.values[names.index(category)][0 if series is None else known.index(series)]


def _is(found: re.Match[str], chart: Chart) -> bool | None:
    category, series, value = found["category"], found["series"], int(found["value"])
    actual = _find(chart, category, series)
    return None if actual is None else actual == value


def _row_is(found: re.Match[str], chart: Chart) -> bool | None:
    """`mon: sales 35, costs 60`, in part or whole."""
    said = re.findall(r"(?:([a-z]+)[ =]+)?(\d{1,6})%?", found[2])
    actual = [_find(chart, found[1], series or None) for series, _ in said]
    if None in actual:
        return None
    return all(value == int(own) for value, (_, own) in zip(actual, said, strict=True))


def _higher(found: re.Match[str], chart: Chart) -> bool | None:
    one, other = (_find(chart, found[name], found["series"]) for name in ("one", "other"))
    if one is None or other is None:
        return None
    return one > other if found["sign"] in ("higher", "larger", "greater", "more") else one < other


def _extreme(found: re.Match[str], chart: Chart) -> bool | None:
    series = found["series"] or found["own"]
    actual = _find(chart, found["category"], series)
    if actual is None:
        return None
    at = 0 if series is None else [each.name.casefold() for each in chart.series].index(series)
    best = (max if found["sign"] in ("highest", "largest") else min)(row[at] for row in chart.values)
    return actual == best


def _kind(found: re.Match[str], chart: Chart) -> bool:
    return chart.kind == found[1]


def _axis(found: re.Match[str], chart: Chart) -> bool:
    return (chart.low, chart.high) == (int(found[1]), int(found[2])) and found[3] in (None, str(2 * chart.step))


def _tone(found: re.Match[str], chart: Chart) -> bool | None:
    tones = {each.name.casefold(): each.colour for each in chart.series}
    return tones[found[1]] == found[2].replace("gray", "grey") if found[1] in tones and tones[found[1]] else None


def _counted(found: re.Match[str], chart: Chart) -> bool | None:
    count = number(found[1])
    if found[2].startswith("series"):
        return count == len(chart.series)
    if found[2].startswith("bar") and len(chart.series) > 1:
        return count == len(chart.series) * len(chart.categories)
    return count == len(chart.categories)


_CATEGORY, _SERIES_NAME = r"(?P<category>[a-z]{1,12})", r"(?P<series>[a-z]{1,12})"
RULES: Sequence[Rule] = (
    (re.compile(r"\b(bar|line|pie|scatter) (?:chart|plot|graph)\b"), _kind),
    (re.compile(r"\b(?:value )?axis (?:runs |goes |ranges )?(?:from )?(\d+) to (\d+)(?: by (\d+))?"), _axis),
    (re.compile(rf"\b(?:series )?{_NAME} (?:is )?(?:drawn )?(?:in )?\(?{_TONES}\b\)?"), _tone),
    (re.compile(rf"\b{COUNT} (categories|series|bars|slices|points)\b"), _counted),
    (
        re.compile(
            rf"\b{_CATEGORY} (?:has|is) the (?P<sign>highest|largest|lowest|smallest)"
            rf"(?: (?!value|share|bar|slice|for|in)(?P<own>[a-z]+))?(?: value| share| bar| slice)?"
            rf"(?: (?:for|in|of) {_SERIES_NAME})?"
        ),
        _extreme,
    ),
    (
        re.compile(
            r"\b(?P<one>[a-z]{1,12}) (?:is|has) (?:a )?(?P<sign>higher|lower|larger|smaller|greater|more|less)"
            rf"(?: value)?(?: (?:in|for) {_SERIES_NAME})? than (?P<other>[a-z]{{1,12}})"
        ),
        _higher,
    ),
    (
        re.compile(
            rf"\b(?:the )?(?:value of )?(?!value\b)(?:{_SERIES_NAME} )?(?:for|of|at|in) {_CATEGORY} is "
            r"(?P<value>\d{1,6})%?"
        ),
        _is,
    ),
    (
        re.compile(
            rf"\b{_NAME}(?: is|:| has(?: a)?(?: value of| share of)?) ((?:(?:[a-z]+[ =]+)?\d{{1,6}}%?(?:, | and )?)+)"
        ),
        _row_is,
    ),
)
