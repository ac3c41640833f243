"""Geo170K (Gao et al. 2023, G-LLaVA, arXiv 2312.11370): captions of geometry figures, and problems with solutions.

    geo170k/train/qa_tuning/0       a problem with four choices and a written solution (visual reasoning)
    geo170k/train/alignment/0       "describe the figure" and its caption (perception)

The rows are conversations about a picture of `images.zip`. Which of the two files a row is from, its name says; the
questions come wrapped in an instruction (`First perform reasoning, … Question: … Choices: …`), which is taken off.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import ClassVar

from perceptdata.draft import BadRow, Draft
from perceptdata.errors import Rejected
from perceptdata.example import IMAGE, AllowedUse, Answer, Stage

from .dialogue import Exchange, exchanges
from .problem import problem
from .tabular import Row, Tabular

_WRAPPING = re.compile(r"^.{0,300}?\bquestion\s*:\s*(?=\S.*\bchoices\s*:)", re.I | re.S)


class Geo170K(Tabular):
    """The files `qa_tuning` and `alignment` as JSON or Parquet, with `images.zip` or its folder beside them."""

    name: ClassVar[str] = "geo170k"
    corpus: ClassVar[str] = "Geo170K"
    licence: ClassVar[str] = "unstated"
    allowed_use: ClassVar[AllowedUse] = "research"
    stages: ClassVar[tuple[Stage, ...]] = ("perception", "visual_reasoning")
    FILES: ClassVar[Sequence[str]] = ("*qa_tuning*", "*alignment*", "*align*")

    def examples(self, row: Row) -> Iterator[Draft | BadRow]:
        """One example for each exchange of the conversation."""
        aligned = "align" in row.file.stem.lower() or "align" in row.file.parent.name.lower()
        for one in exchanges(row.need("conversations"), row.pictures("image")):
            try:
                yield one.place(_caption(row, one) if aligned else _solved(row, one), row)
            except Rejected as error:
                yield one.bad(row, error)


def _caption(row: Row, one: Exchange) -> Draft:
    if not one.said:
        raise Rejected("answer.missing", "the caption is empty")
    captions = [one.said] if one.images else []
    return Draft(row.key, "perception", one.question, Answer(text=one.said), captions=captions)


def _solved(row: Row, one: Exchange) -> Draft:
    bare = _WRAPPING.sub("", one.question.replace(IMAGE, "")).strip()
    draft = problem(row, f"{IMAGE * one.question.count(IMAGE)}{bare}", one.said, response=one.said)
    if bare not in one.question.removeprefix(IMAGE).strip()[: len(bare)]:  # it was wrapped
        draft.meta = {**draft.meta, "raw_question": one.question}
    return draft
