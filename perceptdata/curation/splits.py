"""Sides of a split: whole groups, with all that is near them, drawn by a hash.

by = joined_groups(rows, clusters)            # of each row the first group of all that hang together with its own
sides(by, {"train": 0.9, "test": 0.1}, seed=0)
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from perceptdata.curation.pairs import components, database


def joined_groups(rows: pa.Table, clusters: pa.Table) -> pa.Array:
    """Of each row (`id`, `group`), the smallest name among the groups that hang together with its own.

    Two groups do where a row of each is of one cluster; `clusters` has `id` and `cluster`. One pass over narrow keys.
    """
    with database() as connection:
        connection.register("rows", rows.append_column("n", pa.array(np.arange(len(rows)))))
        connection.register("clusters", clusters)
        numbered = """create temp table named as
            select "group", (row_number() over (order by "group")) - 1 as g from (select distinct "group" from rows)"""
        connection.execute(numbered)
        members = 'select cluster, g from clusters join rows using (id) join named using ("group")'
        query = f"select min(g) over (partition by cluster) as one, g as other from ({members})"
        ends = connection.sql(f"select distinct one, other from ({query}) where one < other").to_arrow_table()
        names = connection.sql('select "group" from named order by g').to_arrow_table().column("group").combine_chunks()
        number = connection.sql('select g from rows join named using ("group") order by n').to_arrow_table()
    one, other = (ends.column(name).to_numpy().astype(np.int64) for name in ("one", "other"))
    first = components(len(names), one, other)
    return names.take(pa.array(first[number.column("g").to_numpy()]))


def sides(by: pa.Array, shares: Mapping[str, float], seed: int) -> NDArray[np.int64]:
    """Of each row the number of its side: a name's hash, as a number in [0, 1), against the running sum of shares."""
    encoded = pc.dictionary_encode(by)
    names = encoded.dictionary.to_pylist()
    drawn = np.array([_draw(seed, name) for name in names], np.float64)
    borders = np.cumsum(np.array(list(shares.values())) / sum(shares.values()))[:-1]
    return np.searchsorted(borders, drawn, side="right")[encoded.indices.to_numpy()]


def _draw(seed: int, name: str) -> float:
    """As in a view's own fractions: the first 32 bits of an MD5."""
    return int(hashlib.md5(f"{seed} {name}".encode("utf-8", "surrogatepass")).hexdigest()[:8], 16) / 2**32
