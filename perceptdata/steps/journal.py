"""Rows of a shard that takes long to make, on disk as soon as they are known: one JSON line each.

    journal = Journal(folder / "gsm8k-00000.jsonl")
    journal.append([(TOKEN_SCORES, row)])       # returns once it is synced
    for room, row in journal: ...

A run that is killed leaves whole lines and perhaps the beginning of one, which the next run writes anew.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from perceptdata.manifest import disk_error
from perceptdata.records import Record, canonical_json
from perceptdata.workspace import ROOMS


@dataclass(frozen=True, slots=True)
class Journal:
    """The file at `path`; it is made when something is first written."""

    path: Path

    def __iter__(self) -> Iterator[tuple[str, Record]]:
        """Every whole row with its room, in the order of writing."""
        if not self.path.exists():
            return
        with self.path.open(encoding="utf-8") as lines:
            for line in lines:
                if line.endswith("\n"):
                    room, row = json.loads(line)
                    yield room, ROOMS[room].model_validate(row)

    def append(self, rows: Iterable[tuple[str, Record]]) -> None:
        """Add rows behind the last whole one."""
        lines = "".join(canonical_json([room, row.model_dump(mode="json")]) + "\n" for room, row in rows)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("ab") as file:
                file.truncate(self._whole())
                file.write(lines.encode())
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise disk_error(error, self.path.parent) from error

    def _whole(self) -> int:
        """How many bytes of the file are whole lines."""
        with self.path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            if size and file.seek(size - 1) and file.read(1) == b"\n":
                return size
            file.seek(0)
            return file.read().rfind(b"\n") + 1
