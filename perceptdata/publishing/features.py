"""The Hugging Face features of a view: real `Image` columns, and the schema key that lets raw files keep them."""

from __future__ import annotations

import os
from functools import lru_cache
from typing import TYPE_CHECKING

import datasets
import pyarrow as pa

from perceptdata.manifest import disk_error

if TYPE_CHECKING:
    from perceptdata.view import View

COLUMNS = (
    "id",
    "stage",
    "group",
    "images",
    "image_info",
    "question",
    "choices",
    "answer",
    "facts",
    "facts_quality",
    "response",
    "text_id",
    "spans",
    "regions",
    "history",
    "source",
    "responses",
    "captions",
    "verdicts",
    "token_scores",
    "scores",
    "split",
    "order",
    "meta",
)
"""The order in which a person reads a row. `image_info` runs parallel to `images`: extra fields inside an image column
would make `datasets` treat it as plain structs."""


def features(schema: pa.Schema) -> datasets.Features:
    """The features of a table; its `images` are pictures."""
    plain = datasets.Features.from_arrow_schema(schema.remove_metadata())
    if "images" in plain:
        plain["images"] = datasets.List(datasets.Image())
    return plain


def arrange(table: pa.Table) -> pa.Table:
    """A view's table with its columns in reading order and the `huggingface` key in its schema."""
    return with_features(table.select([name for name in COLUMNS if name in table.column_names]))


def with_features(table: pa.Table) -> pa.Table:
    """The table with the `huggingface` key in its schema, and every field nullable, as `datasets` has them."""
    return table.cast(_published(table.schema))


@lru_cache(maxsize=32)
def _published(schema: pa.Schema) -> pa.Schema:
    """The schema that is written for a table's: the same for all its batches."""
    return features(schema).arrow_schema


def to_dataset(view: View) -> datasets.Dataset:
    """The view as a memory-mapped dataset. Made once for each fingerprint, under the workspace's `cache/`."""
    path = view.ws.path / "cache" / "datasets" / f"{view.name}-{view.fingerprint[:16]}.arrow"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(f".{path.name}.{os.getpid()}.part")
        writer = None
        try:
            with pa.OSFile(str(beside), "wb") as sink:
                for batch in view.batches() if len(view) else [view.gather(view.no_rows)]:
                    table = arrange(batch)
                    writer = writer or pa.ipc.new_stream(sink, table.schema)
                    writer.write_table(table)
                if writer is not None:
                    writer.close()
            os.replace(beside, path)
        except OSError as error:
            beside.unlink(missing_ok=True)
            raise disk_error(error, path) from error
    return datasets.Dataset.from_file(str(path))
