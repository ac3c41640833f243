"""Decontaminate: which rows ask what a test asks. A score `clean` an example: 1 where it stays, 0 where it goes.

    {do: decontaminate, guards: guards/}

`guards` is a guard file or a folder of them (`perceptdata curate guard`). Nothing is removed; a view says
`where: clean.kept`. Every row that goes names the guard set, the item by its salted hash, the rule and how far it
holds; what was found and does not drop a row is reported beside. `curation.matching` has the rules.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from perceptdata.curation.guard import Guard, guard_files
from perceptdata.curation.keys import rows_of
from perceptdata.curation.matching import Match, Matcher, Picture
from perceptdata.errors import UsageError
from perceptdata.layers import Producer, Score
from perceptdata.manifest import digest
from perceptdata.shard import ShardWriter
from perceptdata.steps.curated import SCORES, Material, materials, scores
from perceptdata.steps.step import Shard, Step

if TYPE_CHECKING:
    from perceptdata.workspace import Workspace

CLEAN = "clean"
SHOWN = 5
"""So many matches of a row are kept, those that drop it first, and how many there are in all."""


class Decontaminate(Step):
    """`n` words in a row drop a row: 13, or 8 to be stricter. Shorter questions need their picture too."""

    do: ClassVar[str] = "decontaminate"
    guards: Path
    n: Literal[8, 13] = 13

    @cached_property
    def files(self) -> dict[str, Path]:
        """The guard files by their content's hash. Raises UsageError for none, or for two sets of one name."""
        found, names = {}, set()
        for path in guard_files(self.guards):
            name = Guard.read(path).told.name
            if name in names:
                raise UsageError(f"two files of {self.guards} guard '{name}'; leave one out")
            names.add(name)
            with open(path, "rb") as file:
                found[hashlib.file_digest(file, "sha256").hexdigest()] = path
        return found

    def identity(self) -> dict[str, Any]:
        """With what the guard files hold, wherever they lie."""
        return {**super().identity(), "guards": sorted(self.files)}

    def plan(self, ws: Workspace, name: str) -> list[Shard]:
        """One shard a shard of examples. Depends on all packs before it: a repeated image's print is theirs."""
        given = materials(ws)
        return [
            Shard(
                each.about.replace("/", "-"),
                digest(each.digest, [one.pack_content for one in given[:at]] if each.repeated else []),
                each.about,
                CleanWork(each, tuple(self.files.values()), self.n, self.producer(), _sharers(given[:at], each)),
            )
            for at, each in enumerate(given)
        ]


def _sharers(before: list[Material], each: Material) -> tuple[Material, ...]:
    return tuple(one for one in before if one.pack) if each.repeated else ()


@dataclass(frozen=True, slots=True)
class CleanWork:
    """One shard held against all guard sets. `before` are the shards whose images it may show too."""

    material: Material
    guards: tuple[Path, ...]
    n: int
    producer: Producer
    before: tuple[Material, ...]

    def run(self, writer: ShardWriter) -> None:
        """A row for every example, in their order."""
        writer.write(SCORES, Score.arrow_schema().empty_table())
        matcher = Matcher([Guard.read(path) for path in self.guards], self.n)
        pictures = self._pictures()
        for rows in rows_of(self.material.examples):
            questions = [row["question"] for row in rows]
            shown = [[pictures[image["sha256"]] for image in row["images"]] for row in rows]
            meta, values = {}, []
            for row, found in zip(rows, matcher.of(questions, shown), strict=True):
                values.append(0.0 if found and found[0].drops else 1.0)
                if found:
                    meta[row["id"]] = _said(found)
            writer.write(SCORES, scores([row["id"] for row in rows], CLEAN, values, self.producer, meta))

    def _pictures(self) -> dict[str, Picture]:
        found: dict[str, Picture] = {}
        for material in (*self.before, self.material):
            path = material.prints()
            if path is None:
                continue
            read = pq.read_table(path, columns=["sha256", "pixels", "hash"])
            if material is not self.material:
                read = read.filter(pc.is_in(read.column("sha256"), pa.array(sorted(self.material.repeated))))
            for row in read.to_pylist():
                hash_ = None if row["hash"] is None else np.array(row["hash"], np.uint64)
                found[row["sha256"]] = Picture(row["pixels"], hash_)
        return found


def _said(found: list[Match]) -> dict[str, Any]:
    said: dict[str, Any] = {}
    drops = [match.to_json() for match in found if match.drops]
    reported = [match.to_json() for match in found if not match.drops]
    for name, some in (("matches", drops), ("reported", reported)):
        if some:
            said[name] = some[:SHOWN]
        if len(some) > SHOWN:
            said[f"{name}_in_all"] = len(some)
    return said
