"""Parquet that `datasets.load_dataset` and the Hub's viewer read, written without decoding a single image.

    to/data/train-00000-of-00002.parquet

Image buffers pass through Arrow; row groups are cut by bytes, pages by content, so that publishing a changed version
again sends only what changed. The options are those `datasets` itself uses.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import Field

from perceptdata.errors import UsageError
from perceptdata.manifest import disk_error, write_atomically
from perceptdata.plugins import Exporter
from perceptdata.publishing.features import arrange
from perceptdata.view import View

CHUNKING = {"min_chunk_size": 256 * 1024, "max_chunk_size": 1024 * 1024, "norm_level": 0}
DISTINCT = ("id", "group", "question", "response", "facts", "text_id", "meta", "history", "source.key", "image_info")
"""Columns, with all below them, whose values seldom repeat: a dictionary of them would only be in the way."""
RECORD = "export.json"


class Parquet(Exporter):
    """`shard_bytes` and `group_bytes` bound a file and a row group; both count Arrow bytes, images included."""

    name: ClassVar[str] = "parquet"
    shard_bytes: int = Field(default=400 << 20, gt=0)
    group_bytes: int = Field(default=16 << 20, gt=0)
    group_rows: int = Field(default=1000, gt=0)

    def export(self, view: View, to: Path) -> list[Path]:
        """Write the view's splits under `to/data`. An earlier export of ours is replaced; other files are refused."""
        fresh, data = to / ".data.part", to / "data"
        if data.exists() and not (to / RECORD).exists():
            raise UsageError(f"{data} was not written by an export; name another folder with --to")
        try:
            shutil.rmtree(fresh, ignore_errors=True)
            fresh.mkdir(parents=True)
            for split, name in _file_names(view).items():
                self._write_split(view, split, name, fresh)
            record = {
                "view": view.name,
                "definition": view.spec.definition(),
                "fingerprint": view.fingerprint,
                "rows": len(view),
            }
            # First the record, which says that `data` is ours: a crash in between must not make it look foreign.
            write_atomically(to / RECORD, json.dumps(record, indent=1).encode())
            shutil.rmtree(data, ignore_errors=True)
            fresh.rename(data)
        except OSError as error:
            shutil.rmtree(fresh, ignore_errors=True)
            raise disk_error(error, to) from error
        return sorted(data.iterdir())

    def _write_split(self, view: View, split: str, name: str, folder: Path) -> None:
        written: list[Path] = []
        writer: pq.ParquetWriter | None = None
        size = 0
        for group in self._groups(view, split):
            if writer is not None and size + group.nbytes > self.shard_bytes:
                writer.close()
                writer = None
            if writer is None:
                written.append(folder / f"{name}-{len(written):05d}.parquet")
                writer, size = _writer(written[-1], group.schema), 0
            if group.num_rows:  # `datasets` stumbles over a row group without rows
                writer.write_table(group, row_group_size=group.num_rows)
            size += group.nbytes
        if writer is not None:
            writer.close()
        for number, path in enumerate(written):
            path.rename(folder / f"{name}-{number:05d}-of-{len(written):05d}.parquet")

    def _groups(self, view: View, split: str) -> Iterator[pa.Table]:
        """Row groups: as many batches of the view as fit the bounds, one at least."""
        pending: list[pa.Table] = []
        rows = size = 0
        for batch in view.batches(split=split):
            table = arrange(batch)
            if pending and (size + table.nbytes > self.group_bytes or rows + table.num_rows > self.group_rows):
                yield pa.concat_tables(pending)
                pending, rows, size = [], 0, 0
            pending.append(table)
            rows += table.num_rows
            size += table.nbytes
        if pending or not len(view):
            pending = pending or [arrange(view.gather(view.no_rows))]
            yield pa.concat_tables(pending)


def _file_names(view: View) -> dict[str, str]:
    """Each split with the name its files bear: `datasets` takes word characters alone. A view without rows has one."""
    names = {split: re.sub(r"\W", "_", split) for split in view.splits or ["train"]}
    if len(set(names.values())) < len(names):
        raise UsageError(f"the splits {', '.join(names)} cannot be told apart as file names; name them by 'splits'")
    return names


def _writer(path: Path, schema: pa.Schema) -> pq.ParquetWriter:
    """Images are compressed already: they are neither compressed again nor looked up in a dictionary."""
    leaves = [leaf for field in schema for leaf in _leaves(field.name, field.type)]
    return pq.ParquetWriter(
        path,
        schema,
        compression={leaf: "none" if _is_in(leaf, ("images",)) else "snappy" for leaf in leaves},
        use_dictionary=[leaf for leaf in leaves if not _is_in(leaf, ("images", *DISTINCT))],
        write_page_index=True,
        use_content_defined_chunking=CHUNKING,
    )


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
