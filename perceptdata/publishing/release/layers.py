"""The layer rows of a release, by the example that they speak of.

    index = LayerIndex(rows, Owners(rows), "spans")
    index.joined(0, 256)               # one list of layer rows for each of these places
    index.tables(*index.stretch(0, 9000))
    index.strangers                    # {"tags": 3}: rows of a step that speak of no published example

A row that speaks of an image goes with every example that shows it; in a config of its own it stands once, with the
first. Only addresses are held in memory.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from perceptdata.layers import LAYERS, LayerKind
from perceptdata.publishing.release.rows import PublishedRows
from perceptdata.workspace import layer_room

PUBLISHED: tuple[LayerKind, ...] = ("responses", "captions", "spans", "verdicts", "token_scores", "scores")
"""Reviews name people, and stay where they are."""
STEP = pa.field("step", pa.string())
IMAGE = "img:"
PIECE = 512
AT_ONCE = 1 << 20
"""Rows whose owners are looked up together."""


class Owners:
    """Whom a layer row may speak of: the examples, and the images with all places that show them. Places of owner i are
    `places[offsets[i]:offsets[i + 1]]`.
    """

    def __init__(self, rows: PublishedRows) -> None:
        ids, own = _whole(rows.ids), np.arange(len(rows) + 1, dtype=np.int32)
        hashes, offsets, places = rows.image_places()
        self.names = pa.concat_arrays([ids, pc.binary_join_element_wise(IMAGE, hashes, "")])
        self.offsets = np.r_[own, own[-1] + offsets[1:].astype(np.int32)]
        self.places = np.r_[own[:-1], places.astype(np.int32)]


class LayerIndex:
    """Where the rows of one layer kind lie, in the order of the examples, each of which has one place."""

    def __init__(self, rows: PublishedRows, owners: Owners, kind: LayerKind) -> None:
        self._rows, self.kind = rows, kind
        self._ws = rows.view.ws
        self._shards = self._ws.shards(layer_room(kind))
        self.strangers: Counter[str] = Counter()
        self._tables: dict[int, pa.Table] = {}
        self.schema = pa.schema([STEP, *LAYERS[kind].arrow_schema()])
        self._place, self._file, self._row, self._first = self._find(owners)

    def _find(
        self, owners: Owners
    ) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32], NDArray[np.bool_]]:
        """By place: (place, file, row, is this the first place of that row)."""
        found: list[list[NDArray[Any]]] = [[np.zeros(0, np.int32)] for _ in range(3)]
        first: list[NDArray[np.bool_]] = [np.zeros(0, bool)]
        for number, code in self._codes(owners.names):
            if code.null_count:
                self.strangers[self._shards[number][0]] += code.null_count
            row, known = np.flatnonzero(code.is_valid()), code.drop_null().to_numpy()
            counts = owners.offsets[known + 1] - owners.offsets[known]
            ends = np.cumsum(counts)
            within = np.arange(int(counts.sum())) - np.repeat(ends - counts, counts)
            found[0].append(owners.places[np.repeat(owners.offsets[known], counts) + within])
            found[1].append(np.full(len(within), number, np.int32))
            found[2].append(np.repeat(row, counts).astype(np.int32))
            first.append(within == 0)
        place, file, row = (np.concatenate(each) for each in found)
        order = np.argsort(place, kind="stable")
        return place[order], file[order], row[order], np.concatenate(first)[order]

    def _codes(self, names: pa.Array) -> Iterator[tuple[int, pa.Array]]:
        """The owner of each row of each file, by number; many files are looked up at once, for the table of owners is
        hashed anew each time.
        """
        pending: list[pa.Array] = []
        start = 0
        for number in range(len(self._shards)):
            pending.append(self._owner(number))
            if number + 1 == len(self._shards) or sum(map(len, pending)) >= AT_ONCE:
                codes = _whole(pc.index_in(pa.chunked_array(pending), value_set=names))
                borders = np.cumsum([0, *map(len, pending)]).tolist()
                for at, (low, high) in enumerate(pairwise(borders)):
                    yield start + at, codes.slice(low, high - low)
                pending, start = [], number + 1

    def _owner(self, number: int) -> pa.Array:
        """The example id or `img:<sha256>` of each row of a file."""
        key = "example_id" if "example_id" in self.schema.names else "text_id"
        column = _whole(pq.read_table(self._ws.file(self._shards[number][3]), columns=[key]).column(key))
        return pc.replace_substring_regex(column, r"#[^#]*$", "") if key == "text_id" else column

    @property
    def steps(self) -> set[str]:
        """The steps that wrote the rows."""
        return {step for step, _, _, _ in self._shards}

    @property
    def splits(self) -> dict[str, tuple[int, int]]:
        """The stretch of places of each split."""
        return self._rows.splits

    def __len__(self) -> int:
        """How many rows there are, each once."""
        return int(self._first.sum())

    @cached_property
    def _once(self) -> NDArray[np.int32]:
        """The number in the index of each row at its first place."""
        return np.flatnonzero(self._first).astype(np.int32)

    def stretch(self, start: int, stop: int) -> tuple[int, int]:
        """The rows, each once, that go with the places from `start` to `stop`."""
        first, last = np.searchsorted(self._place[self._once], [start, stop])
        return int(first), int(last)

    def tables(self, start: int, stop: int) -> Iterator[pa.Table]:
        """Rows `start` to `stop` of those that stand once, some at a time."""
        for at in range(start, stop, PIECE):
            yield self._gather(self._once[at : min(at + PIECE, stop)])

    def joined(self, start: int, stop: int) -> pa.ListArray:
        """The layer rows of each place from `start` to `stop`, as lists of structs."""
        borders = np.searchsorted(self._place, np.arange(start, stop + 1))
        table = self._gather(np.arange(borders[0], borders[-1])).combine_chunks()
        columns = [_whole(column) for column in table.columns]
        items = pa.StructArray.from_arrays(columns, fields=list(table.schema))
        return pa.ListArray.from_arrays(pa.array(borders - borders[0], pa.int32()), items)

    def _gather(self, number: NDArray[Any]) -> pa.Table:
        """Rows by their numbers in the index, file by file, then in the order asked for."""
        file, row = self._file[number], self._row[number]
        order = np.argsort(file, kind="stable")
        pieces = [self.schema.empty_table()]
        for each in np.unique(file):
            piece = self._table(int(each)).take(pa.array(row[order][file[order] == each]))
            step = pa.array([self._shards[int(each)][0]] * len(piece), pa.string())
            pieces.append(piece.add_column(0, STEP, step).cast(self.schema))
        joined = pa.concat_tables(pieces)
        return joined.take(pa.array(np.argsort(order, kind="stable")))

    def _table(self, number: int) -> pa.Table:
        if number not in self._tables:
            self._tables[number] = self._ws.table(self._shards[number][3])
        return self._tables[number]


def _whole(column: pa.ChunkedArray) -> pa.Array:
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
