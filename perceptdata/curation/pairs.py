"""Which are near each other. Candidates share a key; one join after another finds them; each pair is then checked.

    links = near_images(prints)                    # pictures, by their prints
    links.near(one, other)                         # Likeness(hash=4, hash64=0, correlation=0.997, cell=9), or None

A join holds one key of all rows at a time and spills to disk, so memory follows the number of rows, not of keys.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import combinations
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from perceptdata.curation.prints import CELL, CORRELATION, STRONG, WEAK, alike, distance

_ORDER = np.random.default_rng(0).permutation(256)
"""A second way to cut the bits into bands: two cuts find a pair at 24 of 256 with probability over 0.99."""


@contextmanager
def database(memory: str = "4GB") -> Iterator[duckdb.DuckDBPyConnection]:
    """A database for one pass over narrow tables. What does not fit in `memory` lies in a temporary folder."""
    with TemporaryDirectory(prefix="perceptdata-pass-") as folder:
        settings: dict[str, str | bool | int | float | list[str]] = {
            "memory_limit": memory,
            "temp_directory": folder,
            "autoinstall_known_extensions": "false",
        }
        connection = duckdb.connect(":memory:", config=settings)
        try:
            yield connection
        finally:
            connection.close()


def components(count: int, one: NDArray[np.int64], other: NDArray[np.int64]) -> NDArray[np.int64]:
    """Of `count` things and the pairs that belong together, the number of each one's component: its smallest member."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    pairs = coo_array((np.ones(len(one), np.int8), (one, other)), shape=(count, count))
    _, label = connected_components(pairs, directed=False)
    smallest = np.full(label.max(initial=-1) + 1, count, np.int64)
    np.minimum.at(smallest, label, np.arange(count))
    return smallest[label]


class Likeness(NamedTuple):
    """How near two pictures are: bits of 256 and of 64, correlation of greys, largest difference of a cell."""

    hash: int
    hash64: int
    correlation: float
    cell: int


class Pictures:
    """Pictures by number: two files of the same pixels have one. `links` are the checked pairs, smaller number first.

    `component` joins what is linked, over any number of links.
    """

    def __init__(self, numbers: dict[str, int], links: dict[tuple[int, int], Likeness]) -> None:
        self.numbers, self.links = numbers, links
        count = max(numbers.values(), default=-1) + 1
        ends = np.array(list(links), np.int64).reshape(-1, 2)
        self.component = components(count, ends[:, 0], ends[:, 1])

    def near(self, one: int, other: int) -> Likeness | None:
        """How near two pictures are, where that was checked and found near enough."""
        return Likeness(0, 0, 1.0, 0) if one == other else self.links.get((min(one, other), max(one, other)))


def near_images(prints: Sequence[Path]) -> Pictures:
    """All pictures of the prints, and which of them are near."""
    tables = [pq.read_table(path, columns=["sha256", "pixels", "hash"]) for path in prints]
    if not tables:
        return Pictures({}, {})
    read = pa.concat_tables(tables).combine_chunks()
    pixels = read.column("pixels").combine_chunks().dictionary_encode()
    number = pixels.indices.to_numpy()
    numbers = dict(zip(read.column("sha256").to_pylist(), number.tolist(), strict=True))
    _, first = np.unique(number, return_index=True)
    kept = read.take(pa.array(first))
    hashed = np.flatnonzero(kept.column("hash").is_valid().to_numpy())
    lists = kept.column("hash").combine_chunks().take(pa.array(hashed))
    hashes = np.asarray(lists.flatten().to_numpy(), np.uint64).reshape(-1, 5)
    found = _candidates(hashed.astype(np.int64), hashes)
    small = _small_copies(prints, pa.array(kept.column("pixels").combine_chunks().take(pa.array(np.unique(found)))))
    names = kept.column("pixels").to_pylist()
    at = {picture: row for row, picture in enumerate(hashed.tolist())}
    links = {}
    for one, other in found.tolist():
        bits = distance(hashes[at[one]], hashes[at[other]])
        correlation, cell = alike(small[names[one]], small[names[other]])
        if correlation > CORRELATION and cell <= CELL:
            links[one, other] = Likeness(*bits, round(correlation, 4), cell)
    return Pictures(numbers, links)


def hash_keys(hashes: NDArray[np.uint64]) -> Iterator[NDArray[np.int64]]:
    """One key a picture at a time: 16 bands of the 256 bits, 16 of them in another order, 28 of two eighths of 64."""
    wide = np.unpackbits(hashes[:, :4].astype(">u8").view(np.uint8), axis=1)
    narrow = np.unpackbits(hashes[:, 4:].astype(">u8").view(np.uint8), axis=1)
    for bits in (wide, wide[:, _ORDER]):
        for band in range(16):
            yield _pack(bits[:, band * 16 : band * 16 + 16])
    for one, other in combinations(range(8), 2):
        yield _pack(np.hstack([narrow[:, one * 8 : one * 8 + 8], narrow[:, other * 8 : other * 8 + 8]]))


def _pack(bits: NDArray[np.uint8]) -> NDArray[np.int64]:
    return np.ascontiguousarray(np.packbits(bits, axis=1)).view(">u2").astype(np.int64).reshape(-1)


def _candidates(pictures: NDArray[np.int64], hashes: NDArray[np.uint64]) -> NDArray[np.int64]:
    words = {f"w{at}": hashes[:, at].astype(np.int64) for at in range(5)}
    table = pa.table({"p": pictures, **words})
    far = " + ".join(f"bit_count(xor(a.w{at}, b.w{at}))::smallint" for at in range(4))  # it counts in 8 bits
    pieces: list[NDArray[np.int64]] = [np.zeros((0, 2), np.int64)]
    with database() as connection:
        for key in hash_keys(hashes):
            connection.register("prints", table.append_column("k", pa.array(key)))
            query = f"""select a.p as one, b.p as other from prints a join prints b on a.k = b.k and a.p < b.p
                where {far} <= {STRONG} or bit_count(xor(a.w4, b.w4)) <= {WEAK}"""
            pieces.append(_two(connection.sql(query).to_arrow_table()))
            connection.unregister("prints")
    return np.unique(np.concatenate(pieces), axis=0)


def _two(found: pa.Table) -> NDArray[np.int64]:
    return np.column_stack([found.column(name).to_numpy() for name in found.column_names]).astype(np.int64)


def _small_copies(prints: Iterable[Path], pixels: pa.Array) -> dict[str, bytes]:
    """The small copies of some pictures, by their pixels' hash."""
    small: dict[str, bytes] = {}
    for path in prints if len(pixels) else ():
        read = pq.read_table(path, columns=["pixels", "small"], filters=pc.field("pixels").isin(pixels))
        small.update(zip(read.column("pixels").to_pylist(), read.column("small").to_pylist(), strict=True))
    return small


def joined_pairs(keys: Iterable[pa.Table]) -> NDArray[np.int64]:
    """Pairs of rows with an equal key in any of some tables of `r` and `k`; the smaller first, sorted, each once."""
    pieces: list[NDArray[np.int64]] = [np.zeros((0, 2), np.int64)]
    with database() as connection:
        for table in keys:
            connection.register("keyed", table)
            shared = "select k from keyed group by k having count(*) > 1"
            connection.execute(f"create or replace temp table doubled as select r, k from keyed where k in ({shared})")
            query = "select distinct a.r as one, b.r as other from doubled a join doubled b on a.k = b.k and a.r < b.r"
            pieces.append(_two(connection.sql(query).to_arrow_table()))
            connection.unregister("keyed")
    return np.unique(np.concatenate(pieces), axis=0)
