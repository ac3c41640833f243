"""What stands in a published file, as a workspace stores it: examples, images held against their hashes, layer rows.

for table in row_groups(path, file):
    examples(table), layer_rows(table.column("spans"), "spans", fresh)
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from perceptdata import images
from perceptdata.errors import Rejected, WorkspaceError
from perceptdata.example import Example
from perceptdata.layers import LAYERS, LayerKind
from perceptdata.publishing.release.layers import IMAGE
from perceptdata.publishing.release.shard import Shard


def check(path: Path, file: Shard, name: str) -> None:
    """Hold a file against the manifest before anything in it is used. Raises WorkspaceError."""
    if not path.exists():
        raise WorkspaceError(f"{file.path} of {name} is missing; get the whole dataset again")
    with open(path, "rb") as read:
        sha256 = hashlib.file_digest(read, "sha256").hexdigest()
    if sha256 != file.sha256:
        raise WorkspaceError(
            f"{file.path} of {name} is damaged: its SHA-256 is {sha256[:16]}…, the manifest says {file.sha256[:16]}…; "
            "get that file again, and run the same command"
        )


def row_groups(path: Path, file: Shard) -> Iterator[pa.Table]:
    """The rows of a file, some at a time. Raises WorkspaceError."""
    with pq.ParquetFile(path) as parquet:
        for number in range(parquet.num_row_groups):
            try:
                yield parquet.read_row_group(number)
            except (OSError, pa.ArrowException) as error:
                raise WorkspaceError(f"{file.path} cannot be read: {error}") from error


def hashes(pack: Path) -> list[str]:
    """The hashes of the images in a pack."""
    with pa.memory_map(str(pack)) as mapped:
        return pa.ipc.open_file(mapped).read_all().column("sha256").to_pylist()


def examples(rows: pa.Table) -> pa.Table:
    """The examples as a workspace stores them."""
    schema = Example.arrow_schema()
    columns = [rows.column("image_info" if each.name == "images" else each.name) for each in schema]
    return pa.table([stored(column, each.type) for column, each in zip(columns, schema, strict=True)], schema=schema)


def image(said: dict[str, Any], data: pa.Buffer, file: Shard) -> images.CheckedImage:
    """An image, held against its hash and size."""
    try:
        read = images.read(data.to_pybytes(), max_pixels=1 << 62)
    except Rejected as error:
        raise WorkspaceError(f"image {said['sha256']} in {file.path} cannot be read: {error.message}") from error
    if (read.sha256, read.width, read.height) != (said["sha256"], said["width"], said["height"]):
        raise WorkspaceError(f"image {said['sha256']} in {file.path} is not the one that was published")
    return read


def layer_rows(lists: pa.ChunkedArray, kind: LayerKind, fresh: list[frozenset[str]]) -> dict[str, pa.Table]:
    """The rows of a layer kind by step, each once: what is said of an image goes with the first that shows it."""
    whole = pa.concat_arrays(lists.chunks)
    items = whole.flatten()
    table = pa.table(items.flatten(), names=[each.name for each in items.type])
    place = np.repeat(np.arange(len(whole)), whole.value_lengths().to_numpy())
    key = "example_id" if "example_id" in table.column_names else "text_id"
    keep = [
        not owner.startswith(IMAGE) or owner.removeprefix(IMAGE).partition("#")[0] in fresh[at]
        for owner, at in zip(table.column(key).to_pylist(), place.tolist(), strict=True)
    ]
    table = table.filter(pa.array(keep, pa.bool_()))
    steps = table.column("step")
    schema = LAYERS[kind].arrow_schema()
    rows = pa.table([stored(table.column(each.name), each.type) for each in schema], schema=schema)
    return {step: rows.filter(pc.equal(steps, step)) for step in pc.unique(steps).to_pylist()}


def stored(column: pa.ChunkedArray, kind: pa.DataType) -> pa.Array:
    """A published column as its record has it: `datasets` makes every field nullable, and a cast back refuses the
    fields that stand under a null.
    """
    return _typed(pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type), kind)


def _typed(array: pa.Array, kind: pa.DataType) -> pa.Array:
    if not pa.types.is_nested(kind):
        return array.cast(kind)
    there = array.drop_null()
    if not len(there):
        return pa.array([None] * len(array), kind)
    known = np.asarray(array.is_valid())
    missing = pa.array(~known) if array.null_count else None
    if pa.types.is_struct(kind):
        # Something valid stands under a null.
        at = pa.array(np.where(known, np.cumsum(known) - 1, 0))
        inner = [_typed(there.field(each.name), each.type).take(at) for each in kind]
        return pa.StructArray.from_arrays(inner, fields=list(kind), mask=missing)
    lengths = np.zeros(len(array), np.int64)
    lengths[known] = there.value_lengths().to_numpy()
    offsets = pa.array(np.r_[0, np.cumsum(lengths)], pa.int32())
    return pa.ListArray.from_arrays(offsets, _typed(there.flatten(), kind.value_type), type=kind, mask=missing)
