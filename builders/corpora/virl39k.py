"""ViRL39K (Wang et al. 2025, VL-Rethinker, arXiv 2504.08837): problems with pictures for reinforcement learning.

    virl39k/train/<qid>       a question with its pictures, a boxed answer, and two models' pass rates

The pass rates become scores of the source's layer, `pass_rate_32b` and `pass_rate_7b`; the second is there for about
half of the rows. Ports in EasyR1's shape (`problem`, `images`) are read too.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import ClassVar

from perceptdata.draft import BadRow, Draft
from perceptdata.example import Stage

from .problem import problem
from .tabular import Row, Tabular


class ViRL39K(Tabular):
    """The Parquet file with `images.zip` or its folder beside it."""

    name: ClassVar[str] = "virl39k"
    corpus: ClassVar[str] = "ViRL39K"
    licence: ClassVar[str] = "MIT"
    stages: ClassVar[tuple[Stage, ...]] = ("visual_reasoning", "textual_reasoning")
    KEYS: ClassVar[Sequence[str]] = ("qid", "id")

    def examples(self, row: Row) -> Iterator[Draft | BadRow]:
        """The problem."""
        images = row.pictures("image", "images")
        meta = {"category": row.get("category"), "source": row.get("source")}
        draft = problem(row, row.text("question", "problem"), row.text("answer"), images=images, meta=meta)
        draft.scores = _pass_rates(row)
        yield draft


def _pass_rates(row: Row) -> dict[str, float]:
    """`PassRate_32BTrained` and `PassRate_7B…` (its end has been spelt in several ways); one below 0 is none."""
    rates = {}
    for column, value in row.fields.items():
        name = column.lower().replace("_", "")
        if name.startswith("passrate") and isinstance(value, int | float) and 0 <= value <= 1 and math.isfinite(value):
            rates["pass_rate_32b" if "32b" in name else "pass_rate_7b"] = float(value)
    return rates
