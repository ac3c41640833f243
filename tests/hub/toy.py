"""A release without a workspace: rows that say which version they are of, in as many shards as asked."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from perceptdata.publishing.release.shard import PlannedShard, Shard

HEAD = """---
license: cc0-1.0
configs:
- {{config_name: toys, data_files: [{{split: train, path: "{folder}/*"}}]}}
---
"""


class ToyRelease:
    """Every shard says `version` in each row; those whose numbers are in `same` say nothing and never change."""

    def __init__(
        self,
        version: str = "one",
        shards: int = 3,
        rows: int = 4,
        folder: str = "toys",
        same: Sequence[int] = (),
        problems: Sequence[str] = (),
        pause: Callable[[], None] = lambda: None,
    ) -> None:
        self.version, self.count, self.rows, self.folder = version, shards, rows, folder
        self.same, self.wrong, self.pause = same, problems, pause
        self.written: list[str] = []

    @property
    def digest(self) -> str:
        return hashlib.sha256(repr((self.version, self.count, self.rows, self.folder, self.same)).encode()).hexdigest()

    def problems(self) -> Sequence[str]:
        return self.wrong

    def plan(self) -> Sequence[PlannedShard]:
        return [PlannedShard(self._name(number), self.rows, 1000 + self.rows) for number in range(self.count)]

    def _name(self, number: int) -> str:
        return f"{self.folder}/train-{number:05d}-of-{self.count:05d}.parquet"

    def shards(self, folder: Path, made: Callable[[str], Shard | None]) -> Iterator[tuple[Shard, Path | None]]:
        for number in range(self.count):
            self.pause()
            name = self._name(number)
            known = made(name)
            if known is not None:
                yield known, None
                continue
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            said = "" if number in self.same else self.version
            ids = [f"{number}/{row}" for row in range(self.rows)]
            pq.write_table(pa.table({"id": ids, "version": [said] * self.rows}), path)
            self.written.append(name)
            data = path.read_bytes()
            yield Shard(name, self.rows, len(data), hashlib.sha256(data).hexdigest()), path

    def closing(self, shards: Sequence[Shard], card: str | None) -> Mapping[str, bytes]:
        body = re.sub(r"\A---\n.*?\n---\n", "", card, flags=re.DOTALL) if card else "# Toys\n"
        files = [{"path": s.path, "rows": s.rows, "bytes": s.bytes, "sha256": s.sha256} for s in shards]
        return {
            "README.md": (HEAD.format(folder=self.folder) + body).encode(),
            "manifest.json": json.dumps({"digest": self.digest, "version": self.version, "files": files}).encode(),
            "croissant.json": json.dumps({"name": self.version}).encode(),
        }
