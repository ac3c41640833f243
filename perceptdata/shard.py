"""One shard: its files are written under temporary names, synced, renamed, and only then entered in the manifest.

    with ShardWriter(root, "tags", "1a2b3c4d", "gsm8k-00000") as shard:
        shard.write("layers/spans", table)
    entry = shard.entry(input=…, about=…)

A step may write several rooms at once (examples, images, rejects, layers). If it dies in between, nothing of the
shard is in the manifest, and the next run makes it again.
"""

from __future__ import annotations

import errno
import hashlib
import os
import time
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from perceptdata.errors import PerceptDataError, UsageError
from perceptdata.layers import Reject
from perceptdata.manifest import FileEntry, ShardEntry, disk_error, sync_folder
from perceptdata.packs import PackedImage, PackWriter

IMAGES = "images"
ROW_GROUP = 1024
TEMPORARY = ".part"
_SHUT = (errno.EACCES, errno.ENOSPC, errno.EROFS, errno.EDQUOT)


def room_folder(root: Path, room: str, step: str, version: str) -> Path:
    """Where a step's shards of one room lie: `<room>/<step>/<hash8>`."""
    return root / room / step / version


class Row(Protocol):
    """What can be added to a shard one by one: many of a kind make one table."""

    @staticmethod
    def table(rows: list[Any]) -> pa.Table:
        """The rows as one Arrow table."""


class ShardWriter:
    """Collects the files of one shard. Tables are written in row groups of 1,024 rows, zstd, with a page index."""

    def __init__(self, root: Path, step: str, version: str, shard: str) -> None:
        self._root, self._step, self._version, self.shard = root, step, version, shard
        self._writers: dict[str, pq.ParquetWriter] = {}
        self._rows: Counter[str] = Counter()
        self._rejected: Counter[str] = Counter()
        self._pack: PackWriter | None = None
        self._temporary: dict[str, Path] = {}
        self._final: dict[str, Path] = {}
        self._files: dict[str, FileEntry] = {}
        self._buffers: dict[str, list[Row]] = {}
        self._began = time.perf_counter()

    def write(self, room: str, table: pa.Table) -> None:
        """Append rows to the shard's file in `room`."""
        writer = self._writers.get(room)
        if writer is None:
            writer = self._writers[room] = pq.ParquetWriter(
                self._open(room, ".parquet"), table.schema, compression="zstd", write_page_index=True
            )
        writer.write_table(table, row_group_size=ROW_GROUP)
        self._rows[room] += table.num_rows

    def add(self, room: str, row: Row) -> None:
        """Append one row, a record or the like; rows are written a row group at a time."""
        buffer = self._buffers.setdefault(room, [])
        buffer.append(row)
        if len(buffer) >= ROW_GROUP:
            self._flush(room)

    def reject(self, reject: Reject) -> None:
        """Append a reject and count its reason."""
        self._rejected[reject.code] += 1
        self.add("rejects", reject)

    def add_image(self, image: PackedImage) -> None:
        """Store an image in the shard's pack."""
        if self._pack is None:
            self._pack = PackWriter(self._open(IMAGES, ".arrow"))
        self._pack.add(image)

    def _flush(self, room: str) -> None:
        buffer = self._buffers[room]
        if buffer:
            self.write(room, type(buffer[0]).table(buffer))
            buffer.clear()

    def _open(self, room: str, suffix: str) -> Path:
        folder = room_folder(self._root, room, self._step, self._version)
        folder.mkdir(parents=True, exist_ok=True)
        self._final[room] = folder / f"{self.shard}{suffix}"
        self._temporary[room] = folder / f".{self.shard}{suffix}.{os.getpid()}{TEMPORARY}"
        return self._temporary[room]

    def __enter__(self) -> ShardWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self._commit()
        else:
            self._discard()
            if isinstance(error, OSError) and error.errno in _SHUT:
                raise self._blame(error) from error

    def _commit(self) -> None:
        try:
            for room in list(self._buffers):
                self._flush(room)
            for writer in self._writers.values():
                writer.close()
            if self._pack is not None:
                self._pack.close()
            for room, temporary in self._temporary.items():
                self._files[room] = self._settle(room, temporary)
        except OSError as error:
            self._discard()
            raise disk_error(error, self._root) from error

    def _settle(self, room: str, temporary: Path) -> FileEntry:
        final = self._final[room]
        with open(temporary, "rb") as file:
            if room == IMAGES and self._pack is not None:
                content, rows = self._pack.digest, self._pack.rows
            else:
                content, rows = hashlib.file_digest(file, "sha256").hexdigest(), self._rows[room]
            os.fsync(file.fileno())
            size = os.fstat(file.fileno()).st_size
        os.replace(temporary, final)
        sync_folder(final.parent)
        return FileEntry(path=final.relative_to(self._root).as_posix(), rows=rows, bytes=size, sha256=content)

    def _blame(self, error: OSError) -> PerceptDataError:
        """The workspace cannot be written, unless the error names a file outside it: then that cannot be read."""
        if error.filename is None or Path(error.filename).is_relative_to(self._root):
            return disk_error(error, self._root)
        return UsageError(
            f"{error.filename} cannot be read ({error.strerror}); mend that or leave it out of the source"
        )

    def _discard(self) -> None:
        """Close what is open (the disk may be too full even for that) and remove it."""
        for writer in (*self._writers.values(), self._pack):
            if writer is not None:
                with suppress(OSError, pa.ArrowInvalid):  # Invalid: closed already
                    writer.close()
        for temporary in self._temporary.values():
            with suppress(OSError):
                temporary.unlink(missing_ok=True)

    def entry(self, digest: str, about: str) -> ShardEntry:
        """What the manifest says of the finished shard."""
        return ShardEntry(
            input=digest,
            about=about,
            files=self._files,
            rejected=dict(sorted(self._rejected.items())),
            seconds=round(time.perf_counter() - self._began, 3),
            finished=datetime.now(UTC).isoformat(timespec="seconds"),
        )
