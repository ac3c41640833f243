"""Facts of a text, and whether another text states or contradicts them: the cheap first look, before any judge.

    facts_of("Three red cups stand on the left.")       # [Fact({cup, stand}, {3}, {red}, {left}, False)]
    look(facts_of(caption), facts_of(description))      # a Finding each: STATED, CONTRADICTED, OPEN or MISSING

A clause is a fact: its content words, and what makes it true or false: numbers (digits or words), colours, sides, and
whether it is negated. A description's clause speaks of the same thing where it has most of the content words. It then
states the fact if all four agree, and contradicts it if exactly one differs; two that differ are about something else
(the cup on the right is blue). A clause that states another fact of the reference contradicts none. So to list every
possibility contradicts. Words are compared by spelling: synonyms and other languages are not seen, and such facts
are open or missing, which a judge may settle.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import Enum
from typing import NamedTuple

from perceptdata.segmentation import clauses

SAME, NEAR = 0.6, 0.3
"""Shares of a fact's content words: so many are the same thing, so many may be."""


class Finding(Enum):
    """What a text says of a fact."""

    STATED = "stated"
    CONTRADICTED = "contradicted"
    OPEN = "open"  # it may speak of it: a judge can tell
    MISSING = "missing"


class Fact(NamedTuple):
    """One clause. `start` and `end` are its place in the text."""

    words: frozenset[str]
    numbers: frozenset[float]
    colours: frozenset[str]
    sides: frozenset[str]
    negated: bool
    start: int = 0
    end: int = 0


_UNITS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
)
_DECADES = "twenty thirty forty fifty sixty seventy eighty ninety"
_COLOURED = (
    "red orange yellow green blue purple violet pink brown black white grey gold silver beige cyan magenta teal tan"
)
_NEGATING = (
    "no not without none never nothing cannot neither nor nobody isn aren wasn weren doesn don hasn lack lacks lacking"
)
_LITTLE = (
    "a an the is are was were be been being has have had of on in at to from by with and or it its this that these "
    "those there here as for i we you see sees shows show shown image picture figure photo visible can side hand which "
    "who what their his her they he she also very some t s"
)
_SIDED = {
    "left": "left leftmost lefthand",
    "right": "right rightmost righthand",
    "up": "above over top upper topmost",
    "down": "below under beneath underneath bottom lower bottommost",
    "front": "front foreground",
    "back": "behind background rear",
}
_NUMBER = {word: float(at) for at, word in enumerate(_UNITS.split())}
_TENS = {word: 10.0 * (at + 2) for at, word in enumerate(_DECADES.split())}
_COUNTED = {"single": 1.0, "pair": 2.0, "couple": 2.0, "both": 2.0, "dozen": 12.0, "hundred": 100.0, "thousand": 1000.0}
_COLOURS, _NO, _EMPTY = (frozenset(words.split()) for words in (_COLOURED, _NEGATING, _LITTLE))
_SIDES = {word: side for side, words in _SIDED.items() for word in words.split()}
_TOKEN = re.compile(r"\d+(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|[^\W\d_]+")


def facts_of(text: str) -> list[Fact]:
    """The facts of a text, one a clause; clauses that say nothing are left out."""
    found = [_fact(text[start:end], start, end) for start, end in clauses(text)]
    return [fact for fact in found if fact.words or fact.numbers or fact.colours]


def look(reference: Sequence[Fact], said: Sequence[Fact]) -> list[Finding]:
    """What a description says of each fact of the reference."""
    agreed = {at for at, clause in enumerate(said) if any(_states(fact, clause) for fact in reference)}
    return [_find(fact, said, agreed) for fact in reference]


def agreement(one: Sequence[Fact], other: Sequence[Fact]) -> float:
    """How far two descriptions state the same: the mean of what each states of the other, less what it contradicts."""
    return (worth(look(one, other)) + worth(look(other, one))) / 2


def worth(findings: Sequence[Finding], contradiction: float = 1.0) -> float:
    """Recall less `contradiction` times the share that is contradicted, in [0, 1]; 0 for no facts."""
    if not findings:
        return 0.0
    stated, against = findings.count(Finding.STATED), findings.count(Finding.CONTRADICTED)
    return max(0.0, (stated - contradiction * against) / len(findings))


def _find(fact: Fact, said: Sequence[Fact], agreed: set[int]) -> Finding:
    stated = False
    near = False
    for at, clause in enumerate(said):
        share = _share(fact, clause)
        if share < SAME:
            near = near or share >= NEAR
        elif _states(fact, clause):
            stated = True
        elif at not in agreed and _differences(fact, clause) == 1:
            return Finding.CONTRADICTED
        else:
            near = True
    if stated:
        return Finding.STATED
    return Finding.OPEN if near else Finding.MISSING


def _share(fact: Fact, clause: Fact) -> float:
    """Of the fact's content words; of its numbers or colours where it has no others."""
    for wanted, there in ((fact.words, clause.words), (fact.numbers, clause.numbers), (fact.colours, clause.colours)):
        if wanted:
            return len(wanted & there) / len(wanted)
    return 0.0


def _states(fact: Fact, clause: Fact) -> bool:
    return (
        _share(fact, clause) >= SAME
        and fact.numbers <= clause.numbers
        and fact.colours <= clause.colours
        and fact.sides <= clause.sides
        and fact.negated == clause.negated
    )


def _differences(fact: Fact, clause: Fact) -> int:
    """In how many ways the clause says otherwise; what it leaves out is no difference."""
    pairs = ((fact.numbers, clause.numbers), (fact.colours, clause.colours), (fact.sides, clause.sides))
    return sum(bool(own and there and not own <= there) for own, there in pairs) + (fact.negated != clause.negated)


def _fact(clause: str, start: int, end: int) -> Fact:
    words: set[str] = set()
    numbers: set[float] = set()
    colours: set[str] = set()
    sides: set[str] = set()
    negated = False
    tens: float | None = None
    for token in _TOKEN.findall(clause.lower()):
        unit = _NUMBER.get(token)
        if tens is not None:  # twenty-one is one number
            numbers.add(tens + unit if unit is not None and 0 < unit < 10 else tens)
            if unit is not None and 0 < unit < 10:
                tens = None
                continue
            tens = None
        if token[0].isdigit() and token.isascii():
            numbers.add(float(token.replace(",", "")))
        elif token in _TENS:
            tens = _TENS[token]
        elif unit is not None or token in _COUNTED:
            numbers.add(unit if unit is not None else _COUNTED[token])
        elif (colour := "grey" if token == "gray" else token) in _COLOURS:
            colours.add(colour)
        elif token in _SIDES:
            sides.add(_SIDES[token])
        elif token in _NO:
            negated = True
        elif token not in _EMPTY:
            words.add(_stem(token))
    if tens is not None:
        numbers.add(tens)
    return Fact(frozenset(words), frozenset(numbers), frozenset(colours), frozenset(sides), negated, start, end)


def _stem(word: str) -> str:
    """The word without the ending of a plural."""
    if len(word) > 4 and word.endswith("ies"):
        return f"{word[:-3]}y"
    if len(word) > 4 and word.endswith(("ches", "shes", "sses", "xes", "zes")):
        return word[:-2]
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")) else word
