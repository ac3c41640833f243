"""Which rows stay, and what the others are duplicates of.

    found = find_duplicates(keys, examples, prints, prefer=["clevr"])
    found.of, found.evidence, found.cluster

A row is a duplicate of another when it asks the same of the same pictures:

| rule | pictures | question, choices, turns | gold answer |
|---|---|---|---|
| `exact` | same pixels | same but for case and space | any; where it differs the evidence says so |
| `near_image` | near, one by one | same | same |
| `near_text` | same pixels | Jaccard of three-word runs >= 0.8, same marks | same |
| `near_image+near_text` | near | near | same |

Marks are numbers, single letters and words in capitals, in order: `AB` and `BC` are different questions. Rows are taken
in order (preferred sources first, then by id) and a row stays unless one that stays already is its duplicate. So every
row that goes has its pair, checked, among those that stay: there are no chains.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from perceptdata.curation.keys import BANDS, SHINGLE, asked, rows_of
from perceptdata.curation.pairs import Likeness, Pictures, components, database, joined_pairs, near_images
from perceptdata.curation.wording import Grams, words

JACCARD = 0.8
_BASE = 0x9E3779B97F4A7C15


@dataclass(frozen=True, slots=True)
class Found:
    """Of every row, in the order given: `of`, the row it is a duplicate of, or -1; and what is known of it.

    Evidence names a rule and how near the pair is; `through` is the row that this one is an exact duplicate of, where
    that one went itself. `cluster` is the first row of all that hang together: by duplicates, or by near pictures.
    """

    ids: pa.Array
    groups: pa.Array
    of: NDArray[np.int64]
    evidence: dict[int, dict[str, Any]]
    cluster: NDArray[np.int64]


def find_duplicates(
    keys: Sequence[Path],
    examples: Sequence[Path],
    prints: Sequence[Path],
    *,
    prefer: Sequence[str] = (),
    near: bool = True,
    jaccard: float = JACCARD,
) -> Found:
    """Over all rows of some shards: their keys and their examples, in the same order, and the prints of their images.

    `near` False looks for exact duplicates alone.
    """
    tables = [pq.read_table(path) for path in keys]
    rows = pa.concat_tables(tables).combine_chunks()
    pictures = near_images(prints) if near else _pixels_alone(prints)
    shown = _shown(rows, pictures)
    rank = _rank(rows.column("id"), prefer)
    exact, same, cluster_key = _exact(rows, shown, pictures, rank)
    of = np.where(exact == np.arange(len(rows)), -1, exact)
    evidence: dict[int, dict[str, Any]] = {}
    answers = rows.column("answer").to_numpy()
    for row in np.flatnonzero(of >= 0).tolist():
        evidence[row] = {"rule": "exact", **({"answer_differs": True} if answers[row] != answers[of[row]] else {})}
    linked = [np.column_stack([np.flatnonzero(of >= 0), of[of >= 0]])]
    if near:
        stay = np.flatnonzero(of < 0)
        pairs = joined_pairs(_tokens(rows, stay, cluster_key))
        checked = _check(pairs, examples, [len(table) for table in tables], shown, pictures, same, jaccard)
        _choose(checked, rank, of, evidence)
        _settle(of, evidence)
        linked.append(np.array([pair for pair, _ in checked], np.int64).reshape(-1, 2))
    linked.append(_by_picture(shown, pictures))
    ends = np.concatenate(linked)
    cluster = components(len(rows), ends[:, 0], ends[:, 1])
    for row in np.flatnonzero(_twins(rows, cluster_key, of)).tolist():
        evidence.setdefault(row, {})["template_twin"] = True
    return Found(rows.column("id").combine_chunks(), rows.column("group").combine_chunks(), of, evidence, cluster)


def _pixels_alone(prints: Sequence[Path]) -> Pictures:
    tables = [pq.read_table(path, columns=["sha256", "pixels"]) for path in prints]
    if not tables:
        return Pictures({}, {})
    read = pa.concat_tables(tables).combine_chunks()
    number = read.column("pixels").combine_chunks().dictionary_encode().indices
    return Pictures(dict(zip(read.column("sha256").to_pylist(), number.to_pylist(), strict=True)), {})


def _shown(rows: pa.Table, pictures: Pictures) -> list[tuple[int, ...]]:
    """Each row's pictures by number."""
    return [tuple(pictures.numbers[sha256] for sha256 in hashes) for hashes in rows.column("images").to_pylist()]


def _rank(ids: pa.ChunkedArray, prefer: Sequence[str]) -> NDArray[np.int64]:
    """The place of each row when they are taken in order."""
    place = {name: at for at, name in enumerate(prefer)}
    named = ids.to_pylist()
    order = sorted(range(len(named)), key=lambda row: (place.get(named[row].partition("/")[0], len(place)), named[row]))
    rank = np.empty(len(named), np.int64)
    rank[order] = np.arange(len(named))
    return rank


def _exact(
    rows: pa.Table, shown: list[tuple[int, ...]], pictures: Pictures, rank: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Of each row the first that is the same; its `exact` key; and a key of its pictures' components."""
    same = rows.column("exact").to_numpy()
    seen = np.array([_folded(numbers) for numbers in shown], np.int64)
    cluster_key = np.array([_folded(pictures.component[list(numbers)]) for numbers in shown], np.int64)
    with database() as connection:
        connection.register("keyed", pa.table({"seen": seen, "same": same, "rank": rank}))
        first = connection.sql("select rank, min(rank) over (partition by seen, same) as first from keyed")
        found = first.to_arrow_table()
    row_of = np.argsort(rank)
    exact = np.empty(len(rows), np.int64)
    exact[row_of[found.column("rank").to_numpy()]] = row_of[found.column("first").to_numpy()]
    return exact, same, cluster_key


def _folded(numbers: Any) -> int:
    """A list of numbers as one; 0 for none."""
    value = 0
    for number in numbers:
        value = ((value ^ (int(number) + 1)) * _BASE) % (1 << 64)
        value ^= value >> 29
    return value >> 1


def _tokens(rows: pa.Table, stay: NDArray[np.int64], cluster_key: NDArray[np.int64]) -> Iterator[pa.Table]:
    """Keys that two near rows share one of, a table each; only rows of one answer and near pictures share any."""
    answer = rows.column("answer").to_numpy()[stay].astype(np.uint64)
    base = (cluster_key[stay].astype(np.uint64) * np.uint64(_BASE)) ^ answer
    yield _token(stay, base, rows.column("exact").to_numpy()[stay])
    base = (base * np.uint64(_BASE)) ^ rows.column("marks").to_numpy()[stay].astype(np.uint64)
    bands = rows.column("bands").combine_chunks().flatten().to_numpy().reshape(-1, BANDS)
    for band in range(BANDS):
        yield _token(stay, base, bands[stay, band])


def _token(stay: NDArray[np.int64], base: NDArray[np.uint64], key: NDArray[np.int64]) -> pa.Table:
    return pa.table({"r": stay, "k": ((base * np.uint64(_BASE)) ^ key.astype(np.uint64)) >> np.uint64(1)})


def _check(
    pairs: NDArray[np.int64],
    examples: Sequence[Path],
    lengths: Sequence[int],
    shown: list[tuple[int, ...]],
    pictures: Pictures,
    same: NDArray[np.int64],
    jaccard: float,
) -> list[tuple[tuple[int, int], dict[str, Any]]]:
    """The pairs that hold, each with its evidence."""
    runs = _runs(np.unique(pairs[same[pairs[:, 0]] != same[pairs[:, 1]]]), examples, lengths)
    checked = []
    for one, other in pairs.tolist():
        evidence: dict[str, Any] = {}
        rules = []
        likenesses = _likenesses(shown[one], shown[other], pictures)
        if likenesses is None:
            continue
        if shown[one] != shown[other]:
            rules.append("near_image")
            worst = max(likenesses, key=lambda each: (each.hash, -each.correlation))
            evidence |= {"hash": worst.hash, "hash64": worst.hash64, "correlation": worst.correlation}
        if same[one] != same[other]:
            found = _jaccard(runs[one], runs[other])
            if found < jaccard:
                continue
            rules.append("near_text")
            evidence["jaccard"] = round(found, 4)
        if rules:
            checked.append(((one, other), {"rule": "+".join(rules), **evidence}))
    return checked


def _likenesses(one: tuple[int, ...], other: tuple[int, ...], pictures: Pictures) -> list[Likeness] | None:
    if len(one) != len(other):
        return None
    found = [pictures.near(*pair) for pair in zip(one, other, strict=True)]
    near = [each for each in found if each is not None]
    return near if len(near) == len(found) else None


def _runs(wanted: NDArray[np.int64], examples: Sequence[Path], lengths: Sequence[int]) -> dict[int, NDArray[np.uint64]]:
    """The sets of three-word runs of some rows, sorted; only shards that have one are read."""
    borders = np.r_[0, np.cumsum(lengths)]
    grams = Grams(SHINGLE, whole=True)
    found: dict[int, NDArray[np.uint64]] = {}
    for shard, path in enumerate(examples):
        here = wanted[(wanted >= borders[shard]) & (wanted < borders[shard + 1])]
        start = int(borders[shard])
        for rows in rows_of(path) if len(here) else ():
            some = here[(here >= start) & (here < start + len(rows))].tolist()
            runs = grams.of([words(asked(rows[row - start])) for row in some])
            for at, row in enumerate(some):
                found[row] = np.unique(runs.high[runs.starts[at] : runs.starts[at + 1]])
            start += len(rows)
    return found


def _jaccard(one: NDArray[np.uint64], other: NDArray[np.uint64]) -> float:
    shared = len(np.intersect1d(one, other, assume_unique=True))
    return shared / (len(one) + len(other) - shared) if shared else 0.0


def _choose(
    checked: list[tuple[tuple[int, int], dict[str, Any]]],
    rank: NDArray[np.int64],
    of: NDArray[np.int64],
    evidence: dict[int, dict[str, Any]],
) -> None:
    """Drop, in order, each row of a pair whose other row comes first and stays."""
    before: dict[int, list[tuple[int, dict[str, Any]]]] = {}
    for (one, other), said in checked:
        first, second = (one, other) if rank[one] < rank[other] else (other, one)
        before.setdefault(second, []).append((first, said))
    for row in sorted(before, key=lambda row: rank[row]):
        stays = [each for each in before[row] if of[each[0]] < 0]
        if stays:
            first, said = min(stays, key=lambda each: rank[each[0]])
            of[row], evidence[row] = first, said


def _settle(of: NDArray[np.int64], evidence: dict[int, dict[str, Any]]) -> None:
    """An exact duplicate of a row that went is one of what that row is a duplicate of; its evidence names both."""
    for row in np.flatnonzero(of >= 0).tolist():
        through = int(of[row])
        if of[through] >= 0:
            evidence[row]["through"] = through
            of[row] = of[through]


def _by_picture(shown: list[tuple[int, ...]], pictures: Pictures) -> NDArray[np.int64]:
    """Rows that show pictures of one component, each with the first of them."""
    first: dict[int, int] = {}
    pairs = []
    for row, numbers in enumerate(shown):
        for component in pictures.component[list(numbers)].tolist():
            if (other := first.setdefault(component, row)) != row:
                pairs.append((other, row))
    return np.array(pairs, np.int64).reshape(-1, 2)


def _twins(rows: pa.Table, cluster_key: NDArray[np.int64], of: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Rows that stay and are another that stays once numbers are masked: of one template. Reported, never dropped."""
    stay = np.flatnonzero(of < 0)
    twin = np.zeros(len(rows), bool)
    with database() as connection:
        keys = {name: rows.column(name).to_numpy()[stay] for name in ("twin", "exact")}
        connection.register("keyed", pa.table({"r": stay, "seen": cluster_key[stay], **keys}))
        masked = "select twin, seen from keyed group by all having count(distinct exact) > 1"
        shared = connection.sql(f"select r from keyed join ({masked}) using (twin, seen)")
        twin[shared.to_arrow_table().column("r").to_numpy()] = True
    return twin
