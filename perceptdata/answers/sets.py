r"""Lists and sets: `1, 2` is `\{2, 1\}`. Elements are numbers, ratios, times, tuples or texts, and counted.

compare_sets(elements("-1, 2 and 2.0"), elements("{2, 2, -1}"))          # True
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Hashable, Sequence
from itertools import accumulate

from perceptdata.answers.notation import plain, tidy
from perceptdata.answers.numbers import Number, Quantity, clock, quantity, ratio

_AND = re.compile(r" ?[,;]? (?:and|or) |;")
_OUTER = (("\\{", "\\}"), ("{", "}"), ("[", "]"))
_OPEN, _CLOSE = "([{", ")]}"
_THOUSANDS = re.compile(r"[-+]?[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?")
MAX_ELEMENTS = 1000
MAX_DEPTH = 3

Key = tuple[str, Hashable]


def elements(text: str) -> list[str]:
    """The elements of a list, in order: what stands between commas, semicolons, `and` and `or` outside brackets."""
    text = tidy(text)
    for opening, closing in _OUTER:
        if text.startswith(opening) and text.endswith(closing) and _one_bracket(text, opening, closing):
            text = text[len(opening) : -len(closing)].strip()
            break
    if text in ("", "∅", "\\emptyset", "\\varnothing"):
        return []
    found = []
    for part in _AND.split(text):
        # `1,000, 5` has two elements and `1,2, 3` three: a comma without space may stand inside a number.
        for piece in _parted(part, ", "):
            found += [piece] if _THOUSANDS.fullmatch(piece.strip()) else _parted(piece, ",")
    return [each for piece in found for each in _signs(piece.strip())]


def _one_bracket(text: str, opening: str, closing: str) -> bool:
    """Whether the first bracket closes at the very end."""
    inner = text[len(opening) : -len(closing)]
    levels = accumulate((mark in _OPEN) - (mark in _CLOSE) for mark in inner)
    return min(levels, default=0) >= 0


def _parted(text: str, separator: str) -> list[str]:
    """Split at separators outside brackets; unbalanced brackets are taken as they come."""
    if separator not in text:
        return [text]
    parts, depth, start = [], 0, 0
    for at, mark in enumerate(text):
        if mark in _OPEN:
            depth += 1
        elif mark in _CLOSE:
            depth -= 1
        elif depth <= 0 and text.startswith(separator, at):
            parts.append(text[start:at])
            start = at + len(separator)
    return [*parts, text[start:]]


def _signs(piece: str) -> list[str]:
    """±3 is two elements."""
    return [piece.replace("±", "+"), piece.replace("±", "-")] if piece.startswith("±") else [piece]


def key(element: str, depth: int = MAX_DEPTH) -> Key:
    """What an element is compared by."""
    if (value := quantity(element)) is not None:
        return ("number", value)
    if (time := clock(element)) is not None:
        return ("time", time)
    if (terms := ratio(element)) is not None:
        return ("ratio", terms)
    if depth and (parts := tuple_parts(element)) is not None:
        return ("tuple", tuple(key(part, depth - 1) for part in parts))
    return ("text", plain(element).replace(" ", ""))


def tuple_parts(text: str) -> list[str] | None:
    """The elements of `(a, b, …)`, in order; None for what is no such tuple."""
    text = tidy(text)
    if not (text.startswith("(") and text.endswith(")") and _one_bracket(text, "(", ")")):
        return None
    parts = [part.strip() for part in _parted(text[1:-1], ",")]
    return parts if len(parts) > 1 else None


def compare_sets(said: Sequence[str], gold: Sequence[str], tolerance: float | None = None) -> bool | None:
    """Whether two lists hold the same elements in any order; None where some stand over that are neither numbers nor
    words, and algebra may know better.
    """
    if max(len(said), len(gold)) > MAX_ELEMENTS or len(said) != len(gold):
        return False
    ours, theirs = Counter(map(key, said)), Counter(map(key, gold))
    left, wanted = list((ours - theirs).elements()), list((theirs - ours).elements())
    if tolerance and _within(_numbers(left), _numbers(wanted), tolerance):
        return len(_numbers(left)) == len(left)
    if all(kind == "text" and _open(str(value)) for kind, value in wanted) and wanted:
        return None
    return not wanted


def _open(text: str) -> bool:
    """Whether a text could be maths: a sign, a digit or a command in it, or a single letter."""
    return len(text) == 1 or bool(re.search(r"[\\^+*/=0-9-]", text))


def _numbers(keys: Sequence[Key]) -> list[Number]:
    return [value.number for _, value in keys if isinstance(value, Quantity) and not value.unit]


def _within(said: Sequence[Number], gold: Sequence[Number], tolerance: float) -> bool:
    """In order of size, each within the tolerance of its opposite: no other pairing does better."""
    pairs = zip(sorted(said, key=Number.approximate), sorted(gold, key=Number.approximate), strict=False)
    close = (abs(one.approximate() - other.approximate()) <= tolerance for one, other in pairs)
    return len(said) == len(gold) and all(close)
