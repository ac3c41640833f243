"""VLM-CapCurriculum's JSON lines (arXiv 2605.20177): one shape for its three stages.

    index, example_id, split, image_path or images, prompt or problem, option_A … option_D, answer
    predictions[], correctness[], pass_rate                                                          (difficulty)

The intermediate files (`{generated: {question, options, answer}, meta: …}`) are read too. The pass rate becomes the
score `pass_rate`, predictions become responses with the file's own verdict. A question loses its block of options and
the line that asks for a letter; one that had options in columns is of the perception stage unless `stage` says
otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

from perceptdata.draft import BadRow, Draft
from perceptdata.plugins import Part

from ..own.auto import Auto

_INSTRUCTION = re.compile(r"\s*\n\s*(?:please )?(?:respond|answer|reply)[^\n]*\bletter\b[^\n]*\s*$", re.I)
_OPTIONS = {f"option_{letter}": "choices" for letter in "ABCDEF"}


class CapCurriculum(Auto):
    """A file or folder of one stage; `images` is what its paths start from."""

    name: ClassVar[str] = "cap_curriculum"
    corpus: ClassVar[str] = "VLM-CapCurriculum"
    licence: ClassVar[str] = "Apache-2.0"
    KNOWN: ClassVar[Mapping[str, str]] = {
        "prompt": "question",
        "problem": "question",
        "generated.question": "question",
        "image_path": "images",
        "images": "images",
        "example_id": "group",
        "index": "id",
        "split": "split",
        "answer": "answer",
        "generated.answer": "answer",
        "generated.options": "choices",
        "predictions": "responses",
        "correctness": "responses.correct",
        "pass_rate": "score.pass_rate",
        **_OPTIONS,
    }
    NEEDS: ClassVar[Sequence[Sequence[str]]] = (
        ("prompt", "problem", "generated.question"),
        ("answer", "generated.answer"),
    )

    def read(self, part: Part) -> Iterator[Draft | BadRow]:
        """As `auto`, with questions that ask and no more."""
        for draft in super().read(part):
            if isinstance(draft, Draft) and draft.choices:
                question = _INSTRUCTION.sub("", draft.question)
                if question != draft.question:
                    draft.meta = {"raw_question": draft.question, **draft.meta}
                    draft.question = question
                if self.stage == "by-rule" and draft.images:
                    draft.stage, draft.meta = "perception", {**draft.meta, "stage_rule": "options"}
            yield draft
