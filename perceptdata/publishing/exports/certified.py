"""What a reward sees of a row beside the response: the gold record, the facts, and captions that are proven.

`captions` names a step whose captions a certificate covers (a certify step, or another with `certificate`);
`allow_uncertified` lets others in, and then every row says so.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
from pydantic import PrivateAttr

from perceptdata.formats import Format
from perceptdata.publishing.exports.gold import gold_of
from perceptdata.publishing.exports.rows import Row
from perceptdata.publishing.exports.trainer import TrainerExport
from perceptdata.rewards.surrogates.references import References
from perceptdata.view import View

COLUMNS: list[tuple[str, pa.DataType]] = [
    ("id", pa.string()),
    ("stage", pa.string()),
    ("answer", pa.string()),
    ("checker", pa.string()),
    ("facts", pa.string()),
    ("captions", pa.list_(pa.string())),
    ("captions_certified", pa.bool_()),
    ("gold", pa.string()),
]


class RewardedExport(TrainerExport):
    """An export whose rows carry what a reward function reads."""

    captions: str | None = None
    certificate: Path | None = None
    allow_uncertified: bool = False
    _references: References | None = PrivateAttr(default=None)

    def prepare(self, view: View, form: Format) -> None:
        """Read the captions. Raises UsageError where no certificate covers them."""
        super().prepare(view, form)
        if self.captions is not None:
            self._references = References.load(view.ws, self.captions, self.certificate, self.allow_uncertified)

    def lost(self, view: View, form: Format) -> list[str]:
        """That captions are not certified, where they are not."""
        if self.captions is not None and self.allow_uncertified:
            return [
                *super().lost(view, form),
                f"captions of '{self.captions}' may be uncertified: see captions_certified",
            ]
        return super().lost(view, form)

    def carried(self, row: Row) -> dict[str, Any]:
        """The columns. `captions` stand in the order of the images, None for an image without one; of an image's
        several captions the first. `checker` is its name; `gold` has its arguments.
        """
        answer = row.values["answer"]
        found, refs = None, self._references
        if refs is not None and row.images:
            found = [next(iter(refs.captions.get(image, ())), None) for image in row.images]
            found = found if any(found) else None
        return {
            "id": row.id,
            "stage": row.values["stage"],
            "answer": answer["text"],
            "checker": answer["checker"]["name"] if answer["checker"] else None,
            "facts": row.values["facts"],
            "captions": found,
            "captions_certified": None if found is None or refs is None else refs.stamp is None,
            "gold": gold_of(row, facts=False),
        }
