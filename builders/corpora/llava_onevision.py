"""LLaVA-OneVision-Data (Li et al. 2024, arXiv 2408.03326): more than eighty sets of conversations about pictures.

    llava_onevision/train/<config>/<file>/<n>       the first exchange; further ones are /turn2, /turn3, …

A config is a folder with a name such as `CLEVR-Math(MathV360K)` or `geo170k(qa)`; `meta.subset` names it. The question
decides the stage (`reading.stage_rules`). The licence is the hub's tag: each set has its own, to which its name leads.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, ClassVar

from perceptdata.draft import BadRow, Draft
from perceptdata.errors import Rejected
from perceptdata.example import Stage

from ..reading.stage_rules import stage_of
from .dialogue import Exchange, exchanges
from .problem import problem
from .tabular import Row, Tabular

# What these sets write behind a question to say how long the answer should be; formats say it here.
_FORMAT = re.compile(
    r"\s*\n\s*(?:"
    r"(?:please )?(?:answer|respond)(?: the question)? (?:with|using|by) "
    r"(?:a single word|the (?:option's )?letter)[^\n]*"
    r"|(?:answer|respond) (?:briefly|succinctly|concisely)|(?:give|provide|offer) a [^\n]{0,20}"
    r"(?:answer|response|reply)|(?:quick|short|concise|brief) (?:answer|response|reply)[^\n]{0,20}"
    r"|keep it [^\n]{0,30}|make the answer [^\n]{0,20}|your (?:answer|response) (?:should|must) be [^\n]{0,20}"
    r"|(?:be succinct|ensure brevity in your answer|write a very short answer|quick response, please)"
    r")\.?\s*$",
    re.I,
)
_ASKED = re.compile(r"^((?:<image>\s*)*)question\s*:\s*", re.I)


class LLaVAOneVision(Tabular):
    """The folder of configs, one of them, or one file."""

    name: ClassVar[str] = "llava_onevision"
    corpus: ClassVar[str] = "LLaVA-OneVision-Data"
    licence: ClassVar[str] = "Apache-2.0"
    stages: ClassVar[tuple[Stage, ...]] = ("perception", "visual_reasoning", "textual_reasoning")

    def examples(self, row: Row) -> Iterator[Draft | BadRow]:
        """One example for each exchange."""
        meta = {"subset": row.file.parent.name, "data_source": row.get("data_source"), "id": row.get("id")}
        yield from said(row, row.need("conversations"), row.pictures("image"), meta)


def said(row: Row, conversation: Any, images: Any, meta: dict[str, Any]) -> Iterator[Draft | BadRow]:
    """The exchanges of a general conversation: what was answered is the answer, and the response where it is longer."""
    for one in exchanges(conversation, images):
        try:
            yield one.place(_answered(row, one, meta), row)
        except Rejected as error:
            yield one.bad(row, error)


def _answered(row: Row, one: Exchange, meta: dict[str, Any]) -> Draft:
    question = _ASKED.sub(r"\1", _FORMAT.sub("", one.question))
    draft = problem(row, question, one.said, meta=meta)
    draft.stage, rule = stage_of(draft.question, len(one.images))
    longer = len(one.said) > len(draft.answer.text) + 20
    draft.response = one.said if longer else None
    draft.meta = {**draft.meta, "stage_rule": rule.name}
    if longer:
        draft.meta.pop("raw_answer", None)
    if question != one.question:
        draft.meta["raw_question"] = one.question
    return draft
