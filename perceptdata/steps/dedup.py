"""Dedup: which rows ask the same of the same pictures. A score `unique` an example: 1 where it stays, 0 where it goes.

    {do: dedup}
    {do: dedup, near: false, prefer: [geometry3k, mmk12]}

Nothing is removed; a view says `where: dedup.kept`. Shards first make their keys and prints, wherever the executor
runs them, and keep them under `cache/`. The closing pass then decides over all rows at once, and each shard is written
with what was decided of its rows. `curation.duplicates` has the rules.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import pyarrow.parquet as pq
from pydantic import Field

from perceptdata.curation.duplicates import JACCARD, Found, find_duplicates
from perceptdata.layers import Producer
from perceptdata.manifest import StepVersion, digest
from perceptdata.shard import ShardWriter
from perceptdata.steps.curated import SCORES, Material, materials, scores, stamp_of
from perceptdata.steps.step import Shard, Step

if TYPE_CHECKING:
    from perceptdata.workspace import Workspace

UNIQUE = "unique"


class Dedup(Step):
    """Of rows that are duplicates, one of the first source in `prefer` stays, or else that of the smallest id.

    `near` False looks for exact duplicates alone; `jaccard` is from where on texts are near.
    """

    do: ClassVar[str] = "dedup"
    near: bool = True
    jaccard: float = Field(default=JACCARD, gt=0.5, le=1)
    prefer: tuple[str, ...] = ()

    def plan(self, ws: Workspace, name: str) -> list[Shard]:
        """One shard a shard of examples."""
        return [
            Shard(each.about.replace("/", "-"), each.digest, each.about, DedupWork(each, self.producer()))
            for each in materials(ws)
        ]

    def finish(self, ws: Workspace, name: str, run: StepVersion) -> list[Shard]:
        """Decide over all rows, where any shard was decided of others."""
        given = materials(ws)
        stamp = digest(*(each.digest for each in given))
        files = [shard.files[SCORES] for shard in run.shards.values()]
        if all(stamp_of(ws.file(file)) == stamp for file in files):
            return []
        found = find_duplicates(
            [each.keys() for each in given],
            [each.examples for each in given],
            [prints for each in given if (prints := each.prints()) is not None],
            prefer=self.prefer,
            near=self.near,
            jaccard=self.jaccard,
        )
        decided = _by_shard(found, [pq.read_metadata(each.keys()).num_rows for each in given])
        return [
            Shard(
                each.about.replace("/", "-"),
                each.digest,
                each.about,
                DedupWork(each, self.producer(), stamp, *what),
            )
            for each, what in zip(given, decided, strict=True)
        ]


def _by_shard(found: Found, lengths: list[int]) -> list[tuple[frozenset[str], dict[str, dict[str, Any]]]]:
    """Of each shard: the ids that go, and what is known of its rows, by id."""
    ids = found.ids
    counts: dict[int, int] = {}
    for cluster in found.cluster.tolist():
        counts[cluster] = counts.get(cluster, 0) + 1
    decided, start = [], 0
    for length in lengths:
        gone, meta = set(), {}
        for row in range(start, start + length):
            said = dict(found.evidence.get(row, {}))
            if found.of[row] >= 0:
                gone.add(ids[row].as_py())
                said["of"] = ids[int(found.of[row])].as_py()
            if "through" in said:
                said["through"] = ids[said["through"]].as_py()
            if counts[cluster := int(found.cluster[row])] > 1:
                said["cluster"] = ids[cluster].as_py()
            if said:
                meta[ids[row].as_py()] = said
        decided.append((frozenset(gone), meta))
        start += length
    return decided


@dataclass(frozen=True, slots=True)
class DedupWork:
    """One shard. Without a stamp nothing is decided yet: its keys and prints are made, and no rows."""

    material: Material
    producer: Producer
    stamp: str = ""
    gone: frozenset[str] = frozenset()
    meta: dict[str, dict[str, Any]] = field(default_factory=dict)

    def run(self, writer: ShardWriter) -> None:
        """Write what is decided."""
        if not self.stamp:
            self.material.prints()
            self.material.keys()
            writer.write(SCORES, scores([], UNIQUE, [], self.producer, {}))
            return
        ids = pq.read_table(self.material.examples, columns=["id"]).column("id").to_pylist()
        values = [float(each not in self.gone) for each in ids]
        writer.write(SCORES, scores(ids, UNIQUE, values, self.producer, self.meta, stamp=self.stamp))
