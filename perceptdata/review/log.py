"""The log: what places handed back, each annotation once, as it is there now. Layers are made of it.

    log = Log.read(ws, "people")
    log, changes = log.upserted(pulled, kind="person")
    log.write(ws, "people")                     # rows, cursor and refusals in one file: all of a pull, or none of it

An annotation that is gone from its place stays in the log and says so.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pydantic import Field

from perceptdata.errors import WorkspaceError
from perceptdata.manifest import digest, write_atomically
from perceptdata.records import Float32, Int32, Json, Record, canonical_json
from perceptdata.review.backend import Annotation, Pulled
from perceptdata.review.plan import RegionRecord, review_folder

if TYPE_CHECKING:
    from pathlib import Path

    from perceptdata.workspace import Workspace

STATE = b"review"
HELD = 1024
"""Annotations that are Python objects at once, beside those of the pull itself."""


class AnnotationRecord(Record):
    """An `Annotation` as stored. `kind` says who gave it: a person, a model, or somebody simulated."""

    id: str
    key: str
    reader: str
    content: str
    regions: tuple[RegionRecord, ...] = ()
    verdict: str | None = None
    correction: str | None = None
    rating: Int32 | None = None
    note: str | None = None
    seconds: Float32 | None = None
    skipped: bool = False
    updated: str = ""
    meta: Json = Field(default_factory=dict)
    kind: str = "person"
    gone: bool = False


@dataclass(frozen=True, slots=True)
class Changes:
    """What a pull changed: annotations that are new, changed, or gone, and those that the place refused."""

    new: int = 0
    changed: int = 0
    gone: int = 0
    refused: int = 0

    def __bool__(self) -> bool:
        return bool(self.new or self.changed or self.gone or self.refused)


def _empty() -> pa.Table:
    return AnnotationRecord.arrow_schema().empty_table()


@dataclass(frozen=True, slots=True)
class Log:
    """`rows` as `AnnotationRecord`; `cursor` is where the next pull goes on; `refused` says by id why a place did not
    hand an annotation back.
    """

    rows: pa.Table = field(default_factory=_empty)
    cursor: str | None = None
    refused: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, ws: Workspace, name: str) -> Log:
        """The log of a review; an empty one before the first pull. Raises WorkspaceError for a damaged one."""
        path = log_path(ws, name)
        if not path.exists():
            return cls()
        try:
            table = pq.read_table(path)
            state = json.loads((table.schema.metadata or {})[STATE])
        except (OSError, KeyError, ValueError, pa.ArrowException) as error:
            raise WorkspaceError(f"{path} cannot be read as a log; restore it ({type(error).__name__})") from error
        return cls(table.cast(AnnotationRecord.arrow_schema()), state["cursor"], state["refused"])

    def write(self, ws: Workspace, name: str) -> None:
        """Replace the file in one step."""
        state = canonical_json({"cursor": self.cursor, "refused": dict(self.refused)})
        sink = pa.BufferOutputStream()
        pq.write_table(self.rows.replace_schema_metadata({STATE: state}), sink, compression="zstd")
        write_atomically(log_path(ws, name), sink.getvalue().to_pybytes())

    @property
    def fingerprint(self) -> str:
        """The hash of all that layers are made of; where the next pull goes on is not in it."""
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, self.rows.schema) as writer:
            writer.write_table(self.rows.combine_chunks())
        return digest(hashlib.sha256(memoryview(sink.getvalue())).hexdigest(), dict(self.refused))

    def known(self) -> list[str]:
        """The ids that are in the place as far as is known."""
        return self.rows.filter(pc.invert(self.rows.column("gone"))).column("id").to_pylist()

    def upserted(self, pulled: Pulled, kind: str = "person") -> tuple[Log, Changes]:
        """The log with a pull in it, in the order of ids. What is the same as before keeps its kind."""
        ids = pa.array([each.id for each in pulled.annotations], pa.string())
        before = {row["id"]: row for row in self.rows.filter(pc.is_in(self.rows.column("id"), ids)).to_pylist()}
        new = changed = 0
        parts, seen = [AnnotationRecord.arrow_schema().empty_table()], {*before, *pulled.gone}
        latest = list({each.id: each for each in pulled.annotations}.values())
        for start in range(0, len(latest), HELD):
            rows = [_row(each, kind) for each in latest[start : start + HELD]]
            for row in rows:
                old = before.pop(row["id"], None)
                seen.add(row["id"])
                if old is not None and _same(old, row):
                    row["kind"] = old["kind"]
                else:
                    new, changed = new + (old is None), changed + (old is not None)
            parts.append(pa.Table.from_pylist(rows, schema=parts[0].schema))
        kept = self.rows.filter(pc.invert(pc.is_in(self.rows.column("id"), ids)))
        gone = pc.and_(pc.is_in(kept.column("id"), pa.array(pulled.gone, pa.string())), pc.invert(kept.column("gone")))
        many = pc.sum(gone).as_py() or 0
        at = kept.schema.get_field_index("gone")
        kept = kept.set_column(at, kept.schema.field(at), pc.or_(kept.column("gone"), gone))
        table = pa.concat_tables([kept.cast(parts[0].schema), *parts]).sort_by("id").combine_chunks()
        kept_refusals = {} if pulled.cursor is None else {k: why for k, why in self.refused.items() if k not in seen}
        refused = {**kept_refusals, **pulled.refused}  # without a cursor, a place says all of them each time
        fresh_refusals = sum(self.refused.get(key) != why for key, why in pulled.refused.items())
        return Log(table, pulled.cursor, refused), Changes(new, changed, many, fresh_refusals)

    def here(self) -> Iterator[dict[str, Any]]:
        """The rows of annotations that are not gone, some at a time, `meta` parsed."""
        for batch in self.rows.filter(pc.invert(self.rows.column("gone"))).to_batches(max_chunksize=1024):
            for row in batch.to_pylist():
                yield {**row, "meta": json.loads(row["meta"])}


def log_path(ws: Workspace, name: str) -> Path:
    """Where a review's log lies."""
    return review_folder(ws, name) / "annotations.parquet"


def _row(each: Annotation, kind: str) -> dict[str, Any]:
    regions = [
        {
            "text": region.text,
            "start": region.start,
            "end": region.end,
            "label": region.label,
            "score": _single(region.score),
            "origin": region.origin,
        }
        for region in each.regions
    ]
    return {
        "id": each.id,
        "key": each.key,
        "reader": each.reader,
        "content": each.content,
        "regions": regions,
        "verdict": each.verdict,
        "correction": each.correction,
        "rating": each.rating,
        "note": each.note,
        "seconds": _single(each.seconds),
        "skipped": each.skipped,
        "updated": each.updated,
        "meta": canonical_json(dict(each.meta)),
        "kind": kind,
        "gone": False,
    }


def _single(value: float | None) -> float | None:
    """As it will be read again: in single precision."""
    return None if value is None else float(np.float32(value))


def _same(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Whether nothing but the moment changed."""
    return all(old[name] == new[name] for name in new if name not in ("kind", "updated", "meta"))
