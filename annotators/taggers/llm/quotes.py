"""Where a quote parts a clause in two: the quote is what one part says, so it begins or ends the clause.

    parted("The figure shows 32, so x = 7", "the figure shows 32")      # (0, 20), (21, 29)
    parted("The figure shows 32, so x = 7", "x = 7 follows")            # None

Models copy almost verbatim. The quote is compared as it is, then without regard to case, white space and the shape of
quotation marks, then by letters and digits alone. It is never looked for anywhere but in this clause, and refused where
it could part it at two places, inside a word, or inside a formula: no span is better than a wrong one.
"""

from __future__ import annotations

import re
from collections.abc import Callable

Folded = tuple[str, list[int]]
"""A text as it is compared, and for each of its characters the place that it comes from."""

_SHAPES = str.maketrans("‘’‚“”„«»–—−", '\'\'\'"""""---')
_CLOSERS = ",.;:!?)]}”’»…%°"
_OPENERS = "([{“‘«"
_DIGIT, _OPEN_DIGIT = re.compile(r"\d[.,:]?\Z"), re.compile(r"[.,:]?\d")
_UNSPACED = 0x2E80  # scripts from here on write no spaces between words


def parted(clause: str, quote: str) -> tuple[tuple[int, int], tuple[int, int]] | None:
    """Start and end of the two parts inside the clause, without white space at their borders; None where refused."""
    for fold in _FOLDS:
        folded, places = fold(clause)
        wanted, _ = fold(quote)
        if not 0 < len(wanted) < len(folded):
            continue
        cuts = set()
        if folded.startswith(wanted):
            cuts.add(_after(clause, places[len(wanted) - 1] + 1))
        if folded.endswith(wanted):
            cuts.add(_before(clause, places[len(folded) - len(wanted)]))
        if len(cuts) == 1:
            return _parts(clause, cuts.pop())
        if cuts:
            return None
    return None


def _parts(clause: str, cut: int) -> tuple[tuple[int, int], tuple[int, int]] | None:
    first, second = clause[:cut], clause[cut:]
    says = all(any(sign.isalnum() for sign in part) for part in (first, second))
    if not says or _joined(first, second) or first.count("$") % 2:
        return None
    return (0, len(first.rstrip())), (cut + len(second) - len(second.lstrip()), len(clause))


def _joined(before: str, behind: str) -> bool:
    """Whether they are the halves of one word or number."""
    if _DIGIT.search(before) and _OPEN_DIGIT.match(behind):
        return True
    last, first = before[-1], behind[0]
    return last.isalnum() and first.isalnum() and max(ord(last), ord(first)) < _UNSPACED


def _after(clause: str, cut: int) -> int:
    """Behind the punctuation that belongs to what stands before it."""
    while cut < len(clause) and clause[cut] in _CLOSERS and not _joined(clause[:cut], clause[cut:]):
        cut += 1
    return cut


def _before(clause: str, cut: int) -> int:
    """Before the brackets that open what stands behind them."""
    while cut > 0 and clause[cut - 1] in _OPENERS:
        cut -= 1
    return cut


def _exact(text: str) -> Folded:
    return text, list(range(len(text)))


def _loose(text: str) -> Folded:
    """In lower case, white space as one space and none outside, quotation marks and dashes in their plain shape."""
    signs, places = [], []
    for place, sign in enumerate(text.translate(_SHAPES)):
        if not sign.isspace():
            for folded in sign.casefold():
                signs.append(folded)
                places.append(place)
        elif signs and signs[-1] != " ":
            signs.append(" ")
            places.append(place)
    if signs and signs[-1] == " ":
        signs.pop()
    return "".join(signs), places


def _bare(text: str) -> Folded:
    """Letters and digits alone, in lower case."""
    found = [(folded, place) for place, sign in enumerate(text) if sign.isalnum() for folded in sign.casefold()]
    return "".join(sign for sign, _ in found), [place for _, place in found]


_FOLDS: tuple[Callable[[str], Folded], ...] = (_exact, _loose, _bare)


def echoes(clause: str, words: str) -> bool:
    """Whether `words` are those that the clause begins with: its first four, or a few less or more of them."""
    begun, said = _bare(" ".join(clause.split()[:4]))[0], _bare(words)[0]
    return said.startswith(begun) or (begun.startswith(said) and len(said) >= min(4, len(begun)))
