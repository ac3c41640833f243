"""The rows of a view as they are published: by split, and by image within it, so that versions share their bytes.

    rows = PublishedRows(ws.view("sft"), ExampleImages(ws))
    rows.splits                       # {"train": (0, 9000), "test": (9000, 10000)}: stretches of places
    for place, table in rows.tables(0, 500): ...

A row's place in the view, its curriculum, is kept in the column `order`.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from perceptdata.publishing.files import split_names
from perceptdata.view import View
from perceptdata.workspace import EXAMPLES

if TYPE_CHECKING:
    from perceptdata.workspace import Workspace

PIECE_ROWS = 256
PIECE_BYTES = 8 << 20
REPEATING = 1.1
"""Rows with images, for each image, from which on a dictionary of images pays."""


class ExampleImages:
    """Which images the examples of a workspace show: example i shows `codes[offsets[i]:offsets[i + 1]]`, numbers of
    `hashes`, which are sorted; `first[f]` is the number of the first example of shard f.
    """

    def __init__(self, ws: Workspace) -> None:
        hashes: list[NDArray[Any]] = [np.zeros(0, "S64")]
        lengths: list[NDArray[np.int64]] = [np.zeros(1, np.int64)]
        first = [0]
        for _, _, _, file in ws.shards(EXAMPLES):
            images = pq.read_table(ws.file(file), columns=["images"]).column("images")
            lists = pa.concat_arrays(images.chunks) if images.num_chunks else pa.array([], images.type)
            hashes.append(_fixed(lists.flatten().field("sha256")))
            lengths.append(lists.value_lengths().to_numpy().astype(np.int64))
            first.append(first[-1] + len(lists))
        self.hashes, codes = np.unique(np.concatenate(hashes), return_inverse=True)
        self.codes = codes.astype(np.int32)
        self.offsets = np.cumsum(np.concatenate(lengths))
        self.first = np.asarray(first, np.int64)
        self.sizes = ws.images.sizes(self.hashes) if len(self.hashes) else np.zeros(0, np.int64)


def _fixed(hashes: pa.Array) -> NDArray[Any]:
    """Hex digests as one array of bytes, without a Python object for each."""
    width = pa.array(hashes.cast(pa.binary())).cast(pa.binary(64))
    return np.frombuffer(width.buffers()[1], "S64", len(width), width.offset * 64).copy() if len(width) else _NONE


def _text(hashes: NDArray[Any]) -> pa.Array:
    """The same the other way: as numpy's strings they would take four times as much."""
    width = pa.FixedSizeBinaryArray.from_buffers(pa.binary(64), len(hashes), [None, pa.py_buffer(hashes)])
    return width.cast(pa.binary()).cast(pa.string())


_NONE = np.zeros(0, "S64")


class PublishedRows:
    """A view's rows in the order in which they are published. Holds numbers and ids only."""

    def __init__(self, view: View, images: ExampleImages) -> None:
        self.view, self._images = view, images

    @cached_property
    def _narrow(self) -> pa.Table:
        """By place: the split's number, the first image's code, the example's id and number, the row in the view."""
        rows, images = self.view.rows, self._images
        example = images.first[rows.column("example_file").to_numpy()] + rows.column("example_row").to_numpy()
        start = images.offsets[example]
        blind = images.offsets[example + 1] == start
        image = np.append(images.codes, np.int32(0))[start]
        names = pa.array(self.view.splits, pa.string())
        narrow = pa.table(
            {
                "split": pc.index_in(rows.column("split"), value_set=names),
                "image": pa.array(image, pa.int32(), mask=blind),
                "id": rows.column("example_id"),
                "text_id": rows.column("text_id"),
                "example": example,
                "row": np.arange(len(rows)),
            }
        )
        keys = [(name, "ascending") for name in ("split", "image", "id", "text_id", "row")]
        order = pc.sort_indices(narrow, sort_keys=keys)
        return narrow.drop_columns(["text_id"]).take(order).combine_chunks()

    @cached_property
    def splits(self) -> dict[str, tuple[int, int]]:
        """The stretch of places of each split, by the name that its files bear."""
        names = split_names(self.view.splits)
        borders = np.searchsorted(self._narrow.column("split").to_numpy(), np.arange(len(names) + 1)).tolist()
        return {name: (borders[at], borders[at + 1]) for at, name in enumerate(names.values())}

    @property
    def ids(self) -> pa.ChunkedArray:
        """The example of each place."""
        return self._narrow.column("id")

    def __len__(self) -> int:
        return len(self.view)

    @cached_property
    def _stretches(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Where the images of each place begin and end among all codes."""
        example = self._narrow.column("example").to_numpy()
        return self._images.offsets[example], self._images.offsets[example + 1]

    @cached_property
    def image_bytes(self) -> NDArray[np.int64]:
        """The bytes of the images of each place."""
        total = np.r_[0, np.cumsum(self._images.sizes[self._images.codes])]
        start, stop = self._stretches
        return total[stop] - total[start]

    @cached_property
    def stored_bytes(self) -> NDArray[np.int64]:
        """The same, without rows whose first image the row before shows: about what a dictionary leaves."""
        if not self.repeating:
            return self.image_bytes
        image = self._narrow.column("image").fill_null(-1).to_numpy()
        return np.where(np.r_[False, image[1:] == image[:-1]], 0, self.image_bytes)

    @cached_property
    def repeating(self) -> bool:
        """Neighbouring rows show the same images, often enough for a dictionary of them."""
        image = self._narrow.column("image")
        distinct = pc.count_distinct(image).as_py()
        return distinct > 0 and (len(image) - image.null_count) / distinct >= REPEATING

    def image_places(self) -> tuple[pa.Array, NDArray[np.int64], NDArray[np.int64]]:
        """Every image with the places that show it: (hashes, offsets, places), of image i from `offsets[i]` on."""
        start, stop = self._stretches
        counts = stop - start
        slot = np.arange(int(counts.sum())) + np.repeat(start - np.r_[0, np.cumsum(counts)[:-1]][: len(start)], counts)
        code, place = self._images.codes[slot].astype(np.int64), np.repeat(np.arange(len(self)), counts)
        pairs = np.unique(code * max(len(self), 1) + place)  # an image may stand twice in a row
        code, place = np.divmod(pairs, max(len(self), 1))
        offsets = np.searchsorted(code, np.arange(len(self._images.hashes) + 1))
        return _text(self._images.hashes), offsets, place

    def tables(self, start: int, stop: int) -> Iterator[tuple[int, pa.Table]]:
        """The rows at places `start` to `stop`, some at a time, each with the place of its first; images as bytes."""
        total = np.r_[0, np.cumsum(self.image_bytes[start:stop])]
        row = self._narrow.column("row").to_numpy()
        at = start
        while at < stop:
            fits = start + int(np.searchsorted(total, total[at - start] + PIECE_BYTES, side="right")) - 1
            end = min(max(fits, at + 1), at + PIECE_ROWS, stop)
            yield at, self.gather(row[at:end])
            at = end

    def gather(self, rows: NDArray[np.int64]) -> pa.Table:
        """Rows of the view, with their place in it."""
        return self.view.gather(rows).append_column("order", pa.array(rows, pa.int64()))
