"""Split: on which side each example stands. No group, and nothing that is near to it, stands on two.

    near:    {do: dedup}
    holdout: {do: split, into: {train: 0.9, test: 0.1}, from: near}

A view then says `splits: holdout`. The sides are drawn by the hash of the seed and of the first group of all that hang
together, so what is there keeps its side when rows are added, unless they join what was apart. Shares hold as far as
whole groups can.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pydantic import Field

from perceptdata.curation.splits import joined_groups, sides
from perceptdata.errors import UsageError
from perceptdata.layers import Producer
from perceptdata.manifest import StepVersion, digest
from perceptdata.shard import ShardWriter
from perceptdata.steps.curated import SCORES, scores, stamp_of
from perceptdata.steps.step import Shard, Step
from perceptdata.workspace import EXAMPLES

if TYPE_CHECKING:
    from perceptdata.workspace import Workspace

SIDE = "side"
Share = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class Split(Step):
    """`into` gives the shares of the sides by name. `from` names a dedup step, whose clusters join groups."""

    do: ClassVar[str] = "split"
    into: dict[Annotated[str, Field(pattern=r"^\w+$")], Share] = Field(min_length=1)
    from_: str | None = Field(default=None, alias="from")
    seed: int = 0

    def needs(self) -> tuple[str, ...]:
        """The dedup step."""
        return (self.from_,) if self.from_ else ()

    def identity(self) -> dict[str, Any]:
        """The order of the sides counts: it says which part of the draw is whose."""
        return {**super().identity(), "into": list(self.into.items())}

    def plan(self, ws: Workspace, name: str) -> list[Shard]:
        """One shard a shard of examples."""
        if self.from_:
            near = ws.manifest.steps.get(self.from_)
            if near is None or near.current.do != "dedup" or not near.current.finished:
                raise UsageError(f"'{self.from_}' is no finished dedup step of {ws.path}: perceptdata curate dedup")
        return [
            self._shard(f"{step}/{shard}", ws.file(file), file.sha256) for step, shard, _, file in ws.shards(EXAMPLES)
        ]

    def _shard(
        self, about: str, examples: Path, content: str, stamp: str = "", drawn: Sequence[tuple[int, str]] = ()
    ) -> Shard:
        work = SplitWork(examples, tuple(self.into), self.producer(), stamp, list(drawn))
        return Shard(about.replace("/", "-"), content, about, work)

    def finish(self, ws: Workspace, name: str, run: StepVersion) -> list[Shard]:
        """Decide over all groups, where any shard was decided of others."""
        given = [(f"{step}/{shard}", file) for step, shard, _, file in ws.shards(EXAMPLES)]
        layers = [file for _, _, _, file in ws.shards(SCORES, self.from_)] if self.from_ else []
        stamp = digest([file.sha256 for _, file in given], sorted(file.sha256 for file in layers))
        if all(stamp_of(ws.file(shard.files[SCORES])) == stamp for shard in run.shards.values()):
            return []
        rows = pa.concat_tables([pq.read_table(ws.file(file), columns=["id", "group"]) for _, file in given])
        found = joined_groups(rows, _clusters([ws.file(file) for file in layers]))
        drawn = sides(found, self.into, self.seed)
        again, start = [], 0
        for about, file in given:
            part = slice(start, start + file.rows)
            pairs = zip(drawn[part].tolist(), found[part].to_pylist(), strict=True)
            again.append(self._shard(about, ws.file(file), file.sha256, stamp, list(pairs)))
            start += file.rows
        return again


def _clusters(paths: list[Path]) -> pa.Table:
    """`id` and `cluster` of every example that a dedup step found others near."""
    tables = [pa.table({"id": pa.array([], pa.string()), "cluster": pa.array([], pa.string())})]
    for path in paths:
        read = pq.read_table(path, columns=["example_id", "meta"], filters=pc.field("meta") != "{}")
        cluster = [json.loads(each).get("cluster") for each in read.column("meta").to_pylist()]
        table = pa.table({"id": read.column("example_id"), "cluster": pa.array(cluster, pa.string())})
        tables.append(table.filter(pc.field("cluster").is_valid()))
    return pa.concat_tables(tables)


@dataclass(frozen=True, slots=True)
class SplitWork:
    """One shard: of each row its side, by number, and the group that decided it. Without a stamp none is drawn yet."""

    examples: Path
    names: tuple[str, ...]
    producer: Producer
    stamp: str = ""
    drawn: list[tuple[int, str]] = field(default_factory=list)

    def run(self, writer: ShardWriter) -> None:
        """Write what is drawn."""
        if not self.stamp:
            writer.write(SCORES, scores([], SIDE, [], self.producer, {}))
            return
        ids = pq.read_table(self.examples, columns=["id"]).column("id").to_pylist()
        meta = {
            each: {"split": self.names[side], "by": group} for each, (side, group) in zip(ids, self.drawn, strict=True)
        }
        values = [float(side) for side, _ in self.drawn]
        writer.write(SCORES, scores(ids, SIDE, values, self.producer, meta, stamp=self.stamp))
