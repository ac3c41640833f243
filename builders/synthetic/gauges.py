"""Instruments: clocks, dial gauges and a ruler with bars on it, four to a picture, to be read and calculated with.

All values stand on a tick, or half way between two, and ticks are at least 8 pixels apart. The facts:

    clock A: 4:35            gauges with a scale from 0 to 100        ruler of 10 cm
    clock B: 11:05           gauge A: 35                              bar A: from 1.5 to 6
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import combinations, permutations
from typing import ClassVar, Literal, NamedTuple, Self

from pydantic import model_validator

from perceptdata.answers.numbers import clock as read_clock
from perceptdata.plugins import Plugin, Solution

from .canvas import Canvas
from .claims import COUNT, Rule, judge, number
from .gauges_picture import draw
from .tasked import YES_NO, Case, TaskedBuilder, TaskedFamily, Template, digits, span

HALF_DAY = 720  # minutes
SCALES = ((0, 10), (0, 20), (0, 50), (0, 100), (0, 200), (20, 120), (-50, 50))
TICKS = 20  # readable values of a gauge above its lowest
RULER = 20  # half centimetres
LETTERS = "ABCD"
_ADDED = (5, 10, 15, 20, 25, 35, 40, 50, 55, 70, 80, 95)

Instrument = Literal["clock", "gauge", "ruler"]


class Panel(NamedTuple):
    """Instruments of one kind. `readings` are a clock's minutes after 12:00; a gauge's ticks above `low`; a bar's ends
    in half centimetres. `low` and `high` are the ends of the gauges' scale, 0 for others.
    """

    kind: str
    low: int
    high: int
    readings: tuple[tuple[int, ...], ...]


class _Kind(NamedTuple):
    kind: Instrument
    low: int
    high: int


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


class GaugesOptions(Plugin):
    """Which instruments, how many in a picture, and whether clocks show single minutes instead of fives."""

    instruments: tuple[Instrument, ...] = ("clock", "gauge", "ruler")
    count: int = 4
    minutes: bool = False

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if not self.instruments or len(set(self.instruments)) < len(self.instruments):
            raise ValueError("instruments are some of clock, gauge, ruler, each once")
        if not 2 <= self.count <= 4:
            raise ValueError("count is 2 to 4")
        return self


def _only(kind: str, work: Callable[..., Solution | None]) -> Callable[..., Solution | None]:
    return lambda panel, *case: work(panel, *case) if panel.kind == kind else None


def _letters(panel: Panel) -> str:
    return LETTERS[: len(panel.readings)]


def _each(kind: str) -> Callable[[Panel], list[Case]]:
    return lambda panel: [(letter,) for letter in _letters(panel)] if panel.kind == kind else []


def _two(kind: str, ordered: bool = False) -> Callable[[Panel], list[Case]]:
    def cases(panel: Panel) -> list[Case]:
        choose = permutations if ordered else combinations
        return list(choose(_letters(panel), 2)) if panel.kind == kind else []

    return cases


def _time(panel: Panel, letter: str) -> Solution | None:
    minutes = value(panel, letter)
    return None if minutes is None else Solution(time(minutes), "")


def _read(panel: Panel, letter: str) -> Solution | None:
    found = value(panel, letter)
    return None if found is None else Solution(plain(found), "")


def _end(panel: Panel, letter: str) -> Solution | None:
    at = LETTERS.find(letter)
    return Solution(plain(panel.readings[at][1]), "") if 0 <= at < len(panel.readings) else None


def _higher(panel: Panel, one: str, other: str) -> Solution | None:
    """Undecided where the two are less than two ticks apart."""
    first, second = value(panel, one), value(panel, other)
    if first is None or second is None or abs(first - second) * TICKS < 4 * (panel.high - panel.low):
        return None
    return Solution(YES_NO[first < second], "")


def _add(panel: Panel, letter: str, minutes: int) -> Solution | None:
    start = value(panel, letter)
    if start is None:
        return None
    hours, rest = divmod(start % 60 + minutes, 60)
    answer = time(start + minutes)
    trace = f"clock {letter} shows {time(start)}.\n{start % 60} + {minutes} = {start % 60 + minutes} minutes"
    over = f", which is {hours} hour{'s' * (hours > 1)} and {rest} minutes" if hours else ""
    return Solution(answer, f"{trace}{over}.\nThe time is {answer}.")


def _since(panel: Panel, one: str, other: str) -> Solution | None:
    first, second = value(panel, one), value(panel, other)
    if first is None or second is None or first == second:
        return None
    passed = (second - first) % HALF_DAY
    hours, minutes = divmod(passed, 60)
    return Solution(
        str(passed),
        f"clock {one} shows {time(first)}, clock {other} {time(second)}.\n"
        f"From {time(first)} to {time(second)} are {hours} hours and {minutes} minutes.\n"
        f"60 · {hours} + {minutes} = {passed}.",
    )


def _difference(panel: Panel, one: str, other: str) -> Solution | None:
    first, second = value(panel, one), value(panel, other)
    if first is None or second is None or first == second:
        return None
    low, high = sorted((first, second))
    what = "gauge" if panel.kind == "gauge" else "bar"
    read = (
        "; ".join(_length(panel, letter) for letter in (one, other))
        if what == "bar"
        else (f"gauge {one}: {plain(first)}; gauge {other}: {plain(second)}")
    )
    return Solution(plain(high - low), f"{read}.\n{plain(high)} − {_signed(low)} = {plain(high - low)}.")


def _signed(doubled: int) -> str:
    return f"({plain(doubled)})" if doubled < 0 else plain(doubled)


def _length(panel: Panel, letter: str) -> str:
    start, end = panel.readings[LETTERS.index(letter)]
    return f"bar {letter}: {plain(end)} − {plain(start)} = {plain(end - start)}"


def _long(panel: Panel, letter: str) -> Solution | None:
    found = value(panel, letter)
    return None if found is None else Solution(plain(found), f"{_length(panel, letter)}.")


def _rest(panel: Panel, letter: str) -> Solution | None:
    found = value(panel, letter)
    if found is None or found == 2 * panel.high:
        return None
    left = 2 * panel.high - found
    read_ = f"gauge {letter}: {plain(found)}; the scale ends at {panel.high}."
    return Solution(plain(left), f"{read_}\n{panel.high} − {_signed(found)} = {plain(left)}.")


def _same_time(said: str, gold: str) -> bool:
    ours, theirs = read_clock(said), read_clock(gold)
    return ours is not None and theirs is not None and (ours[0] % 12, *ours[1:3]) == (theirs[0] % 12, *theirs[1:3])


TEMPLATES: tuple[Template[Panel], ...] = (
    Template("time", lambda a: f"What time does clock {a} show?", _each("clock"), _time, looks=True, same=_same_time),
    Template("value", lambda a: f"What does gauge {a} read?", _each("gauge"), _read, kind="number", looks=True),
    Template("end", lambda a: f"At which mark does bar {a} end?", _each("ruler"), _end, kind="number", looks=True),
    Template(
        "higher",
        lambda a, b: f"Does gauge {a} read more than gauge {b}?",
        _two("gauge", ordered=True),
        _only("gauge", _higher),
        YES_NO,
        looks=True,
    ),
    Template(
        "add",
        lambda a, minutes: f"What time is it {minutes} minutes after the time on clock {a}?",
        lambda panel: [(*case, minutes) for case in _each("clock")(panel) for minutes in _ADDED],
        _only("clock", _add),
        same=_same_time,
    ),
    Template(
        "since",
        lambda a, b: (
            f"Clock {a} was photographed first and clock {b} less than 12 hours later. How many minutes lie between?"
        ),
        _two("clock", ordered=True),
        _only("clock", _since),
        kind="number",
    ),
    Template(
        "difference",
        lambda a, b: f"By how much do the readings of gauges {a} and {b} differ?",
        _two("gauge"),
        _only("gauge", _difference),
        kind="number",
    ),
    Template(
        "rest",
        lambda a: f"How much is missing on gauge {a} to the end of its scale?",
        _each("gauge"),
        _only("gauge", _rest),
        kind="number",
    ),
    Template("length", lambda a: f"How long is bar {a}?", _each("ruler"), _only("ruler", _long), kind="number"),
    Template(
        "longer",
        lambda a, b: f"By how many centimetres do the lengths of bars {a} and {b} differ?",
        _two("ruler"),
        _only("ruler", _difference),
        kind="number",
    ),
)


def state(panel: Panel) -> str:
    """The facts; see the module."""
    if panel.kind == "clock":
        return "\n".join(f"clock {letter}: {time(value(panel, letter) or 0)}" for letter in _letters(panel))
    if panel.kind == "gauge":
        rows = (f"gauge {letter}: {plain(value(panel, letter) or 0)}" for letter in _letters(panel))
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


class Gauges(GaugesOptions, TaskedFamily[Panel, _Kind]):
    """Clocks, gauges, and bars on a ruler."""

    name: ClassVar[str] = "gauges"
    corpus: ClassVar[str] = "gauges"
    TEMPLATES = TEMPLATES

    def kinds(self) -> Sequence[_Kind]:
        """The instruments; gauges with each scale."""
        return _kinds(self.instruments)

    def size(self, kind: _Kind) -> int:
        """All readings together."""
        return span(self._readings(kind.kind), self.count)

    def _readings(self, kind: str) -> int:
        return {"clock": HALF_DAY if self.minutes else HALF_DAY // 5, "gauge": TICKS + 1}.get(kind, len(_bars()))

    def scene(self, kind: _Kind, number: int, rng: random.Random) -> Panel | None:
        """Readings by number; none twice in a picture."""
        found = digits(number, self._readings(kind.kind), self.count, rng)
        if len(set(found)) < len(found):
            return None
        if kind.kind == "clock":
            return Panel("clock", 0, 0, tuple((minutes * (1 if self.minutes else 5),) for minutes in found))
        if kind.kind == "ruler":
            return Panel("ruler", 0, 0, tuple(_bars()[bar] for bar in found))
        return Panel("gauge", kind.low, kind.high, tuple((tick,) for tick in found))

    def facts(self, scene: Panel) -> str:
        """See the module."""
        return state(scene)

    def parse(self, text: str) -> Panel | None:
        """See `read`."""
        return read(text)

    def picture(self, scene: Panel, rng: random.Random) -> Canvas:
        """See `gauges_picture`."""
        if scene.kind == "gauge":
            shown = [(reading[0] / TICKS, 0.0) for reading in scene.readings]
            step = (scene.high - scene.low) / (TICKS / 2)
            return draw("gauge", shown, [f"{scene.low + at * step:g}" for at in range(TICKS // 2 + 1)])
        if scene.kind == "ruler":
            return draw("ruler", [(one / RULER, two / RULER) for one, two in scene.readings], [])
        return draw("clock", [(reading[0] / HALF_DAY, reading[0] % 60 / 60) for reading in scene.readings], [])

    def check_claim(self, text: str, scene: Panel) -> bool | None:
        """See `RULES`."""
        return judge(text, scene, RULES)

    def ask_facts(self, scene: Panel) -> str:
        """The question for all readings."""
        return {
            "clock": "What time does each of these clocks show?",
            "gauge": "From where to where does the scale of these gauges run, and what does each read?",
            "ruler": "How long is this ruler, and from which mark to which does each bar reach?",
        }[scene.kind]


class GaugesBuilder(GaugesOptions, TaskedBuilder):
    """Instruments as staged examples; see `SyntheticBuilder`."""

    name: ClassVar[str] = "gauges"
    corpus: ClassVar[str] = "gauges"

    def family(self) -> Gauges:
        """The family with this builder's options."""
        options = {field: getattr(self, field) for field in GaugesOptions.model_fields}
        return Gauges(**options, templates=self.templates)


@lru_cache(maxsize=8)
def _kinds(instruments: tuple[Instrument, ...]) -> tuple[_Kind, ...]:
    found: list[_Kind] = []
    for kind in instruments:
        found += [_Kind(kind, *scale) for scale in SCALES] if kind == "gauge" else [_Kind(kind, 0, 0)] * len(SCALES)
    return tuple(found)


@lru_cache(maxsize=1)
def _bars() -> tuple[tuple[int, int], ...]:
    return tuple((one, two) for one, two in combinations(range(RULER + 1), 2) if two - one >= 2)
