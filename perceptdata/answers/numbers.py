r"""Numbers, exactly: what is written as a value, without arithmetic left to do.

    quantity("1,234.5")  quantity(r"2\frac{1}{2}")  quantity("1.5e3")  quantity(r"3 \times 10^{-2}")
    quantity(r"\frac{2\sqrt{12}}{3}")              (4/3) √3
    quantity("12 cm²")  quantity("$5")  quantity("10 %")   with the unit they carry
    ratio("6:8") == ratio("3:4")     clock("7:30 pm")

A number is `coefficient · √root · π^pi` with a rational coefficient and a square-free root, so that equal numbers are
equal tuples. Sums and products that were not carried out (`3+2`, `2*3`) are no numbers: an answer that repeats the
question in figures is not the answer. A percentage is a number with the unit %: 10 % is neither 10 nor 0.1.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

from perceptdata.answers.notation import tidy

MAX_CHARS = 200
"""A longer number is no honest answer, and slow to read; the bound of arXiv 2605.20177's reward."""

_DECIMAL = r"(?:(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,2})?"
_ARGUMENT = r" ?(?:\{((?:[^{}]|\{[^{}]*\})*)\}|([0-9π]))"
_FACTOR = re.compile(
    rf" ?(?:10 ?\^ ?(?:\{{ ?(?P<long>[+-]?[0-9]{{1,2}}) ?\}}|(?P<power>[+-]?[0-9]{{1,2}}))"
    rf"|(?P<decimal>{_DECIMAL})"
    rf"|\\frac{_ARGUMENT}{_ARGUMENT}"
    r"|(?P<root>(?:\\sqrt ?(?P<digit>[0-9])|√ ?(?P<digits>[0-9]{1,6})"
    r"|(?:\\sqrt|√) ?(?:\{ ?(?P<braced>[0-9]{1,6}) ?\}|\( ?(?P<round>[0-9]{1,6}) ?\))))"
    r"|(?P<pi>π)"
    r"|(?P<operator>[*/]))"
)
_MIXED = re.compile(r"([0-9]+)(?: ?(\\frac.*)| ([0-9]+/[0-9]+))")
_UNIT = r"(?:[A-Za-zµμΩÅ°%$€£¥'\"][A-Za-z0-9µμΩÅ°%²³^*/(){}' -]*)"
_WITH_UNIT = re.compile(rf"(.*?[0-9}}π)]) ?({_UNIT})")
_CURRENCIES = "$€£¥"
_SPELT = {
    "degree": "°",
    "degrees": "°",
    "deg": "°",
    "percent": "%",
    "dollar": "$",
    "dollars": "$",
    "euro": "€",
    "euros": "€",
}


class Number(NamedTuple):
    """`coefficient · √root · π^pi`, with `root` square-free and 1 where the coefficient is 0."""

    coefficient: Fraction
    root: int = 1
    pi: int = 0

    @property
    def rational(self) -> bool:
        """Whether it is the coefficient alone."""
        return self.root == 1 and self.pi == 0

    def approximate(self) -> float:
        """The nearest float or so; infinite beyond the largest."""
        try:
            return float(self.coefficient) * math.sqrt(self.root) * math.pi**self.pi
        except OverflowError:
            return -math.inf if self.coefficient < 0 else math.inf


class Quantity(NamedTuple):
    """A number and its unit; no unit is the empty text."""

    number: Number
    unit: str = ""


def quantity(text: str) -> Quantity | None:
    """The quantity that a text states, or None."""
    return _quantity(text) if len(text) <= MAX_CHARS else None


@lru_cache(maxsize=8192)
def _quantity(text: str) -> Quantity | None:
    text = tidy(text)
    if (number := _signed(text)) is not None:
        return Quantity(number)
    sign = "-" if text.startswith("-") else ""
    bare = text[len(sign) :].lstrip()
    if bare and bare[0] in _CURRENCIES and (number := _signed(sign + bare[1:].lstrip())) is not None:
        return Quantity(number, bare[0])
    if (found := _WITH_UNIT.fullmatch(text)) and (number := _signed(found[1])) is not None:
        return Quantity(number, unit_of(found[2]))
    return None


def unit_of(text: str) -> str:
    """A unit in one spelling: `cm^{2}`, `cm²` and `cm 2` are one. Case matters in short ones: mW is not MW."""
    text = re.sub(r"[ ^{}.]", "", tidy(text))
    text = text if len(text) <= 3 else text.casefold()
    return _SPELT.get(text, text)


def agree(said: Quantity, gold: Quantity, unit: str | None, tolerance: float | None) -> str | None:
    """None where the two are one quantity; else why not (`unit`, or `value`).

    `unit` is the one that the question names: it may be left out, and it is not converted. `tolerance` is absolute, in
    that unit, and in decimals as written: 10.3 is within 0.3 of 10.
    """
    named = unit_of(unit) if unit else None
    if (said.unit or named or "") != (gold.unit or named or ""):
        return "unit"
    return None if said.number == gold.number or _close(said.number, gold.number, tolerance) else "value"


def _close(said: Number, gold: Number, tolerance: float | None) -> bool:
    if not tolerance:
        return False
    if said.rational and gold.rational:
        return abs(said.coefficient - gold.coefficient) <= Fraction(str(tolerance))
    return abs(said.approximate() - gold.approximate()) <= tolerance


def _signed(text: str) -> Number | None:
    """A number with its sign, or None. A whole number before a proper fraction is added to it: 2½."""
    text = text.strip()
    minus = text.startswith("-")
    if text[:1] in ("-", "+"):
        text = text[1:].lstrip()
    if text.isdecimal() and text.isascii():
        number: Number | None = Number(Fraction(int(text)))
    elif (mixed := _MIXED.fullmatch(text)) and (part := _product(mixed[2] or mixed[3])) and _is_proper(part):
        number = Number(int(mixed[1]) + part.coefficient)
    else:
        number = _product(text)
    return number and (number._replace(coefficient=-number.coefficient) if minus else number)


def _is_proper(part: Number) -> bool:
    return part.rational and 0 < part.coefficient < 1


def _product(text: str) -> Number | None:
    """Factors, at most one of them a plain rational over at most one other, besides a power of ten, roots and π."""
    value, at, operator = Number(Fraction(1)), 0, "*"
    seen: set[str] = set()
    while at < len(text):
        found = _FACTOR.match(text, at)
        if found is None:
            return None
        at = found.end()
        if found["operator"]:
            if operator or not seen:
                return None
            operator = found["operator"]
            continue
        factor = _factor(found)
        # 1/2√3 has two readings; the one who wrote it may say which.
        if factor is None or (not operator and "/" in seen):
            return None
        kind = _kind(found) + ("/" if operator == "/" else "")
        if kind in seen and kind.startswith("rational"):
            return None
        seen |= {kind, operator} - {""}
        if operator == "/":
            if factor.coefficient == 0:
                return None
            factor = Number(1 / (factor.coefficient * factor.root), factor.root, -factor.pi)
        value, operator = _times(value, factor), ""
    return None if operator or not seen else value


def _kind(found: re.Match[str]) -> str:
    if found["long"] or found["power"]:
        return "rational power"
    return "irrational" if found["pi"] or found["root"] else "rational"


def _factor(found: re.Match[str]) -> Number | None:
    part = found.groupdict()
    if power := part["long"] or part["power"]:
        return Number(Fraction(10) ** int(power))
    if part["decimal"]:
        return Number(Fraction(part["decimal"].replace(",", "")))
    if part["pi"]:
        return Number(Fraction(1), 1, 1)
    if root := part["braced"] or part["round"] or part["digit"] or part["digits"]:
        return _root(int(root))
    top, bottom = (_signed(found[4] or found[5]) if found[4] or found[5] else None), None
    if found[6] or found[7]:
        bottom = _signed(found[6] or found[7])
    if top is None or bottom is None or bottom.coefficient == 0:
        return None
    return _times(top, Number(1 / (bottom.coefficient * bottom.root), bottom.root, -bottom.pi))


def _times(one: Number, other: Number) -> Number:
    common = math.gcd(one.root, other.root)
    coefficient = one.coefficient * other.coefficient * common
    if not coefficient:
        return Number(coefficient)
    return Number(coefficient, one.root * other.root // common**2, one.pi + other.pi)


def _root(radicand: int) -> Number:
    """The square root, its square factors taken out: √12 = 2 √3."""
    outside, inside, factor = 1, radicand, 2
    while factor * factor <= inside:
        while inside % (factor * factor) == 0:
            inside //= factor * factor
            outside *= factor
        factor += 1
    return Number(Fraction(outside), inside) if radicand else Number(Fraction(0))


_RATIO = re.compile(rf"{_DECIMAL}(?: ?: ?{_DECIMAL})+")
_CLOCK = re.compile(r"([0-9]{1,2}):([0-5][0-9])(?::([0-5][0-9]))? ?(?:([ap])\.? ?m\.?)?", re.IGNORECASE)


def ratio(text: str) -> tuple[Fraction, ...] | None:
    """The terms of a ratio as shares of their sum, so that 6:8 is 3:4; or None."""
    if ":" not in text or len(text) > MAX_CHARS or not _RATIO.fullmatch(text := tidy(text)):
        return None
    terms = [Fraction(term.strip().replace(",", "")) for term in text.split(":")]
    total = sum(terms)
    return tuple(term / total for term in terms) if total else None


def clock(text: str) -> tuple[int, int, int, str] | None:
    """A time of day, or a duration, as written: hours, minutes, seconds, and `a`, `p` or nothing."""
    found = _CLOCK.fullmatch(tidy(text)) if ":" in text and len(text) <= MAX_CHARS else None
    return (int(found[1]), int(found[2]), int(found[3] or 0), (found[4] or "").lower()) if found else None


def same_ratio(said: str, gold: str) -> bool | None:
    """Whether two ratios or two times are the same; None where either is neither.

    What can be read as a time on both sides is one: 1:20 is not 2:40. 10:15 and 2:3 are ratios, for 2:3 is no time.
    """
    times: Sequence[object] = clock(said), clock(gold)
    if None not in times:
        return times[0] == times[1]
    ratios = ratio(said), ratio(gold)
    return None if None in ratios else ratios[0] == ratios[1]
