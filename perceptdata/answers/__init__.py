"""Is this answer right? The cheap, exact comparisons, chosen by the kind of the gold answer.

    answers.score("(B)", example)        # 1.0 where choice B is the gold one
    answers.gold_score(example)          # 1.0, or the example is not taken in

Where the gold answer names a checker, that decides. Otherwise a choice is compared by letter, text or index; a number
by value (thousands commas, fractions and percent are read, `tolerance` is honoured, only the gold answer's own unit is
taken off); everything else as text after light normalisation. What is compared is the extracted answer, never a whole
response. Nothing a model writes raises: what cannot be read is wrong.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache
from typing import Any

from perceptdata import registry
from perceptdata.example import Answer, Example
from perceptdata.records import canonical_json

_MAX_CHARS = 200  # a longer number is no honest answer, and slow to read; the bound of arXiv 2605.20177's reward

_LETTER = re.compile(r"(?:option |choice )?[(\[]?([a-z])[)\].:]*(?: (.+))?")
_NUMBER = re.compile(
    r"(?P<sign>[+-]?) ?(?:"
    r"\\[dt]?frac ?\{ ?(?P<top>[0-9]+) ?\} ?\{ ?(?P<bottom>[0-9]+) ?\}"
    r"|(?P<whole>[0-9]{1,3}(?:,[0-9]{3})+|[0-9]*)(?P<point>\.[0-9]*)?(?:e(?P<power>[+-]?[0-9]{1,2}))?"
    r"(?: ?/ ?(?P<over>[0-9]+(?:\.[0-9]+)?))?"
    r") ?(?P<percent>%)?"
)


def gold_score(example: Example) -> float:
    """The score of the gold answer itself; less than 1.0 means that the row contradicts itself."""
    return score(example.answer.text, example)


def score(answer: str, example: Example) -> float:
    """How right an extracted answer is, in [0, 1]. Checkers may give partial credit; everything else is 0.0 or 1.0."""
    gold = example.answer
    if not answer.strip():
        return 0.0
    if gold.checker is not None:
        return float(_checker(gold.checker.name, canonical_json(gold.checker.args)).score(answer, example))
    if gold.kind == "choice" and example.choices:
        return float(_same_choice(answer, gold, example.choices))
    if gold.kind == "number" and (number := _read(gold.text, gold.unit)) is not None:
        golds = [number, *(_read(text, gold.unit) for text in gold.accepts)]
        return float(_same_number(_read(answer, gold.unit), golds, gold.tolerance))
    said = _plain(answer, gold.kind)
    return float(any(said == _plain(text, gold.kind) for text in (gold.text, *gold.accepts)))


def choice_index(answer: str, choices: Sequence[str]) -> int | None:
    """Which choice an answer names: by its text, its letter (`B`, `(b)`, `B. 12`), or its number counted from 0.

    Text goes first, so that "2" among the choices 1, 2, 3 is the second. A number is an index only where no choice is a
    number.
    """
    if answer in choices:
        return choices.index(answer)
    said, texts = _plain(answer), [_plain(choice) for choice in choices]
    if said in texts:
        return texts.index(said)
    if (found := _LETTER.fullmatch(said)) and (at := ord(found[1]) - ord("a")) < len(texts):
        return at if found[2] is None or found[2] == texts[at] else None
    value = _read(answer, None)
    if value is None:
        return None
    values = [_read(choice, None) for choice in choices]
    if any(other is not None for other in values):
        return values.index(value) if value in values else None
    return int(value[0]) if value[0] in range(len(texts)) and not value[1] else None


def _same_choice(answer: str, gold: Answer, choices: Sequence[str]) -> bool:
    right = gold.index if gold.index is not None else choice_index(gold.text, choices)
    said = choice_index(answer, choices)
    if right is None or said is None:
        return False
    return choices[said] == choices[right]


_Number = tuple[Fraction, bool]


@lru_cache(maxsize=4096)
def _read(text: str, unit: str | None) -> _Number | None:
    """An exact value and whether it is a percentage: 10 % is neither 10 nor 0.1. None for what is no number."""
    if len(text) > _MAX_CHARS:
        return None
    plain = _plain(text).replace("−", "-").replace("\\%", "%")
    if unit and plain.endswith(own := _plain(unit)):
        plain = plain[: -len(own)].rstrip()
    found = _NUMBER.fullmatch(plain)
    if not found:
        return None
    part = found.groupdict(default="")
    try:
        if part["top"]:
            value = Fraction(int(part["top"]), int(part["bottom"]))
        else:
            value = Fraction(part["whole"].replace(",", "") + part["point"] + (part["power"] and f"e{part['power']}"))
            value /= Fraction(part["over"] or 1)
    except (ValueError, ZeroDivisionError):
        return None
    return (-value if part["sign"] == "-" else value), bool(part["percent"])


def _same_number(said: _Number | None, golds: Sequence[_Number | None], tolerance: float | None) -> bool:
    if said is None:
        return False
    if said in golds:
        return True
    slack = Fraction(str(tolerance or 0))  # the decimal that was written: 0.3, not the binary number below it
    return any(gold is not None and said[1] == gold[1] and abs(said[0] - gold[0]) <= slack for gold in golds)


def _plain(text: str, kind: str = "text") -> str:
    """NFC, white space collapsed, one pair of `$` and a closing full stop taken off.

    Case does not matter, except in expressions and structures (x is not X); in structures and boxes neither does space.
    """
    text = unicodedata.normalize("NFC", " ".join(text.split()))
    text = text.removesuffix(".").rstrip()
    if len(text) > 2 and text[0] == text[-1] == "$":
        text = text.strip("$").strip()
    if kind in ("structure", "boxes"):
        return text.replace(" ", "")
    return text if kind == "expression" else text.casefold()


@lru_cache(maxsize=256)
def _checker(name: str, args: str) -> Any:
    return registry.make("checkers", name, json.loads(args))
