"""What the curation steps share: where prints and keys are kept, what a shard is made of, scores out of columns."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from perceptdata.curation.keys import keys_of
from perceptdata.curation.prints import prints_of
from perceptdata.layers import Producer, Score
from perceptdata.manifest import digest
from perceptdata.query import connect
from perceptdata.shard import IMAGES
from perceptdata.steps.pictures import pack_hashes, showings
from perceptdata.workspace import EXAMPLES, layer_room

if TYPE_CHECKING:
    from perceptdata.workspace import Workspace

SCORES = layer_room("scores")
STAMP = b"decided"
"""In a file's metadata, of what its scores were decided; a file without one waits for its step's closing pass."""


@dataclass(frozen=True, slots=True)
class Material:
    """A shard of examples with its pack of images, if it has one, and where what is read from both is kept.

    `repeated` are images that an earlier shard has: they are read there.
    """

    about: str
    examples: Path
    content: str
    pack: Path | None
    pack_content: str
    repeated: frozenset[str]
    cache: Path

    @property
    def digest(self) -> str:
        """Of all that is read here."""
        return digest(self.content, self.pack_content, sorted(self.repeated))

    def keys(self) -> Path:
        """The keys of the rows."""
        return keys_of(self.examples, self.content, self.cache)

    def prints(self) -> Path | None:
        """The prints of the images."""
        return prints_of(self.pack, self.pack_content, self.repeated, self.cache) if self.pack else None


def materials(ws: Workspace) -> list[Material]:
    """Every shard of examples, in order. Reads the packs' hashes, and no image."""
    shows = showings(ws)
    found = []
    for step, shard, entry, file in ws.shards(EXAMPLES):
        about = f"{step}/{shard}"
        pack = entry.files.get(IMAGES)
        repeated: frozenset[str] = frozenset()
        if pack is not None:
            repeated = shows[about].repeated if about in shows else frozenset(pack_hashes(ws.file(pack)))
        found.append(
            Material(
                about,
                ws.file(file),
                file.sha256,
                ws.file(pack) if pack else None,
                pack.sha256 if pack else "",
                repeated,
                ws.path / "cache",
            )
        )
    return found


def scores(
    ids: Any,
    name: str,
    values: Sequence[float | None],
    producer: Producer,
    meta: Mapping[str, Mapping[str, Any]],
    unscored: Sequence[str | None] | None = None,
    stamp: str = "",
) -> pa.Table:
    """One score an example, by columns. `meta` is what is known of some of them, by id."""
    count = len(values)
    said = [json.dumps(meta[each], ensure_ascii=False, sort_keys=True) if each in meta else "{}" for each in ids]
    columns = {
        "example_id": ids,
        "text_id": pa.nulls(count, pa.string()),
        "name": [name] * count,
        "value": values,
        "unscored": unscored or pa.nulls(count, pa.string()),
        "meta": said,
        "producer": [producer.to_row()] * count,
    }
    table = pa.table(columns, schema=Score.arrow_schema())
    return table.replace_schema_metadata({STAMP: stamp.encode()}) if stamp else table


def stamp_of(path: Path) -> str:
    """What a file of scores was decided of; empty where its step's closing pass is still to come."""
    return (pq.read_schema(path).metadata or {}).get(STAMP, b"").decode()


def tally(ws: Workspace, step: str, kept: str, gone: str) -> dict[str, int]:
    """How many rows stay and go by a step's scores, and by which rule; what was reported beside."""
    table = f'"{step}"'
    connection = connect(ws)
    counts = f"select coalesce(sum(value), 0)::bigint, coalesce(sum(1 - value), 0)::bigint from {table}"
    stay, go = connection.sql(counts).fetchall()[0]
    rules = f"""select coalesce(meta->>'rule', meta->'matches'->0->>'rule') as rule, count(*) from {table}
        where value = 0 group by rule order by 2 desc, 1"""
    reported = f"""select each->>'rule' as rule, count(distinct example_id) from (
            select example_id, unnest((meta->'reported')::json[]) as each from {table} where value = 1)
        group by rule order by 2 desc, 1"""
    twins = connection.sql(f"select count(*) from {table} where meta->>'template_twin' = 'true'").fetchall()[0][0]
    found = {kept: stay, gone: go}
    found |= {f"{gone} by {rule}": count for rule, count in connection.sql(rules).fetchall()}
    found |= {f"kept, with {rule}": count for rule, count in connection.sql(reported).fetchall()}
    return found | ({"kept, of one template with another": twins} if twins else {})


def sides_of(ws: Workspace, step: str) -> dict[str, int]:
    """How many examples stand on each side of a split step, in the order of the sides."""
    query = f"select meta->>'split' as side, count(*) from \"{step}\" group by side, value order by value"
    return dict(connect(ws).sql(query).fetchall())
