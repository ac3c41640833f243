"""`wellformed`: is this a description at all? A weak control: a surrogate that ranks no better has learned nothing.

1 where the text states some scene of the family that drew the image, right or wrong;
  without a family, where it neither repeats itself nor the question
0 otherwise
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import ClassVar

from perceptdata.plugins import Scored
from perceptdata.rewards.scene import family_of
from perceptdata.rewards.surrogates.asking import plain_question
from perceptdata.rewards.surrogates.described import Described, Describing

_WORD = re.compile(r"\w+")
_GRAM = 4
_FRESH = 0.5  # of the runs of four words, so many must be said once, and so many not in the question


class WellFormed(Describing):
    """Does the description state a scene, whichever it is?"""

    name: ClassVar[str] = "wellformed"

    def compare(self, batch: Sequence[Described]) -> list[Scored]:
        """See `Describing.compare`."""
        return [_score(each) for each in batch]


def _score(each: Described) -> Scored:
    family = family_of(each.rollout.example)
    if family is not None:
        return Scored(1.0) if family.parse(each.text) is not None else Scored(0.0, "no_scene_stated")
    said = _grams(each.text)
    if len(set(said)) < _FRESH * len(said):
        return Scored(0.0, "repeats_itself")
    asked = set(_grams(plain_question(each.rollout.example)))
    if sum(gram not in asked for gram in said) < _FRESH * len(said):
        return Scored(0.0, "repeats_question")
    return Scored(1.0)


def _grams(text: str) -> list[tuple[str, ...]]:
    words = [found.group().lower() for found in _WORD.finditer(text)]
    return [tuple(words[at : at + _GRAM]) for at in range(max(1, len(words) - _GRAM + 1))]
