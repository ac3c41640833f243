"""VLMEvalKit's TSV files: `index, image (base64), question, A … , answer`, perhaps `hint`, `category`, `split`.

A short `image` is the index of another row of the file that has the picture (MMBench writes each once); several
pictures are a written list. A `hint` stands before the question, as the toolkit asks it. What it holds is mostly a
benchmark, so rows are for evaluation unless `use: train` says that they are not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

from perceptdata.draft import BadRow, Draft
from perceptdata.errors import Rejected
from perceptdata.example import AllowedUse

from ..own.auto import Auto
from ..own.columns import Detection
from ..own.vqa_row import Defaults
from ..reading.tables import TableRow, read_rows

_SHORT = 64  # characters; no picture is so small, as in the toolkit itself


class VLMEvalKit(Auto):
    """A TSV file, or a folder of them."""

    name: ClassVar[str] = "vlmevalkit"
    allowed_use: ClassVar[AllowedUse] = "evaluate"
    KNOWN: ClassVar[Mapping[str, str]] = {
        "index": "id",
        "image": "images",
        "image_path": "images",
        "question": "question",
        "answer": "answer",
        "split": "split",
        "hint": "meta.hint",
        **dict.fromkeys("ABCDEFGH", "choices"),
    }
    NEEDS: ClassVar[Sequence[Sequence[str]]] = (("index",), ("question",))
    use: AllowedUse = "evaluate"

    def drafts(
        self, row: TableRow, detection: Detection, defaults: Defaults, key: str, file: Path
    ) -> Iterator[Draft | BadRow]:
        """The row with the picture that it points to, and its hint."""
        if not isinstance(row.fields, Rejected):
            row = row._replace(fields=self._whole(row.fields, file))
        for draft in super().drafts(row, detection, defaults, key, file):
            if isinstance(draft, Draft):
                draft.allowed_use = self.use
            yield draft

    def _whole(self, fields: Mapping[str, Any], file: Path) -> dict[str, Any]:
        whole = dict(fields)
        pointer = str(whole.get("image") or "")
        if 0 < len(pointer) <= _SHORT and pointer.lstrip("-").isdigit():
            place = _places(file, file.stat().st_mtime_ns).get(pointer)
            found = next(read_rows(file, place, place + 1, self.SHARD), None) if place is not None else None
            if found is not None and not isinstance(found.fields, Rejected):
                whole["image"] = found.fields.get("image")
        hint = str(whole.get("hint") or "").strip()
        if hint and hint.lower() != "nan":
            whole["question"] = f"{hint}\n{whole.get('question', '')}"
        return whole


@lru_cache(maxsize=4)
def _places(file: Path, changed: int) -> dict[str, int]:
    """Where the rows with pictures of their own stand, by index. One pass; a row is forgotten when it is read."""
    found = {}
    for row in read_rows(file, 0, None, 4096):
        if not isinstance(row.fields, Rejected) and len(str(row.fields.get("image") or "")) > _SHORT:
            found[str(row.fields.get("index"))] = row.number
    return found
