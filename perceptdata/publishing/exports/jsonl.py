"""Plain JSON lines: every column of the view as it is, images by path.

    to/train.jsonl  test.jsonl  images/  README.md

What a row of the workspace holds, for everything that no other format is for; `perceptdata build auto` reads it back.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, ClassVar

from perceptdata.formats import Format
from perceptdata.publishing.exports.pictures import Pictures, Shape
from perceptdata.publishing.exports.rows import Row, read
from perceptdata.publishing.exports.trainer import Made, TrainerExport
from perceptdata.view import View

LAUNCH = """
## Read

    for line in open("{train}"):
        row = json.loads(line)       # row["images"] are paths, from this folder

    perceptdata build auto --source {train} --workspace other \\
        --set 'map={images: images, answer_kind: answer.kind}'
"""


class Jsonl(TrainerExport):
    """JSON lines with all that is known of a row; the question is the example's own, without a format's rule."""

    name: ClassVar[str] = "jsonl"
    title: ClassVar[str] = "JSON lines"

    @property
    def shape(self) -> Shape:
        """Paths are relative to the folder."""
        return Shape()

    @property
    def launch(self) -> str:
        """How to read it."""
        return LAUNCH

    def made(self, view: View, split: str, form: Format, pictures: Pictures) -> Iterator[list[Made]]:
        """Every row: nothing here counts placeholders."""
        for table in view.batches(images=False, split=split):
            yield [self.finish(row, form, pictures) for row in read(table, form, check=False)]

    def row(self, row: Row) -> dict[str, Any]:
        """See `TrainerExport.row`."""
        values = {name: value for name, value in row.values.items() if name not in ("image_info", "meta", "answer")}
        answer = dict(row.values["answer"])
        checker = answer.pop("checker")
        if checker is not None:
            checker = {"name": checker["name"], "args": json.loads(checker["args"])}
        flat = {f"answer_{name}": value for name, value in answer.items() if name != "text"}
        flat |= {"answer_checker": checker, "meta": json.loads(row.values["meta"])}
        return {**values, "answer": answer["text"], **flat}
