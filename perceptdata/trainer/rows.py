"""The rows that are trained on: an exported view, read without the workspace that made it.

    rows = read_rows(Path("out"), split="train")      # a datasets.Dataset; images stay undecoded bytes
    request = request_of(rows[0], form)               # what the model is given
    spans = spans_of(rows[0])                         # of rows[0]["response"]

A row has the columns of `perceptdata export parquet`: those of an example, `response` (the text that the view chose)
with its `text_id` and `spans`, and `images` as `{bytes, path}`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq

from perceptdata.errors import Rejected, UsageError
from perceptdata.example import Example
from perceptdata.formats import Format
from perceptdata.spans import PRO, Span, SpanSet
from perceptdata.vlm.rendering import Request

if TYPE_CHECKING:
    import datasets

Row = Mapping[str, Any]
RECORD = "export.json"


def read_rows(folder: Path, split: str = "train") -> datasets.Dataset:
    """One split of an exported view, in the view's order, memory-mapped. Raises UsageError for any other folder."""
    import datasets

    record = folder / RECORD
    files = sorted((folder / "data").glob(f"{split}-*.parquet"))
    if not record.exists() or not files:
        have = sorted({path.name.split("-")[0] for path in (folder / "data").glob("*.parquet")})
        what = f"has no split '{split}' (it has {', '.join(have)})" if have else "is no exported view"
        raise UsageError(f"{folder} {what}; write one with: perceptdata export parquet --view VIEW --to FOLDER")
    # Asked for from the start: casting the column later would copy every image.
    features = datasets.Features.from_arrow_schema(pq.read_schema(files[0]))
    features["images"] = datasets.List(datasets.Image(decode=False))
    names = [str(path) for path in files]
    return datasets.load_dataset("parquet", data_files=names, split="train", features=features)


def fingerprint_of(folder: Path) -> str:
    """The fingerprint of the view that was exported there."""
    return str(json.loads((folder / RECORD).read_text("utf-8"))["fingerprint"])


def sizes_of(row: Row) -> list[tuple[int, int]]:
    """Width and height of each image, as the exporter knew them: nothing is decoded."""
    return [(image["width"], image["height"]) for image in row["image_info"]]


def example_of(row: Row) -> Example:
    """The example that the row was made from."""
    known = {name: row[name] for name in Example.model_fields if name in row and name != "images"}
    return Example.from_row({**known, "images": row["image_info"]})


def pictures_of(row: Row) -> tuple[bytes, ...]:
    """The image files. An image that is only a path is read from there."""
    return tuple(
        each["bytes"] if each["bytes"] is not None else Path(each["path"]).read_bytes() for each in row["images"]
    )


def request_of(row: Row, form: Format) -> Request:
    """What the model is given: the example in the response format, with its images."""
    return Request.of(example_of(row), form, pictures_of(row))


def spans_of(row: Row) -> SpanSet:
    """The spans of the row's response. Raises Rejected `spans.range` where one does not fit the text."""
    spans = SpanSet.of((Span(**span) for span in row.get("spans") or ()), PRO)
    response = row["response"]
    if response is None:
        raise Rejected("text.missing", f"{row['id']} has no response to train on")
    spans.check(len(response))
    return spans
