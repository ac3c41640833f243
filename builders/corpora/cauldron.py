"""The Cauldron (Laurençon et al. 2024, Idefics2, arXiv 2405.02246): fifty sets of questions about pictures.

    the_cauldron/train/<config>/<file>/<n>       the first exchange; further ones are /turn2, /turn3, …

Rows are `images` and `texts`, a list of `{user, assistant, source}`. The licence is each set's own (`mixed`), so no row
may be taken for more than research before somebody has looked; `meta.source` names the set.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

from perceptdata.draft import BadRow, Draft
from perceptdata.errors import Rejected
from perceptdata.example import AllowedUse, Stage

from .llava_onevision import said
from .tabular import Row, Tabular


class TheCauldron(Tabular):
    """The folder of configs, one of them, or one file."""

    name: ClassVar[str] = "the_cauldron"
    corpus: ClassVar[str] = "The Cauldron"
    licence: ClassVar[str] = "mixed"
    allowed_use: ClassVar[AllowedUse] = "research"
    stages: ClassVar[tuple[Stage, ...]] = ("perception", "visual_reasoning", "textual_reasoning")

    def examples(self, row: Row) -> Iterator[Draft | BadRow]:
        """One example for each exchange."""
        texts = row.need("texts")
        if not isinstance(texts, list) or not texts or not all(isinstance(each, Mapping) for each in texts):
            raise Rejected("field.invalid", "texts is not a list of exchanges")
        meta = {"source": texts[0].get("source")}
        yield from said(row, texts, row.pictures("images", "image"), meta)
