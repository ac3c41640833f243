"""Instruments in words: their facts, how these are read back, and what sentences claim of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from .claims import COUNT, Rule, number

HALF_DAY = 720  # minutes
TICKS = 20  # readable values of a gauge above its lowest
RULER = 20  # half centimetres
LETTERS = "ABCD"


class Panel(NamedTuple):
    """Instruments of one kind. `readings` are a clock's minutes after 12:00; a gauge's ticks above `low`; a bar's ends
    in half centimetres. `low` and `high` are the ends of the gauges' scale, 0 for others.
    """

    kind: str
    low: int
    high: int
    readings: tuple[tuple[int, ...], ...]


def time(minutes: int) -> str:
    """`4:35`; noon and midnight are 12:00."""
    hour, minute = divmod(minutes % HALF_DAY, 60)
    return f"{hour or 12}:{minute:02d}"


def plain(doubled: int) -> str:
    """Half of a number as text."""
    return f"{doubled / 2:g}"


def value(panel: Panel, letter: str) -> int | None:
    """Twice a gauge's value; twice a bar's length; a clock's minutes. None where there is no such instrument."""
    at = LETTERS.find(letter)
    if not 0 <= at < len(panel.readings):
        return None
    reading = panel.readings[at]
    if panel.kind == "gauge":
        return 2 * panel.low + 2 * reading[0] * (panel.high - panel.low) // TICKS
    return reading[1] - reading[0] if panel.kind == "ruler" else reading[0]


def letters(panel: Panel) -> str:
    """The names of its instruments."""
    return LETTERS[: len(panel.readings)]


def state(panel: Panel) -> str:
    """The facts; see the module."""
    if panel.kind == "clock":
        return "\n".join(f"clock {letter}: {time(value(panel, letter) or 0)}" for letter in letters(panel))
    if panel.kind == "gauge":
        rows = (f"gauge {letter}: {plain(value(panel, letter) or 0)}" for letter in letters(panel))
        return "\n".join((f"gauges with a scale from {panel.low} to {panel.high}", *rows))
    rows = (
        f"bar {a}: from {plain(one)} to {plain(two)}" for a, (one, two) in zip(LETTERS, panel.readings, strict=False)
    )
    return "\n".join((f"ruler of {plain(RULER)} cm", *rows))


_NUMBER = r"(-?\d{1,4}(?:\.\d{1,2})?)"
_CLOCK = re.compile(r"\bclock ([A-D])\b\D{0,20}?(\d{1,2}):(\d{2})\b", re.IGNORECASE)
_SCALE = re.compile(rf"\bscale\b[^\d-]{{0,20}}{_NUMBER} ?(?:to|–|until) ?{_NUMBER}", re.IGNORECASE)
_GAUGE = re.compile(rf"\bgauge ([A-D])\b[^\d\n-]{{0,20}}{_NUMBER}", re.IGNORECASE)
_BAR = re.compile(rf"\bbar ([A-D])\b[^\d\n]{{0,20}}?{_NUMBER}(?: ?cm)? ?(?:to|–|until) ?{_NUMBER}", re.IGNORECASE)


def read(text: str) -> Panel | None:
    """The instruments that a text states, each once and in a row from A."""
    if found := _CLOCK.findall(text):
        times = [(a, (int(hour) % 12 * 60 + int(minute),)) for a, hour, minute in found if int(minute) < 60]
        return _panel("clock", 0, 0, times, len(found))
    if found := _BAR.findall(text):
        ends = [(a, (round(2 * float(one)), round(2 * float(two)))) for a, one, two in found]
        fit = [(a, pair) for a, pair in ends if 0 <= pair[0] < pair[1] <= RULER]
        return _panel("ruler", 0, 0, fit, len(found))
    scale = _SCALE.search(text)
    if scale is None:
        return None
    low, high = float(scale[1]), float(scale[2])
    if low >= high or low != int(low) or high != int(high):
        return None
    ticks = [(a, TICKS * (float(said) - low) / (high - low)) for a, said in _GAUGE.findall(text)]
    whole = [(a, (round(tick),)) for a, tick in ticks if abs(tick - round(tick)) < 1e-6 and 0 <= tick <= TICKS]
    return _panel("gauge", int(low), int(high), whole, len(ticks))


def _panel(kind: str, low: int, high: int, said: Sequence[tuple[str, tuple[int, ...]]], count: int) -> Panel | None:
    found = {letter.upper(): reading for letter, reading in said}
    if len(said) != count or len(found) != count or "".join(sorted(found)) != LETTERS[:count] or not count:
        return None
    return Panel(kind, low, high, tuple(found[letter] for letter in sorted(found)))


def _shows(found: re.Match[str], panel: Panel) -> bool:
    minutes = int(found[2]) % 12 * 60 + int(found[3])
    return panel.kind == "clock" and value(panel, found[1].upper()) == minutes


def _reads(found: re.Match[str], panel: Panel) -> bool:
    return panel.kind == "gauge" and value(panel, found[1].upper()) == 2 * float(found[2])


def _reaches(found: re.Match[str], panel: Panel) -> bool:
    at = LETTERS.find(found[1].upper())
    ends = tuple(2 * float(end) for end in found.group(2, 3))
    return panel.kind == "ruler" and 0 <= at < len(panel.readings) and panel.readings[at] == ends


def _is_long(found: re.Match[str], panel: Panel) -> bool:
    return panel.kind == "ruler" and value(panel, found[1].upper()) == 2 * float(found[2])


def _more(found: re.Match[str], panel: Panel) -> bool | None:
    kind = {"gauge": "gauge", "bar": "ruler"}[found[1]]
    one, other = value(panel, found[2].upper()), value(panel, found[4].upper())
    if panel.kind != kind or one is None or other is None:
        return False
    return one > other if found[3] in ("more", "higher", "longer") else one < other


def _counted(found: re.Match[str], panel: Panel) -> bool:
    kind = {"clock": "clock", "gauge": "gauge", "bar": "ruler"}[found[2]]
    return number(found[1]) == (len(panel.readings) if panel.kind == kind else 0)


def _scaled(found: re.Match[str], panel: Panel) -> bool:
    return panel.kind == "gauge" and (panel.low, panel.high) == (int(found[1]), int(found[2]))


RULES: Sequence[Rule] = (
    (re.compile(r"\bclock ([a-d])(?: shows| reads| says|:)? (?:the time )?(\d{1,2}):([0-5]\d)\b"), _shows),
    (
        re.compile(
            r"\b(gauge|bar) ([a-d]) (?:reads |shows |is )?(more|less|higher|lower|longer|shorter) than "
            r"(?:gauge |bar )?([a-d])\b"
        ),
        _more,
    ),
    (re.compile(rf"\bbar ([a-d])(?: is|:) {_NUMBER} ?(?:cm|centimetres) long\b"), _is_long),
    (re.compile(rf"\bbar ([a-d])(?: reaches| runs| goes|:)? from {_NUMBER}(?: cm)? to {_NUMBER}\b(?: ?cm)?"), _reaches),
    (re.compile(rf"\bgauge ([a-d])(?: reads| shows| is at|:)? {_NUMBER}"), _reads),
    (re.compile(r"\b(?:gauges? )?(?:with )?(?:a )?scales? (?:runs? |goes |go )?from (-?\d+) to (-?\d+)"), _scaled),
    (re.compile(r"\bruler of 10 cm\b"), lambda _, panel: panel.kind == "ruler"),
    (re.compile(rf"\b{COUNT} (clock|gauge|bar)s?\b"), _counted),
)
