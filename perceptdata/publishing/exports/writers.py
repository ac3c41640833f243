"""Rows into files: JSON lines, or parquet in row groups bounded by bytes. Both take plain dictionaries."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

import pyarrow as pa
import pyarrow.parquet as pq

GROUP_BYTES, GROUP_ROWS = 16 << 20, 1000


class Writer(Protocol):
    """Takes rows in order; what is written is whole once it is closed."""

    def write(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Add rows."""

    def __enter__(self) -> Self:
        """Begin."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file."""


class JsonLines:
    """One JSON object a line, UTF-8, after what the file holds. Keys that a row lacks are left out."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", encoding="utf-8", newline="\n")

    def write(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Add rows."""
        self._file.writelines(f"{json.dumps(row, ensure_ascii=False, allow_nan=False)}\n" for row in rows)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()


class ParquetRows:
    """Parquet under a fixed schema, so that a column's type never depends on what the first rows happen to hold."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self._schema = schema
        images = [name for name in schema.names if name == "images"]
        self._writer = pq.ParquetWriter(
            path, schema, compression="snappy", use_dictionary=[name for name in schema.names if name not in images]
        )
        self._pending: list[pa.Table] = []
        self._rows = self._bytes = 0

    def write(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Add rows."""
        table = pa.Table.from_pylist(list(rows), schema=self._schema)
        if self._pending and (self._bytes + table.nbytes > GROUP_BYTES or self._rows + len(table) > GROUP_ROWS):
            self._flush()
        self._pending.append(table)
        self._rows += table.num_rows
        self._bytes += table.nbytes

    def _flush(self) -> None:
        if self._rows:
            self._writer.write_table(pa.concat_tables(self._pending), row_group_size=self._rows)
        self._pending, self._rows, self._bytes = [], 0, 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._flush()
        self._writer.close()
