"""Parquet files as `datasets` and the Hub's viewer want them, written without decoding a single image.

Row groups are cut by bytes and pages by content, so that publishing a changed version again sends only what changed;
images, compressed already, are not compressed again, and where they repeat a row group holds each of them once. The
options are otherwise those that `datasets` itself uses.

    with open_file(path, schema, repeating=True) as file:
        for group in groups(tables):
            write_group(file, group)
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from perceptdata.errors import UsageError

SHARD_BYTES = 400 << 20
GROUP_BYTES = 16 << 20
GROUP_ROWS = 1000
CHUNKING = {"min_chunk_size": 256 * 1024, "max_chunk_size": 1024 * 1024, "norm_level": 0}
IMAGE_BYTES = "images.list.element.bytes"
DISTINCT = (
    "id",
    "group",
    "question",
    "response",
    "facts",
    "text_id",
    "text_sha256",
    "text",
    "example_id",
    "meta",
    "history",
    "order",
    "source.key",
    "image_info",
)
"""Columns, with all below them, whose values seldom repeat: a dictionary of them would only be in the way."""


def open_file(path: Path, schema: pa.Schema, repeating: bool = False) -> pq.ParquetWriter:
    """A writer. `repeating` says that neighbouring rows show the same images, which are then stored once a row group:
    measured, a fifth of the bytes at 8 rows an image.
    """
    leaves = [leaf for field in schema for leaf in _leaves(field.name, field.type)]
    return pq.ParquetWriter(
        path,
        schema,
        compression={leaf: "none" if _is_in(leaf, ("images",)) else "snappy" for leaf in leaves},
        use_dictionary=[
            leaf for leaf in leaves if (repeating if leaf == IMAGE_BYTES else not _is_in(leaf, ("images", *DISTINCT)))
        ],
        dictionary_pagesize_limit=2 * GROUP_BYTES,
        write_page_index=True,
        use_content_defined_chunking=CHUNKING,
    )


def write_group(file: pq.ParquetWriter, group: pa.Table) -> None:
    """Append one row group; `datasets` stumbles over one without rows, which is left out."""
    if group.num_rows:
        file.write_table(group, row_group_size=group.num_rows)


def groups(
    tables: Iterable[pa.Table], most_bytes: int = GROUP_BYTES, most_rows: int = GROUP_ROWS
) -> Iterator[pa.Table]:
    """Row groups: as many of the tables as fit the bounds, one at least. Bytes are Arrow's, images included."""
    pending: list[pa.Table] = []
    rows = size = 0
    for table in tables:
        if pending and (size + table.nbytes > most_bytes or rows + table.num_rows > most_rows):
            yield pa.concat_tables(pending)
            pending, rows, size = [], 0, 0
        pending.append(table)
        rows += table.num_rows
        size += table.nbytes
    if pending:
        yield pa.concat_tables(pending)


def split_names(splits: Sequence[str]) -> dict[str, str]:
    """Each split with the name its files bear: `datasets` takes word characters alone. UsageError where two clash."""
    names = {split: re.sub(r"\W", "_", split) for split in splits}
    if len(set(names.values())) < len(names):
        raise UsageError(f"the splits {', '.join(names)} cannot be told apart as file names; name them by 'splits'")
    return names


def _leaves(path: str, kind: pa.DataType) -> Iterator[str]:
    """The paths by which parquet knows the columns that one Arrow column becomes."""
    if pa.types.is_struct(kind):
        for field in kind:
            yield from _leaves(f"{path}.{field.name}", field.type)
    elif pa.types.is_list(kind):
        yield from _leaves(f"{path}.list.element", kind.value_type)
    else:
        yield path


def _is_in(leaf: str, columns: Sequence[str]) -> bool:
    return any(leaf == column or leaf.startswith(f"{column}.") for column in columns)
