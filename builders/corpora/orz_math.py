"""ORZ-Math (Hu et al. 2025, Open-Reasoner-Zero, arXiv 2503.24290): problems with final answers, 57k + 72k, 13k hard.

    orz_math/train/orz_math_13k_collection_hard/0       a problem and its answer

A row of the repository's JSON is a list of two turns; the hub writes the same as columns `0` and `1`. Re-uploads as
`problem, answer` are read too, such as the text stage of VLM-CapCurriculum.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from perceptdata.draft import BadRow, Draft
from perceptdata.errors import Rejected
from perceptdata.example import Stage

from .problem import problem
from .tabular import Row, Tabular


class ORZMath(Tabular):
    """The JSON files of the repository, or files of the hub."""

    name: ClassVar[str] = "orz_math"
    corpus: ClassVar[str] = "ORZ-Math"
    licence: ClassVar[str] = "MIT"
    stages: ClassVar[tuple[Stage, ...]] = ("textual_reasoning",)

    def examples(self, row: Row) -> Iterator[Draft | BadRow]:
        """The problem; a pass rate that the row brings becomes the score `pass_rate`."""
        asked, told = row.get("0"), row.get("1")
        if asked is None and told is None:
            yield problem(row, row.text("problem", "prompt", "question"), row.text("answer", "solution"), choices=())
            return
        question, truth = _part(asked, "value"), _part(told, "ground_truth")
        answer = truth.get("value") if isinstance(truth, Mapping) else truth
        if answer is None or not str(answer).strip():
            raise Rejected("answer.missing", "the second turn has no ground_truth with a value")
        draft = problem(row, str(question).strip(), str(answer), choices=())
        rate = truth.get("pass_at_n") if isinstance(truth, Mapping) else None
        if isinstance(rate, int | float) and not isinstance(rate, bool) and 0 <= rate <= 1:
            draft.scores = {"pass_rate": float(rate)}
        yield draft


def _part(turn: Any, name: str) -> Any:
    value = turn.get(name) if isinstance(turn, Mapping) else None
    if value is None or value == "":
        raise Rejected("field.invalid", f"a turn of the row has no {name}")
    return value
