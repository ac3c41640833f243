"""LLaVA-CoT-100k (Xu et al. 2024, arXiv 2411.10440): answers in four tagged stages, which say what perceives.

    llava_cot/train/train/<n>       a question; <SUMMARY>, <CAPTION>, <REASONING>, <CONCLUSION>

The response is the whole text. Its stages become gold spans of `pro@1`: the caption perceives, the reasoning reasons,
summary and conclusion do neither. They are the writing model's stages and not people's judgement of each clause: a
caption may reason. The answer is the conclusion.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar

from perceptdata.draft import BadRow, Draft
from perceptdata.errors import Rejected, UsageError
from perceptdata.example import Stage
from perceptdata.plugins import Part
from perceptdata.spans import PRO, Span, SpanSet

from .dialogue import Exchange, exchanges
from .problem import problem
from .tabular import Row, Tabular

LABELS = {"SUMMARY": "other", "CAPTION": "perception", "REASONING": "reasoning", "CONCLUSION": "other"}
_TAG = re.compile(r"<(/?)(SUMMARY|CAPTION|REASONING|CONCLUSION)>")
_JOINED, _PIECE = "image.zip", "image.zip.part-aa"


class LLaVACoT(Tabular):
    """`train.jsonl` with `image.zip` (its parts joined) or the unpacked folder beside it."""

    name: ClassVar[str] = "llava_cot"
    corpus: ClassVar[str] = "LLaVA-CoT-100k"
    licence: ClassVar[str] = "Apache-2.0"
    stages: ClassVar[tuple[Stage, ...]] = ("visual_reasoning",)

    def parts(self, source: Path | None) -> Sequence[Part]:
        """As of any corpus in rows. UsageError where the pieces of the archive still want joining."""
        parts = super().parts(source)
        root = parts[0].root if parts else None
        joined = root is None or (root / _JOINED).exists() or not (root / _PIECE).exists()
        if self.images is None and not joined:
            raise UsageError(f"{root} has the archive of pictures in pieces; first: cat image.zip.part-* > image.zip")
        return parts

    def examples(self, row: Row) -> Iterator[Draft | BadRow]:
        """One example for each exchange."""
        for one in exchanges(row.need("conversations"), row.pictures("image")):
            try:
                yield one.place(_staged(row, one), row)
            except Rejected as error:
                yield one.bad(row, error)


def _staged(row: Row, one: Exchange) -> Draft:
    spans = stages(one.said)
    conclusion = next((one.said[span.start : span.end] for span in spans[::-1] if span.tagger == "CONCLUSION"), "")
    draft = problem(row, one.question, conclusion, response=one.said, meta={"id": row.get("id")})
    named = [Span(span.start, span.end, span.label) for span in spans]
    draft.spans = {"response": SpanSet.of(named, PRO, tagger=LLaVACoT.name)}
    return draft


def stages(text: str) -> list[Span]:
    """The four stages without their tags and outer white space; `tagger` holds the stage's name.

    Raises Rejected `llava_cot.tags` unless each stage is opened and closed once, in any order, none inside another.
    """
    tags = list(_TAG.finditer(text))
    pairs = list(zip(tags[::2], tags[1::2], strict=False))
    opened = [first[2] for first, last in pairs if not first[1] and last[1] and first[2] == last[2]]
    if len(tags) != 2 * len(LABELS) or sorted(opened) != sorted(LABELS):
        written = " ".join(tag[0] for tag in tags) or "none"
        raise Rejected(
            "llava_cot.tags", f"the answer's tags are not its four stages, each opened and closed: {written}"
        )
    spans = []
    for first, last in pairs:
        inner = text[first.end() : last.start()]
        start = first.end() + len(inner) - len(inner.lstrip())
        if inner.strip():
            spans.append(Span(start, start + len(inner.strip()), LABELS[first[2]], tagger=first[2]))
    return spans
