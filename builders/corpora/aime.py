"""AIME: the American Invitational Mathematics Examination, in the spellings of its re-uploads.

aime/test/<file>/<n>       problem and answer, a whole number from 0 to 999; for evaluation alone
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

from perceptdata.draft import BadRow, Draft
from perceptdata.errors import Rejected
from perceptdata.example import AllowedUse, Answer, Stage

from .problem import problem, solved
from .tabular import Row, Tabular


class AIME(Tabular):
    """Rows of `problem, answer` (or `question`; in any case of letters), with `solution`, `year`, `url` or without."""

    name: ClassVar[str] = "aime"
    corpus: ClassVar[str] = "AIME"
    licence: ClassVar[str] = "unstated"
    allowed_use: ClassVar[AllowedUse] = "evaluate"
    stages: ClassVar[tuple[Stage, ...]] = ("textual_reasoning",)

    def split(self, row: Row) -> str:
        """All of it is a test set."""
        return "test"

    def examples(self, row: Row) -> Iterator[Draft | BadRow]:
        """The problem. An answer that is no whole number from 0 to 999 is a reject."""
        fields: Mapping[str, object] = {name.lower(): value for name, value in row.fields.items()}
        lower = Row(fields, row.key, row.split, row.file, row.store)
        written = lower.text("answer")
        number = solved(written).text.lstrip("0") or "0"
        if not number.isdigit() or int(number) > 999:
            raise Rejected("field.invalid", f"the answer {written!r} is no whole number from 0 to 999")
        meta = {"id": lower.get("id", "unique_id"), "year": lower.get("year"), "url": lower.get("url")}
        question, solution = lower.text("problem", "question"), lower.get("solution")
        draft = problem(lower, question, written, choices=(), response=solution, meta=meta)
        draft.answer = Answer(text=number, kind="number", accepts=() if written == number else (written,))
        draft.meta = {name: value for name, value in draft.meta.items() if name != "raw_answer"}
        yield draft
