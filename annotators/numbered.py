"""Numbered lines in, numbers out: how models are asked about parts of a text that may be hostile.

    sheet = Numbered.of(["Two red cups.", "One is full."], seed=caption)
    sheet.lines()                       # ['[417] "Two red cups."', '[418] "One is full."']
    sheet.read([417, 418, 999])         # places of the numbers that were asked; what was left out; how many are foreign

Each part is one JSON string on one line, so that nothing in it can end its line or pose as another part. Numbers begin
where a hash chooses: a reply that counts from 1, repeats the prompt's example or answers another call speaks of parts
that were not asked. The same rules as in the `llm` tagger, for lists of parts instead of clauses of a trace.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from .taggers.llm.sheet import FIRST, LAST, quoted

FOLDED = str.maketrans("‘’‚“”„«»–—−", '\'\'\'"""""---')


@dataclass(frozen=True, slots=True)
class Numbered:
    """`parts` by the numbers from `first`; `places` is where each stands in the list that it was taken from."""

    first: int
    parts: tuple[str, ...]
    places: tuple[int, ...]

    @classmethod
    def of(cls, parts: Sequence[str], seed: str, places: Sequence[int] | None = None) -> Numbered:
        """The parts (those at `places`, or all), numbered from where `seed` and the parts say."""
        asked = tuple(range(len(parts)) if places is None else places)
        digest = hashlib.sha256("\0".join([seed, *(parts[at] for at in asked)]).encode()).digest()
        return cls(FIRST + int.from_bytes(digest[:4]) % (LAST - FIRST + 1), tuple(parts[at] for at in asked), asked)

    def lines(self) -> list[str]:
        """One a part."""
        return [f"[{self.first + at}] {quoted(part)}" for at, part in enumerate(self.parts)]

    def place(self, number: int) -> int | None:
        """Where the part of that number stands; None for a number that was not asked."""
        at = number - self.first
        return self.places[at] if 0 <= at < len(self.parts) else None


def holds(text: str, quote: str) -> bool:
    """Whether the quote is in the text: without regard to case, white space and the shape of quotation marks."""
    wanted = folded(quote)
    return bool(wanted) and wanted in folded(text)


def folded(text: str) -> str:
    """Lower case, white space as one space, quotation marks and dashes in their plain shape."""
    return " ".join(text.translate(FOLDED).casefold().split())
