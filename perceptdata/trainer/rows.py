"""The rows that are trained on: an exported view, read without the workspace that made it.

    rows = read_rows(Path("out"))                     # a datasets.Dataset; images stay undecoded bytes
    request = request_of(rows[0], form)               # what the model is given
    spans = spans_of(rows[0])                         # of rows[0]["response"]

A row has the columns of `perceptdata export parquet`: those of an example, `response` (the text that the view chose)
with its `text_id` and `spans`, and `images` as `{bytes, path}`.
"""

from __future__ import annotations

import json
import re
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
_PART = re.compile(r"-\d+-of-\d+\.parquet\Z")


def read_rows(folder: Path, split: str | None = None) -> datasets.Dataset:
    """One split of an exported view, in the view's order, memory-mapped: the one named, `train`, or the only one whose
    name begins so. Nobody trains on a test split without saying so.

    Raises UsageError for a folder that is no exported view, and where the split is not there or has to be named.
    """
    import datasets

    parts = sorted((folder / "data").glob("*.parquet"))
    have = sorted({_PART.sub("", path.name) for path in parts})
    if not (folder / RECORD).exists() or not have:
        raise UsageError(
            f"{folder} is no exported view; write one with: perceptdata export parquet --view VIEW --to FOLDER"
        )
    likely = ["train"] if "train" in have else [name for name in have if name.startswith("train")]
    chosen = split or (likely[0] if len(likely) == 1 else None)
    if chosen not in have:
        what = f"has no split '{split}'" if split else "has no one split 'train'"
        raise UsageError(f"the view {what}; name one with 'split': {', '.join(have)}")
    files = [path for path in parts if _PART.sub("", path.name) == chosen]
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
