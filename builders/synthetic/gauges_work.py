"""What is asked about instruments, and how it is worked out."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations, permutations

from perceptdata.answers.numbers import clock as read_clock
from perceptdata.plugins import Solution

from .gauges_text import HALF_DAY, LETTERS, TICKS, Panel, letters, plain, time, value
from .tasked import YES_NO, Case, Template

_ADDED = (5, 10, 15, 20, 25, 35, 40, 50, 55, 70, 80, 95)


def _only(kind: str, work: Callable[..., Solution | None]) -> Callable[..., Solution | None]:
    return lambda panel, *case: work(panel, *case) if panel.kind == kind else None


def _each(kind: str) -> Callable[[Panel], list[Case]]:
    return lambda panel: [(letter,) for letter in letters(panel)] if panel.kind == kind else []


def _two(kind: str, ordered: bool = False) -> Callable[[Panel], list[Case]]:
    def cases(panel: Panel) -> list[Case]:
        choose = permutations if ordered else combinations
        return list(choose(letters(panel), 2)) if panel.kind == kind else []

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
