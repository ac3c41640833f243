"""GeoQA and GeoQA+ (Chen et al. 2021, arXiv 2105.14517; Cao and Xiao 2022, COLING): geometry problems with figures.

    geoqa/train/train-00000-of-00001/0       a figure, a problem, and its answer, often with a degree sign

Two shapes of the hub: that of R1-V (`image, problem, solution` with `<answer> 145° </answer>`) and that of EasyR1
(`images, problem, answer`). The originals are pickles, and a pickle is a program: they are not read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar

from perceptdata.draft import BadRow, Draft
from perceptdata.errors import UsageError
from perceptdata.example import AllowedUse, Stage
from perceptdata.plugins import Part

from .problem import problem
from .tabular import Row, Tabular


class GeoQA(Tabular):
    """Problems of GeoQA or GeoQA+ as R1-V or EasyR1 wrote them."""

    name: ClassVar[str] = "geoqa"
    corpus: ClassVar[str] = "GeoQA+"
    licence: ClassVar[str] = "unstated"
    allowed_use: ClassVar[AllowedUse] = "research"
    stages: ClassVar[tuple[Stage, ...]] = ("visual_reasoning",)
    KEYS: ClassVar[Sequence[str]] = ("id",)
    EVALUATED: ClassVar[Sequence[str]] = ("test",)

    def parts(self, source: Path | None) -> Sequence[Part]:
        """As of any corpus in rows. UsageError for the original pickles."""
        pickles = [] if source is None else [source, *(source.iterdir() if source.is_dir() else ())]
        if found := next((file for file in pickles if file.suffix in (".pk", ".pkl")), None):
            raise UsageError(f"{found} is a pickle, which could run anything; write it as JSON lines or Parquet")
        return super().parts(source)

    def examples(self, row: Row) -> Iterator[Draft | BadRow]:
        """The problem."""
        question, written = row.text("problem", "question"), row.text("solution", "answer")
        yield problem(row, question, written, images=row.pictures("image", "images"))
