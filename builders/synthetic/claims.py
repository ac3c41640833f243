"""Sentences against scenes: rules that read what a sentence states, one pattern each.

    judge("There are 3 red objects.", scene, rules)      # True or False
    judge("It looks like spring.", scene, rules)         # None

A sentence is judged only if every word of it was understood: what no rule took may only be words that state nothing.
All that it states must hold. A rule says None where it understands the words and the scene cannot say (which of two
red circles is "the red circle").
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

Rule = tuple[re.Pattern[str], Callable[["re.Match[str]", Any], bool | None]]

NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
COUNT = r"(no|\d{1,3})"
_WORD = re.compile(rf"\b({'|'.join(NUMBERS[1:])})\b")
_HELD = re.compile(
    r"\b(?:there|is|are|an?|the|this|that|image|figure|picture|diagram|has|have|with|and|shows?|shown|contains?|also|"
    r"we|can|see|seen|in|it|of|on|its)\b|[\s.,;:!]+"
)


def judge(text: str, scene: Any, rules: Sequence[Rule]) -> bool | None:
    """Whether the sentence is true of the scene; None where it says nothing that could be checked, or more."""
    left = " ".join(text.casefold().split())
    left = _WORD.sub(lambda found: str(NUMBERS.index(found[0])), left)
    said: list[bool | None] = []
    for pattern, rule in rules:
        found = list(pattern.finditer(left))
        said += [rule(each, scene) for each in found]
        left = pattern.sub(" ", left) if found else left
    if not said or None in said or _HELD.sub("", left):
        return None
    return all(said)


def number(written: str) -> int:
    """`no` is 0."""
    return 0 if written == "no" else int(written)
