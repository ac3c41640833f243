r"""Expressions: what looking decides, and what may be handed to algebra.

A parser of LaTeX reads something into almost anything: `Yes` as E·s·y, `12 \text{ cm}` as 12, `10\%` as 10, `x = 12`
as 12, `101_2` as 101, `7:30` as 7/30, `3 4` as 7, `f'` as f, and of "I got 5. Checking 3+2" the last sum. So a pair is
handed on only where both sides are maths of the same kind over the same variables, in signs whose reading is known;
everything else is told apart here.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from perceptdata.answers.notation import tidy

MAX_CHARS = 1000
_FUNCTIONS = (
    "arcsin|arccos|arctan|arccot|sinh|cosh|tanh|coth|sin|cos|tan|cot|sec|csc|log|ln|lg|exp|sqrt|frac|binom|gcd|lcm|min|max"
    "|lim|det|mod|deg"
)
_FUNCTION = re.compile(rf"\\?(?:{_FUNCTIONS})(?![a-z])")
_LETTERS = {"alpha", "beta", "gamma", "delta", "epsilon", "theta", "lambda", "mu", "rho", "sigma", "phi", "omega"}
_COMMAND = re.compile(r"\\([a-zA-Z]+)")
_ENVIRONMENT = re.compile(r"\\(?:begin|end) ?\{[a-z*]+\}")
_KNOWN = {
    *("frac", "sqrt", "binom", "infty", "pm", "cup", "cap", "setminus", "emptyset", "varnothing", "begin", "end"),
    *("lfloor", "rfloor", "lceil", "rceil", "sum", "prod", "int", "lim", "to", "overline", "vec"),
    *_FUNCTIONS.split("|"),
}
_LOST = re.compile(r"[:;'′″@?]|[0-9}] ?_|[0-9] +[0-9]|[0-9]\.[0-9]+\.|° ?[0-9]")  # read as something else, silently
_ONE = re.compile(r"(?<=[_^])\{(\w)\}")
_WORD = re.compile(r"[^\W\d_]{3,}")
_LETTER = re.compile(r"[^\W\d_]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f$#]|\\boxed")
_CONSTANTS = {"e", "i", "π", "ℝ"}
_UNITS = "%°€£¥"
_RELATIONS = "=<>≤≥≠∈"


class Shape(NamedTuple):
    """What must agree before algebra is asked. `literal`: words or signs that can only be compared as written."""

    readable: bool
    words: bool
    literal: bool
    units: frozenset[str]
    relation: bool
    symbols: frozenset[str]


@lru_cache(maxsize=4096)
def shape(tidied: str) -> Shape:
    """The shape of a tidied text."""
    commands = set(_COMMAND.findall(tidied))
    named = {name for name in commands if name.lower().removeprefix("var") in _LETTERS}
    bare = _COMMAND.sub(" ", _FUNCTION.sub(" ", _ENVIRONMENT.sub(" ", tidied)))
    words = bool(_WORD.search(bare))
    letters = {letter for letter in _LETTER.findall(bare) if letter not in _CONSTANTS}
    return Shape(
        readable=len(tidied) <= MAX_CHARS and not _CONTROL.search(tidied) and _balanced(tidied),
        words=words,
        literal=words or bool(_LOST.search(tidied)) or not commands <= _KNOWN | named,
        units=frozenset(unit for unit in _UNITS if unit in tidied),
        relation=any(sign in tidied for sign in _RELATIONS),
        symbols=frozenset(letters | named),
    )


def _balanced(text: str) -> bool:
    depth, escaped = 0, False
    for mark in text:
        if not escaped:
            depth += (mark == "{") - (mark == "}")
            if depth < 0:
                return False
        escaped = mark == "\\" and not escaped
    return depth == 0


def difference(said: str, gold: str) -> str | None:
    """Why two tidied texts cannot be one expression, as a reason; None where algebra should look."""
    if len(said) > MAX_CHARS:
        return "answer_too_long"
    ours, theirs = shape(said), shape(gold)
    if not ours.readable:
        return "answer_unreadable"
    if ours.words:
        return "answer_words"
    if ours.literal:
        return "answer_unreadable"
    if ours.units != theirs.units:
        return "unit"
    if ours.relation != theirs.relation:
        return "relation"
    return "symbols" if ours.symbols != theirs.symbols else None


def squeezed(text: str) -> str:
    """A text in its tidy spelling, without the spaces that part no two figures or letters: 1 1/2 is not 11/2."""
    return _ONE.sub(r"\1", re.sub(r"(?<!\w) +| +(?!\w)", "", tidy(text)))
