"""Does a text say what a claim says? By its words and numbers alone, without a model.

    says("There are three red cubes.", "I see 3 red cubes on a table.")      # "states"
    says("There are three red cubes.", "I see 4 red cubes on a table.")      # "conflicts"
    says("There are three red cubes.", "A dog sleeps.")                      # "silent"

The claim's subject is its content words without what can be at odds: numbers, colours, sides and denials. A sentence of
the text speaks of the claim where it has most of the subject's words; it then states the claim if all that can be at
odds is in it too, conflicts where it has another number, colour or side or denies, and says too little otherwise. It is
a cheap witness: it knows no synonyms and no grammar beyond this.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal, NamedTuple

from perceptdata.segmentation import clauses
from perceptdata.verification.claims import in_digits

Said = Literal["states", "conflicts", "silent"]

SPEAKS = 0.75
"""The share of a subject's words that a sentence must have to speak of it."""

_WORD = re.compile(r"\d+(?:\.\d+)?|[^\W\d_]+(?:['’][^\W\d_]+)?")
_COLOURS = {"black", "white", "grey", "red", "green", "blue", "yellow", "orange", "purple", "pink", "brown"}
_SIDES = {"left", "right", "above", "below", "top", "bottom", "upper", "lower", "middle", "front", "behind"}
_DENIALS = {"no", "not", "never", "none", "without", "neither", "nor"}
_SAME = {"gray": "grey", "center": "middle", "centre": "middle", "under": "below", "beneath": "below", "over": "above"}
_EMPTY = set(
    "a an the this that these those there it its is are was were be been being has have had do does of in on at to "
    "and with which i we you see seen show shows shown image picture figure photo can by for as from".split()
)


class Gist(NamedTuple):
    """What a sentence is about, and what of it can be at odds with another."""

    subject: frozenset[str]
    numbers: frozenset[str]
    colours: frozenset[str]
    sides: frozenset[str]
    denied: bool


def gist(sentence: str) -> Gist:
    """The words of a sentence, sorted."""
    words = [_stem(word) for word in _WORD.findall(in_digits(sentence).casefold())]
    numbers = frozenset(f"{float(word):g}" for word in words if word[0].isdigit())
    found = {word for word in words if not word[0].isdigit()}
    denied = bool(found & _DENIALS) or any(word.endswith(("n't", "n’t")) for word in found)
    at_odds = _COLOURS | _SIDES | _DENIALS
    subject = frozenset(word for word in found - at_odds - _EMPTY if not word.endswith(("n't", "n’t")))
    return Gist(subject, numbers, frozenset(found & _COLOURS), frozenset(found & _SIDES), denied)


def says(claim: str, text: str) -> Said:
    """What the text says of the claim; where its sentences differ, one that states it counts."""
    return weigh(gist(claim), gists(text))


def gists(text: str) -> list[Gist]:
    """Of each sentence of a text."""
    return [gist(text[start:end]) for start, end in clauses(text)]


def weigh(claim: Gist, sentences: Iterable[Gist]) -> Said:
    """`says`, for texts that are asked often."""
    said: Said = "silent"
    for each in sentences:
        if not _speaks_of(claim, each):
            continue
        if claim.denied == each.denied and all(mine <= theirs for mine, theirs in _pairs(claim, each)):
            return "states"
        if claim.denied != each.denied or any(
            mine and theirs and not mine & theirs for mine, theirs in _pairs(claim, each)
        ):
            said = "conflicts"
    return said


def _speaks_of(claim: Gist, other: Gist) -> bool:
    if not claim.subject:  # "3, 4 and 5." is about its numbers
        return bool(claim.numbers & other.numbers)
    return len(claim.subject & other.subject) >= SPEAKS * len(claim.subject)


def _pairs(claim: Gist, other: Gist) -> tuple[tuple[frozenset[str], frozenset[str]], ...]:
    return (claim.numbers, other.numbers), (claim.colours, other.colours), (claim.sides, other.sides)


def _stem(word: str) -> str:
    """Plurals and spellings made one."""
    word = _SAME.get(word, word)
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-2] if word.endswith(("xes", "ches", "shes")) else word[:-1]
    return word
