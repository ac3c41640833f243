"""Questions about CLEVR pictures in the shapes of R1-V and EasyR1: one short answer, perhaps inside `<answer>` tags.

    clevr_count/<split>/<file>/<n>      "How many different items are there?" (perception)

Reads `image, problem, solution` (`<answer> 3 </answer>`), the same with `thinking`, and `images, problem, answer`. The
pictures are CLEVR's; whoever made these files mostly states no licence. The test split is a guarded one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

from perceptdata.draft import Draft
from perceptdata.errors import Rejected
from perceptdata.example import Stage

from .problem import problem
from .tabular import Row, Tabular


class CLEVRCount(Tabular):
    """Files with the pictures inside or beside them."""

    name: ClassVar[str] = "clevr_count"
    corpus: ClassVar[str] = "CLEVR counts (R1-V)"
    licence: ClassVar[str] = "unstated"
    stages: ClassVar[tuple[Stage, ...]] = ("perception",)
    KEYS: ClassVar[Sequence[str]] = ("id",)
    EVALUATED: ClassVar[Sequence[str]] = ("test",)

    def examples(self, row: Row) -> Iterator[Draft]:
        """One question; a `thinking` column is the response."""
        pictures = row.pictures("images", "image")
        if not pictures:
            raise Rejected("image.missing", "the row has no picture")
        thought = row.get("thinking")
        response = None if thought is None or not str(thought).strip() else str(thought).strip()
        written = row.text("solution", "answer")
        yield problem(
            row, row.text("problem", "question"), written, images=pictures, response=response, stage="perception"
        )
