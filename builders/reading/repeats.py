"""Which rows of a file say something for the first time, where a file says the same over and over.

    found = repeats(path, texts)        # texts: row -> (what makes rows the same, what they then must agree in)
    found.first[a:b]                    # the numbers of rows, in order
    found.copies[a]                     # how many rows say what row first[a] says
    found.agree[a]                      # whether they all agree

One pass over the named columns, some 50 bytes of memory a row: texts are kept as 64-bit hashes. Of 10^7 different texts
two collide with a chance of 3 in a million (n^2 / 2^65).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from perceptdata.errors import Rejected

from .tables import TableRow, read_rows

Texts = Callable[[Mapping[str, Any]], tuple[str, str]]
_BATCH = 4096


class Repeats(NamedTuple):
    """Arrays of one entry a different text: its first row (ascending), how many rows, and whether they agree."""

    first: NDArray[np.int64]
    copies: NDArray[np.int64]
    agree: NDArray[np.bool_]


def repeats(path: Path, texts: Texts, columns: Sequence[str]) -> Repeats:
    """One scan of the file, kept for the process until the file changes.

    `texts` raises Rejected for a row that it cannot read: such a row is the first of its kind, so that whoever reads it
    next says why. Of a Parquet file only `columns` are read.
    """
    stat = path.stat()
    return _scan(path, texts, tuple(columns), stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=4)
def _scan(path: Path, texts: Texts, columns: tuple[str, ...], size: int, modified: int) -> Repeats:
    exact = _row_hashes(path, columns)
    if exact is None:  # lines of text are hashed one by one anyway
        rows = ((row.number, row) for row in read_rows(path, 0, None, _BATCH))
        keys, answers, bad = _said(rows, texts)
    else:
        equal = _Grouped.of(exact)
        firsts = first_rows(path, equal.first, 0, len(equal.first), _BATCH)
        keys, answers, bad = (each[equal.inverse] for each in _said(firsts, texts))
    keys[bad] = _hashes(f"\0unreadable row {number}" for number in np.flatnonzero(bad))
    same = _Grouped.of(keys)
    agree = np.ones(len(same.first), np.bool_)
    agree[same.inverse[answers != answers[same.first][same.inverse]]] = False
    return Repeats(same.first, np.bincount(same.inverse, minlength=len(same.first)), agree)


class _Grouped(NamedTuple):
    """Equal values: the place of the first of each, ascending, and for every value which of the firsts it equals."""

    first: NDArray[np.int64]
    inverse: NDArray[np.int64]

    @classmethod
    def of(cls, values: NDArray[np.uint64]) -> _Grouped:
        _, first, inverse = np.unique(values, return_index=True, return_inverse=True)
        order = np.argsort(first)
        rank = np.empty_like(order)
        rank[order] = np.arange(len(order))
        return cls(first[order].astype(np.int64), rank[inverse])


def _row_hashes(path: Path, columns: Sequence[str]) -> NDArray[np.uint64] | None:
    """A hash of every row's `columns`, in order, of a Parquet file; None for other files.

    DuckDB hashes nested values too, some fifteen times as fast as they become Python objects.
    """
    if path.suffix.lower() != ".parquet":
        return None
    with pq.ParquetFile(path, pre_buffer=False) as file, duckdb.connect(config={"threads": 1}) as connection:
        there = [name for name in columns if name in file.schema_arrow.names]
        if not there:
            return np.zeros(file.metadata.num_rows, np.uint64)
        schema = pa.schema([file.schema_arrow.field(name) for name in there])
        # Handed over as batches: a path would be a pattern to DuckDB.
        connection.register("rows", pa.RecordBatchReader.from_batches(schema, file.iter_batches(_BATCH, columns=there)))
        named = ", ".join(f'"{name}"' for name in there)
        found = connection.execute(f"select hash({named}) as hashed from rows").fetchnumpy()["hashed"]
    return np.asarray(found, np.uint64)


def _said(rows: Iterator[tuple[int, TableRow]], texts: Texts) -> tuple[NDArray, NDArray, NDArray]:
    """For each row: hashes of what it says and of its answer, and whether it cannot be read."""
    keys, answers, bad = bytearray(), bytearray(), bytearray()
    for _, row in rows:
        try:
            if isinstance(row.fields, Rejected):
                raise row.fields
            said, unread = texts(row.fields), False
        except Rejected:
            said, unread = ("", ""), True
        keys += _hash(said[0])
        answers += _hash(said[1])
        bad.append(unread)
    return np.frombuffer(keys, np.uint64), np.frombuffer(answers, np.uint64), np.frombuffer(bad, np.bool_)


def _hashes(texts: Iterable[str]) -> NDArray[np.uint64]:
    return np.frombuffer(b"".join(map(_hash, texts)), np.uint64)


def _hash(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()


def first_rows(
    path: Path, first: NDArray[np.int64], start: int, stop: int, every: int
) -> Iterator[tuple[int, TableRow]]:
    """The rows `first[start:stop]` with their place among the firsts; only the stretches that hold some are read."""
    wanted = first[start:stop].tolist()
    place = 0
    while place < len(wanted):
        behind = place + 1
        while behind < len(wanted) and wanted[behind] - wanted[behind - 1] < every:
            behind += 1
        numbers = iter(enumerate(wanted[place:behind], start + place))
        at, number = next(numbers)
        for row in read_rows(path, number, wanted[behind - 1] + 1, every):
            if row.number == number:
                yield at, row
                at, number = next(numbers, (at, -1))
        place = behind
