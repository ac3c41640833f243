"""A sheet: clauses of one text that one call asks about, numbered, with the clauses around them as context.

    Question: "How many cups are there?"
    [--] "Let me look."
    [417] "The figure shows two cups."
    [418] "So the answer is 2."

The text is data and may be hostile. Each clause is one JSON string on one line, so nothing in it can end its line, pose
as another clause or close the list. Numbers begin at a place that the text's hash chooses: a reply that numbers from 1,
repeats the prompt's example or belongs to another call speaks of clauses that were not asked.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

from perceptdata.errors import Rejected
from perceptdata.example import IMAGE
from perceptdata.llm import Message, Picture
from perceptdata.plugins import TextItem

from ..features import question

CLAUSES = 80  # consecutive clauses of which one call asks the open ones: beyond that, models lose count
CONTEXT = 5  # clauses shown on each side of one that is asked
FIRST, LAST = 100, 899  # where numbers begin; the prompt's example has smaller ones
_UNSAFE = {ord(sign): f"\\u{ord(sign):04x}" for sign in "\x7f\x85\u2028\u2029"}  # line breaks that JSON lets stand


class Piece(NamedTuple):
    """A labelled stretch of the text, in code points."""

    start: int
    end: int
    label: int


class Reading(NamedTuple):
    """What a reply says: pieces by clause, the clauses it says nothing of, and what of it could not be used."""

    pieces: dict[int, tuple[Piece, ...]]
    missing: tuple[int, ...] = ()
    problems: tuple[Rejected, ...] = ()


@dataclass(frozen=True, eq=False)
class Sheet:
    """`asked` are places in the text's list of clauses, rising. `sample` tells apart calls that ask the same again."""

    item: TextItem
    asked: tuple[int, ...]
    sample: int = 0

    @classmethod
    def of(cls, item: TextItem, sample: int = 0) -> Iterator[Sheet]:
        """All open clauses of a text, in sheets that reach over at most `CLAUSES` clauses each."""
        asked: list[int] = []
        for place in (item.label < 0).nonzero()[0].tolist():
            if asked and place - asked[0] >= CLAUSES:
                yield cls(item, tuple(asked), sample)
                asked = []
            asked.append(place)
        if asked:
            yield cls(item, tuple(asked), sample)

    def about(self, asked: Sequence[int]) -> Sheet:
        """A sheet that asks fewer clauses."""
        return replace(self, asked=tuple(asked))

    @cached_property
    def seed(self) -> bytes:
        """32 bytes that depend on the text, the clauses and the sample alone."""
        return hashlib.sha256(f"{self.sample} {self.asked} {self.item.text}".encode()).digest()

    @cached_property
    def numbers(self) -> dict[int, int]:
        """The clause that each number stands for."""
        first = FIRST + int.from_bytes(self.seed[:4]) % (LAST - FIRST + 1)
        return {first + place: clause for place, clause in enumerate(self.asked)}

    @property
    def urgency(self) -> float:
        """One less the mean margin of the labels that the clauses have so far."""
        return 1.0 - float(self.item.score[list(self.asked)].mean())

    @property
    def blind(self) -> bool:
        """The example has no image: there is nothing to perceive."""
        return self.item.example is not None and not self.item.example.images

    def audited(self, share: float) -> bool:
        """Whether this call is one of the `share` that must repeat the clauses' first words."""
        return int.from_bytes(self.seed[4:8]) < share * 2**32

    def clause(self, place: int) -> str:
        """The text of a clause."""
        return self.item.text[self.item.start[place] : self.item.end[place]]

    def lines(self) -> Iterator[str]:
        """The clauses as they are shown: `[417] "…"`; `[--] "…"` for context; `...` where some are left out."""
        numbers = {clause: number for number, clause in self.numbers.items()}
        shown = sorted(
            {
                near
                for clause in self.asked
                for near in range(max(0, clause - CONTEXT), min(len(self.item.start), clause + CONTEXT + 1))
            }
        )
        before = shown[0] - 1
        for place in shown:
            if place != before + 1:
                yield "..."
            yield f"[{numbers.get(place, '--')}] {quoted(self.clause(place))}"
            before = place

    def setting(self) -> str:
        """What the text answers."""
        asked = question(self.item).replace(IMAGE, "").strip()
        said = [f"Question: {quoted(asked)}"] if asked else []
        return "\n".join([*said, *(["There is no image: no clause is P."] if self.blind else [])])

    def message(self, text: str, see_image: bool) -> Message:
        """The user's turn, with the example's images before it where they are to be seen."""
        images = self.item.example.images if see_image and self.item.example is not None else ()
        return Message("user", (*(Picture(image.sha256) for image in images), text) if images else text)


def quoted(text: str) -> str:
    """The text as one JSON string on one line."""
    return json.dumps(text, ensure_ascii=False).translate(_UNSAFE)
