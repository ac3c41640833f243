"""Conversations about pictures as exchanges: a question, what was answered, and what was said before.

    for one in exchanges(row.need("conversations"), row.pictures("image")):
        one.question, one.said, one.history, one.images, one.key(row.key)

Pictures stand where the conversation's placeholders stand; a conversation without any shows all of them at its start.
Each exchange has the pictures that were shown up to it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from perceptdata.draft import BadRow, Draft, ImageRef
from perceptdata.errors import Rejected
from perceptdata.example import IMAGE, Turn

from ..reading.conversations import read_turns, rounds
from ..reading.placeholders import place_images
from .questions import same_question
from .tabular import Row


@dataclass(frozen=True, slots=True)
class Exchange:
    """One question of a conversation with its answer; `number` counts from 0."""

    number: int
    history: tuple[Turn, ...]
    question: str
    said: str
    images: Sequence[ImageRef]

    def key(self, row: str) -> str:
        """The row's own key for the first exchange, `<row>/turn2` for the second."""
        return row if self.number == 0 else f"{row}/turn{self.number + 1}"

    def place(self, draft: Draft, row: Row) -> Draft:
        """The draft with what it has from the conversation: key, group, pictures and earlier turns.

        Exchanges of one conversation share a group: their first picture's, or that of the question it began with.
        """
        draft.key, draft.images, draft.history = self.key(row.key), self.images, self.history
        draft.group = None if self.images else same_question(self.history[0].text if self.history else self.question)
        if self.images and draft.stage == "textual_reasoning":
            draft.stage = "visual_reasoning"
        return draft

    def bad(self, row: Row, error: Rejected) -> BadRow:
        """The reject of this exchange alone."""
        return BadRow(self.key(row.key), error.code, f"{row.file.name}: {error.message}", row.split)


def exchanges(conversation: Any, images: Sequence[ImageRef]) -> Iterator[Exchange]:
    """The exchanges, in order. Raises Rejected for what is no conversation, and for a question without an answer."""
    _, made = rounds(read_turns(conversation))
    if not made:
        raise Rejected("field.invalid", "the conversation has no user turn")
    last = made[-1]
    if last.answer is None:
        raise Rejected("answer.missing", "the conversation ends with a question")
    texts = place_images([*(turn.text for turn in last.history), last.question], len(images))
    turns = tuple(Turn(role=turn.role, text=text) for turn, text in zip(last.history, texts, strict=False))
    for number, one in enumerate(made):
        place = len(one.history)
        shown = len(images) if one is last else sum(text.count(IMAGE) for text in texts[: place + 1])
        yield Exchange(number, turns[:place], texts[place], (one.answer or "").strip(), images[:shown])
