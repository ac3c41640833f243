"""What is uploaded already, in a local file: an interrupted run goes on from there.

    <folder>/<digest>.jsonl         a line for the repository, then one for each shard, synced when its upload is whole

Shards follow from the release alone, so the digest is enough to know that a line still speaks of the same bytes.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

from perceptdata.manifest import disk_error
from perceptdata.publishing.release.shard import Shard


class Journal:
    """The lines of one release to one repository. A line that a kill cut short counts as not written."""

    def __init__(self, folder: Path, repo: str, endpoint: str, digest: str) -> None:
        self.path = folder / f"{digest}.jsonl"
        self._head = {"repo": repo, "endpoint": endpoint}
        self._shards: dict[str, Shard] = {}
        head, *lines = self._read() or [{}]
        if head == self._head:
            self._shards = {line["path"]: Shard(**line) for line in lines}

    def _read(self) -> list[dict[str, Any]]:
        try:
            text = self.path.read_text(encoding="utf-8")
            return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]
        except (OSError, ValueError):
            return []

    def __len__(self) -> int:
        return len(self._shards)

    def made(self, path: str) -> Shard | None:
        """The shard that is uploaded for a path."""
        return self._shards.get(path)

    def begin(self) -> None:
        """Write what is known anew, so that what follows stands on whole lines."""
        beside = self.path.with_suffix(".part")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with beside.open("w", encoding="utf-8") as file:
                for line in (self._head, *map(asdict, self._shards.values())):
                    file.write(json.dumps(line) + "\n")
                file.flush()
                os.fsync(file.fileno())
            os.replace(beside, self.path)
        except OSError as error:
            raise disk_error(error, self.path) from error

    def add(self, shard: Shard) -> None:
        """Remember a shard whose bytes the Hub has."""
        try:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(asdict(shard)) + "\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise disk_error(error, self.path) from error
        self._shards[shard.path] = shard

    def forget(self) -> None:
        """All of it: the release is published, or the Hub has thrown the uploads away."""
        self._shards.clear()
        self.path.unlink(missing_ok=True)
