"""The published text metrics, as checkers: name one in the gold answer, or let a builder do so.

    checker: {name: vqa}       ten people's answers in `accepts`, repeats included
    checker: {name: anls}      spans read off a document
    checker: {name: relaxed}   numbers read off a chart

Each is what the benchmark's own script computes, given an extracted answer.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from typing import ClassVar

from pydantic import Field

from perceptdata.example import Example
from perceptdata.plugins import Checker

_NUMERALS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_DIGITS = {"none": "0", **{word: str(value) for value, word in enumerate(_NUMERALS)}}
_ARTICLES = {"a", "an", "the"}
_APOSTROPHES = re.compile("['’`]")
_COMMA_IN_NUMBER = re.compile(r"(?<=[0-9]),(?=[0-9])")
_FULL_STOP = re.compile(r"\.(?![0-9])")
_PUNCTUATION = re.compile(r'[;/\[\]"{}()=+\\_<>@?!,-]')


class Consensus(Checker):
    """VQA accuracy over the people who answered (Antol et al. 2015, arXiv 1505.00468).

    For each of them: how many of the others said the same, over three, at most 1; and the mean of that.

    An answer that four of ten gave scores 1.0, one that three gave 0.9. Case, articles, punctuation, apostrophes and
    number words do not matter. Without `accepts` the gold text counts as said by everyone.
    """

    name: ClassVar[str] = "vqa"

    def score(self, answer: str, example: Example) -> float:
        """The accuracy of one answer."""
        people = _people(example)
        return _consensus(people[vqa_text(answer)], people.total())

    def best(self, example: Example) -> float:
        """What the most frequent answer scores: people may be so divided that none reaches 1.0."""
        people = _people(example)
        return _consensus(max(people.values()), people.total())


def _people(example: Example) -> Counter[str]:
    return Counter(map(vqa_text, example.answer.accepts or (example.answer.text,) * 10))


def _consensus(same: int, people: int) -> float:
    """`same` of the people agree: each of those sees `same - 1` others, each of the rest sees `same`."""
    others = min((same - 1) / 3, 1.0) * same if same else 0.0
    return (others + min(same / 3, 1.0) * (people - same)) / people


def vqa_text(text: str) -> str:
    """The spelling in which VQA answers are compared.

    The official script restores the apostrophes of a list of contractions; here they are left out on both sides, which
    makes the same answers equal. Punctuation inside a word is a space, at its edge it is nothing.
    """
    text = _APOSTROPHES.sub("", " ".join(text.lower().split()))
    text = _FULL_STOP.sub("", _PUNCTUATION.sub(" ", _COMMA_IN_NUMBER.sub("", text)))
    return " ".join(_DIGITS.get(word, word) for word in text.split() if word not in _ARTICLES)


class ANLS(Checker):
    """Average normalised Levenshtein similarity (Biten et al. 2019, arXiv 1905.13648): 1 - distance / longer length,
    0 where that is not above `threshold`; the best over the gold text and what it accepts. Case does not matter.
    """

    name: ClassVar[str] = "anls"
    threshold: float = Field(default=0.5, ge=0, le=1)

    def score(self, answer: str, example: Example) -> float:
        """The similarity of one answer."""
        golds = (example.answer.text, *example.answer.accepts)
        return max(similarity(_squeezed(answer), _squeezed(gold), self.threshold) for gold in golds)


def _squeezed(text: str) -> str:
    return " ".join(text.lower().split())


def similarity(one: str, other: str, threshold: float = 0.0) -> float:
    """1 - distance / longer length, or 0.0 where that is not above the threshold."""
    longer = max(len(one), len(other))
    if not longer:
        return 1.0
    if abs(len(one) - len(other)) >= (1 - threshold) * longer:  # a hundred thousand characters are not looked at
        return 0.0
    near = 1 - distance(one, other) / longer
    return near if near > threshold else 0.0


def distance(one: str, other: str) -> int:
    """The Levenshtein distance, a column of the table at a time as the bits of one integer (Hyyrö 2003)."""
    if not one or not other:
        return len(one) or len(other)
    places: dict[str, int] = {}
    for at, mark in enumerate(one):
        places[mark] = places.get(mark, 0) | 1 << at
    mask, last = (1 << len(one)) - 1, 1 << (len(one) - 1)
    up, down, count = mask, 0, len(one)
    for mark in other:
        equal = places.get(mark, 0)
        vertical = equal | down
        horizontal = (((equal & up) + up) ^ up) | equal
        right, left = down | ~(horizontal | up) & mask, up & horizontal
        count += bool(right & last) - bool(left & last)
        right, left = right << 1 | 1, left << 1
        up, down = (left | ~(vertical | right)) & mask, right & vertical & mask
    return count


class Relaxed(Checker):
    """ChartQA's relaxed accuracy (Masry et al. 2022, arXiv 2203.10244): a number within `tolerance` of the gold number,
    relatively; anything else must be the same text. `3%` is 0.03, as in the benchmark's script.

    Five per cent of a year is a century: mark years as `number` without this checker.
    """

    name: ClassVar[str] = "relaxed"
    tolerance: float = Field(default=0.05, ge=0)

    def score(self, answer: str, example: Example) -> float:
        """1.0 or 0.0."""
        golds = (example.answer.text, *example.answer.accepts)
        return float(any(self._same(answer, gold) for gold in golds))

    def _same(self, answer: str, gold: str) -> bool:
        said, wanted = _value(answer), _value(gold)
        if said is None or not wanted:  # a gold 0 has no relative error: it must be written
            return _squeezed(answer) == _squeezed(gold) or (said is not None and said == wanted)
        return abs(said - wanted) <= self.tolerance * abs(wanted)


def _value(text: str) -> float | None:
    text = text.strip().replace(",", "")
    share = text.endswith("%")
    try:
        value = float(text.removesuffix("%")) if len(text) < 100 else math.nan
    except ValueError:
        return None
    return (value / 100 if share else value) if math.isfinite(value) else None
