"""Parquet that `datasets.load_dataset` and the Hub's viewer read, written without decoding a single image.

to/data/train-00000-of-00002.parquet
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import Field

from perceptdata.errors import UsageError
from perceptdata.manifest import disk_error, write_atomically
from perceptdata.plugins import Exporter
from perceptdata.publishing.features import arrange
from perceptdata.publishing.files import (
    GROUP_BYTES,
    GROUP_ROWS,
    SHARD_BYTES,
    groups,
    open_file,
    split_names,
    write_group,
)
from perceptdata.view import View

RECORD = "export.json"


class Parquet(Exporter):
    """`shard_bytes` and `group_bytes` bound a file and a row group; both count Arrow bytes, images included."""

    name: ClassVar[str] = "parquet"
    shard_bytes: int = Field(default=SHARD_BYTES, gt=0)
    group_bytes: int = Field(default=GROUP_BYTES, gt=0)
    group_rows: int = Field(default=GROUP_ROWS, gt=0)

    def export(self, view: View, to: Path) -> list[Path]:
        """Write the view's splits under `to/data`. An earlier export of ours is replaced; other files are refused."""
        fresh, data = to / ".data.part", to / "data"
        if data.exists() and not (to / RECORD).exists():
            raise UsageError(f"{data} was not written by an export; name another folder with --to")
        try:
            shutil.rmtree(fresh, ignore_errors=True)
            fresh.mkdir(parents=True)
            for split, name in split_names(view.splits or ["train"]).items():
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
                writer, size = open_file(written[-1], group.schema), 0
            write_group(writer, group)
            size += group.nbytes
        if writer is not None:
            writer.close()
        for number, path in enumerate(written):
            path.rename(folder / f"{name}-{number:05d}-of-{len(written):05d}.parquet")

    def _groups(self, view: View, split: str) -> Iterator[pa.Table]:
        """Row groups of a split. A view without rows has one, so that its file has columns."""
        if len(view):
            return groups(map(arrange, view.batches(split=split)), self.group_bytes, self.group_rows)
        return iter([arrange(view.gather(view.no_rows))])
