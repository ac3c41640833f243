"""What is published, file by file, and the shape of anything that can be published."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class PlannedShard:
    """A data file that will be made: its path in the repository, its rows, and about how many bytes."""

    path: str
    rows: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Shard:
    """A data file that was made. Its bytes follow from the release alone, so that a rerun makes the same."""

    path: str
    rows: int
    bytes: int
    sha256: str


class Release(Protocol):
    """Something to publish.

    `digest` names its content: two releases of one digest are the same to the byte. `problems` are the reasons, a
    sentence each, why it must not be published; nothing is written while there are any.
    """

    @property
    def digest(self) -> str:
        """Hex digits that stand in the manifest, and by which a lost answer is recognised."""
        ...

    def problems(self) -> Sequence[str]:
        """Everything that forbids publishing, found without writing a byte."""
        ...

    def plan(self) -> Sequence[PlannedShard]:
        """Every data file, in order."""
        ...

    def shards(self, folder: Path, made: Callable[[str], Shard | None]) -> Iterator[tuple[Shard, Path | None]]:
        """Write the data files under `folder`, one after another, and yield each when it is whole.

        `made(path)` gives the record of a shard that is already where it should be: it is not written, and its file is
        None. What was yielded may be deleted by the caller at once, so that the disk holds one shard at a time.
        """
        ...

    def closing(self, shards: Sequence[Shard], card: str | None) -> Mapping[str, bytes]:
        """The small files that go with the data, by path: README.md merged into `card` (the one that is there now),
        `manifest.json`, and whatever else belongs to it.
        """
        ...
