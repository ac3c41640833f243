"""Image packs: the bytes of images, stored once by content, beside the shard of examples that brought them.

A pack is one Arrow IPC file, memory-mapped for reading: `{sha256, bytes, media_type, width, height}`, bytes
untouched. An image that several packs hold is found in the first of them.

    with PackWriter(path) as pack:
        pack.add(image)                       # skipped when the pack has it
    store = ImageStore([path, ...])
    store[sha256]                             # a pyarrow Buffer, no copy
    store.gather([sha256, ...])               # one binary array, in that order
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from perceptdata.errors import WorkspaceError

SCHEMA = pa.schema(
    [
        pa.field("sha256", pa.string(), nullable=False),
        pa.field("bytes", pa.binary(), nullable=False),
        pa.field("media_type", pa.string(), nullable=False),
        pa.field("width", pa.int32(), nullable=False),
        pa.field("height", pa.int32(), nullable=False),
    ]
)
BATCH_BYTES = 4 << 20


class PackedImage(Protocol):
    """What a pack stores of an image."""

    @property
    def sha256(self) -> str:
        """Hex."""

    @property
    def data(self) -> bytes:
        """The file, untouched."""

    @property
    def media_type(self) -> str:
        """`image/png` or the like."""

    @property
    def width(self) -> int:
        """Pixels."""

    @property
    def height(self) -> int:
        """Pixels."""


class PackWriter:
    """Writes one pack, in record batches of about 4 MiB: memory stays flat, and images are copied while in a cache."""

    def __init__(self, path: Path) -> None:
        self._sink = pa.OSFile(str(path), "wb")
        self._writer = pa.ipc.new_file(self._sink, SCHEMA)
        self._seen: set[str] = set()
        self._digest = hashlib.sha256()
        self._pending: list[PackedImage] = []
        self._pending_bytes = 0

    def add(self, image: PackedImage) -> None:
        """Store the image unless this pack has its content already."""
        if image.sha256 in self._seen:
            return
        self._seen.add(image.sha256)
        self._digest.update(image.sha256.encode())
        self._pending.append(image)
        self._pending_bytes += len(image.data)
        if self._pending_bytes >= BATCH_BYTES:
            self._flush()

    @property
    def rows(self) -> int:
        """How many images the pack holds."""
        return len(self._seen)

    @property
    def digest(self) -> str:
        """The hash of the contents, in order; equal packs have equal digests."""
        return self._digest.hexdigest()

    def _flush(self) -> None:
        columns = [
            pa.array([image.sha256 for image in self._pending], pa.string()),
            pa.array([image.data for image in self._pending], pa.binary()),
            pa.array([image.media_type for image in self._pending], pa.string()),
            pa.array([image.width for image in self._pending], pa.int32()),
            pa.array([image.height for image in self._pending], pa.int32()),
        ]
        self._writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=SCHEMA))
        self._pending.clear()
        self._pending_bytes = 0

    def close(self) -> None:
        """Write what is left and the footer."""
        if self._pending:
            self._flush()
        self._writer.close()
        self._sink.close()

    def __enter__(self) -> PackWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class ImageStore:
    """All packs of a workspace, read by content hash.

    Opening maps the files; no bytes are read before they are asked for.
    """

    def __init__(self, packs: Sequence[Path]) -> None:
        self._paths = list(packs)
        self._known_lengths: dict[int, np.ndarray] = {}

    @cached_property
    def _batches(self) -> list[pa.RecordBatch]:
        batches = []
        for path in self._paths:
            try:
                reader = pa.ipc.open_file(pa.memory_map(str(path)))
            except (OSError, pa.ArrowInvalid) as error:
                raise WorkspaceError(f"{path} cannot be read ({error}); build its source again") from error
            batches += [reader.get_batch(number) for number in range(reader.num_record_batches)]
        return batches

    @cached_property
    def _index(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Sorted hashes, and the batch and row each first stands in."""
        hashes, batch, row = [], [], []
        for number, content in enumerate(self._batches):
            hashes.append(np.asarray(content.column("sha256").to_pylist(), "S64"))
            batch.append(np.full(len(content), number, np.int32))
            row.append(np.arange(len(content), dtype=np.int32))
        if not hashes:
            return np.empty(0, "S64"), np.empty(0, np.int32), np.empty(0, np.int32)
        unique, first = np.unique(np.concatenate(hashes), return_index=True)
        return unique, np.concatenate(batch)[first], np.concatenate(row)[first]

    def __len__(self) -> int:
        return len(self._index[0])

    def __contains__(self, sha256: str) -> bool:
        hashes = self._index[0]
        at = int(np.searchsorted(hashes, sha256.encode()))
        return at < len(hashes) and hashes[at] == sha256.encode()

    def __getitem__(self, sha256: str) -> pa.Buffer:
        batch, row = self._locate([sha256])
        return self._batches[int(batch[0])].column("bytes")[int(row[0])].as_buffer()

    def row(self, sha256: str) -> dict[str, Any]:
        """The whole record of one image, without its bytes."""
        batch, row = self._locate([sha256])
        record = self._batches[int(batch[0])].drop_columns(["bytes"]).slice(int(row[0]), 1)
        return record.to_pylist()[0]

    def sizes(self, sha256s: Sequence[str] | np.ndarray) -> np.ndarray:
        """How many bytes each of these images has, without reading them. Many hashes may be an array of bytes `S64`,
        which takes a third of the memory of strings.
        """
        batch, row = self._locate(sha256s)
        sizes = np.empty(len(batch), np.int64)
        for number in np.unique(batch):
            here = batch == number
            sizes[here] = self._lengths(int(number))[row[here]]
        return sizes

    def _lengths(self, batch: int) -> np.ndarray:
        if batch not in self._known_lengths:
            self._known_lengths[batch] = pc.binary_length(self._batches[batch].column("bytes")).to_numpy()
        return self._known_lengths[batch]

    def _locate(self, sha256s: Sequence[str] | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        hashes, batch, row = self._index
        wanted = np.asarray(sha256s, "S64")
        at = np.minimum(np.searchsorted(hashes, wanted), max(len(hashes) - 1, 0))
        missing = np.flatnonzero(hashes[at] != wanted) if len(hashes) else np.arange(len(wanted))
        if len(missing):
            raise WorkspaceError(f"image {wanted[int(missing[0])].decode()} is in no pack; build its source again")
        return batch[at], row[at]

    def gather(self, sha256s: Sequence[str]) -> pa.Array:
        """The bytes of these images as one binary array. Neighbours in a pack are taken together, without decoding."""
        if not len(sha256s):
            return pa.array([], pa.binary())
        batch, row = self._locate(sha256s)
        breaks = np.flatnonzero(np.diff(batch)) + 1
        pieces = []
        for start, stop in zip(np.r_[0, breaks], np.r_[breaks, len(batch)], strict=True):
            column, rows = self._batches[int(batch[start])].column("bytes"), row[start:stop]
            consecutive = len(rows) == 1 or bool((np.diff(rows) == 1).all())
            pieces.append(column.slice(int(rows[0]), len(rows)) if consecutive else column.take(pa.array(rows)))
        return pieces[0] if len(pieces) == 1 else pa.concat_arrays(pieces)
