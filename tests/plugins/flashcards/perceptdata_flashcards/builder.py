"""Flashcards: a folder with `cards.jsonl` and the images that it names.

One object a line: `id`, `question`, `answer`, `image`, and `shows` (the picture in words) where somebody wrote it down.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

from perceptdata.draft import BadRow, Draft, FileIn, with_facts
from perceptdata.errors import UsageError
from perceptdata.example import IMAGE, AllowedUse, Answer
from perceptdata.plugins import Builder, Part


class Flashcards(Builder):
    """Each card is a visual question; a card with `shows` is a textual one too."""

    name: ClassVar[str] = "flashcards"
    corpus: ClassVar[str] = "Flashcards"
    licence: ClassVar[str] = "CC-BY-4.0"
    allowed_use: ClassVar[AllowedUse] = "train"

    textual: bool = True  # a field is an option, and a recipe can set it

    def parts(self, source: Path | None) -> Sequence[Part]:
        """The folder, in one part."""
        parts = super().parts(source)
        for part in parts:
            if part.path is None or not (part.path / "cards.jsonl").is_file():
                raise UsageError(f"{source} has no cards.jsonl; --source names the folder that holds it")
        return parts

    def read(self, part: Part) -> Iterator[Draft | BadRow]:
        """The cards in file order. A bad line costs that line alone."""
        folder = part.path or Path()
        with (folder / "cards.jsonl").open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                try:
                    drafts = self._drafts(folder, json.loads(line))
                except (ValueError, KeyError, TypeError) as error:
                    problem = f"line {number} of cards.jsonl: {type(error).__name__}: {error}"
                    yield BadRow(f"line-{number}", "row.unreadable", problem)
                else:
                    yield from drafts

    def _drafts(self, folder: Path, card: dict[str, Any]) -> list[Draft]:
        key, question, answer = str(card["id"]), card["question"].strip(), Answer(text=card["answer"])
        group = f"flashcards/{key}"  # twins of one picture are never split apart
        image, shows = FileIn(folder, card["image"]), card.get("shows")
        described = {"facts": shows, "facts_quality": "reference"} if shows else {}
        seen = Draft(key, "visual_reasoning", IMAGE + question, answer, group=group, images=[image], **described)
        if not (shows and self.textual):
            return [seen]
        told = with_facts(question, shows)
        return [seen, Draft(key, "textual_reasoning", told, answer, group=group, twin="text", **described)]
