"""Pictures with captions: `image` and `caption` (or `description`, `text`) in rows of any kind of file.

    {"image": "17.jpg", "caption": "A red bench stands left of …"}

Each caption is a gold caption of its picture and the example's facts; the example asks for a description. The
perception stage is made of such rows (`perceptdata init --recipe perception_mcq`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

from pydantic import Field

from perceptdata.draft import Draft
from perceptdata.errors import Rejected
from perceptdata.example import IMAGE, Answer, Stage

from ..corpora.docci import DESCRIBE
from ..corpora.tabular import Row, Tabular

TEXTS = ("caption", "description", "text", "long_caption", "answer")
PICTURES = ("image", "images", "image_path", "image_file", "file_name", "img", "path")


class Captions(Tabular):
    """A file, or a folder of files. `caption` and `image` name the columns where they are called otherwise; `licence`
    and `corpus` say under what you hold them.
    """

    name: ClassVar[str] = "captions"
    corpus: ClassVar[str] = "user"
    licence: ClassVar[str] = "unstated"
    stages: ClassVar[tuple[Stage, ...]] = ("perception",)
    KEYS: ClassVar[Sequence[str]] = ("id", "example_id", "key", "index")

    caption: str | None = None
    image: str | None = None
    split_name: str | None = Field(None, alias="split")
    corpus_name: str | None = Field(None, alias="corpus")
    licence_name: str | None = Field(None, alias="licence")

    def split(self, row: Row) -> str:
        """The one that was named, or the row's own, or its file's."""
        return self.split_name or str(row.get("split") or row.split)

    def examples(self, row: Row) -> Iterator[Draft]:
        """One caption."""
        text = row.text(*((self.caption,) if self.caption else TEXTS))
        pictures = row.pictures(*((self.image,) if self.image else PICTURES))
        if len(pictures) != 1:
            raise Rejected("image.missing", f"the row has {len(pictures)} pictures; a caption belongs to one")
        yield Draft(
            row.key,
            "perception",
            f"{IMAGE}{DESCRIBE}",
            Answer(text=text),
            images=pictures,
            facts=text,
            facts_quality="reference",
            captions=(text,),
            corpus=self.corpus_name,
            licence=self.licence_name,
        )
