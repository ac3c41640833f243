"""The manifest: what a workspace holds, which run of each step is current, and where every shard came from.

    manifest.steps["tags"].versions["1a2b3c4d"].shards["gsm8k-00000"].files["layers/spans"].rows

One JSON file, rewritten whole and atomically after each shard. Times of day live here and nowhere else.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from perceptdata import __version__
from perceptdata.errors import WorkspaceError
from perceptdata.records import canonical_json

FORMAT = 1
"""The number of the layout on disk; raised when an older perceptdata could misread a newer workspace."""

MIGRATIONS: dict[int, Callable[[Path], None]] = {}
"""What brings a workspace of format N to N + 1, by N. `perceptdata doctor --migrate` runs them in turn."""


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid")


class FileEntry(_Entry):
    """One file of a shard. `sha256` is of its bytes; for an image pack, of the hashes of its images in order."""

    path: str
    rows: int
    bytes: int
    sha256: str


class ShardEntry(_Entry):
    """One finished shard: the digest of what it was made from, and its files by room (`examples`, `layers/spans`, …).

    `about` is the example shard it speaks of, as `<step>/<shard>`.
    """

    input: str
    about: str
    files: dict[str, FileEntry]
    rejected: dict[str, int] = Field(default_factory=dict)
    seconds: float = 0.0
    finished: str = ""


class StepVersion(_Entry):
    """One run of a step under one set of options. `expected` counts the shards a whole run has."""

    do: str
    options: dict[str, Any]
    expected: int = 0
    started: str = ""
    finished: str | None = None
    shards: dict[str, ShardEntry] = Field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """All shards are there and the closing pass over them is done."""
        return self.finished is not None and len(self.shards) == self.expected

    def rows(self, room: str) -> int:
        """Rows in one room, over all shards."""
        return sum(shard.files[room].rows for shard in self.shards.values() if room in shard.files)


class StepState(_Entry):
    """All runs of one step, by the first 8 hex digits of their options' hash; `active` is the one that counts."""

    active: str
    versions: dict[str, StepVersion] = Field(default_factory=dict)

    @property
    def current(self) -> StepVersion:
        """The active run."""
        return self.versions[self.active]


class ViewState(_Entry):
    """A view's definition, and the fingerprint of definition and data that its row list was made from."""

    definition: dict[str, Any]
    fingerprint: str | None = None
    rows: int | None = None
    dropped: dict[str, int] = Field(default_factory=dict)


class Manifest(_Entry):
    """The whole manifest."""

    format: int = FORMAT
    perceptdata: str = __version__
    steps: dict[str, StepState] = Field(default_factory=dict)
    views: dict[str, ViewState] = Field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> Manifest:
        """The manifest at `path`. Raises WorkspaceError for one that is damaged, newer, or in need of migration."""
        found, text = written_format(path)
        if found > FORMAT:
            raise WorkspaceError(
                f"{path.parent} was written by a newer perceptdata (workspace format {found}, not {FORMAT}); "
                "upgrade perceptdata to open it"
            )
        if found < FORMAT:
            raise WorkspaceError(
                f"{path.parent} has workspace format {found}, this perceptdata writes {FORMAT}; "
                f"run: perceptdata doctor --migrate --workspace {path.parent}"
            )
        try:
            manifest = cls.model_validate_json(text)
        except ValidationError as error:
            raise WorkspaceError(
                f"{path} is damaged ({error.error_count()} wrong entries); restore it or build anew"
            ) from error
        for name, state in manifest.steps.items():
            if state.active not in state.versions:
                raise WorkspaceError(f"{path} is damaged (step '{name}' has no active run); restore it or build anew")
        return manifest

    def write(self, path: Path) -> None:
        """Replace the file at `path` in one step, synced to disk first."""
        write_atomically(path, self.model_dump_json(indent=1).encode())


def written_format(path: Path) -> tuple[int, str]:
    """The format number a manifest was written with, whatever else is in it, and its text."""

    class Head(BaseModel):
        format: int

    try:
        text = path.read_text(encoding="utf-8")
        return Head.model_validate_json(text).format, text
    except OSError as error:
        raise WorkspaceError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:  # not UTF-8, not JSON, or without a number
        raise WorkspaceError(f"{path} is not a workspace manifest; restore it or build anew") from error


def write_atomically(path: Path, data: bytes) -> None:
    """Write beside, sync, rename: a reader sees the old file or the new one, never a part."""
    beside = path.with_name(f".{path.name}.tmp")
    try:
        with open(beside, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
        sync_folder(path.parent)
    except OSError as error:
        raise disk_error(error, path) from error


def sync_folder(folder: Path) -> None:
    """Make renames in `folder` survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def disk_error(error: OSError, path: Path) -> WorkspaceError:
    """An operating-system error as one sentence with the remedy."""
    remedy = {
        28: "free some space and run the same command again; finished shards are kept",
        13: "give yourself write permission there, or name another folder with --workspace",
        30: "the file system is read-only: name another folder with --workspace",
    }.get(error.errno or 0, "run the same command again when this is mended")
    return WorkspaceError(f"{path} cannot be written ({error.strerror or error}); {remedy}")


def digest(*parts: Any) -> str:
    """SHA-256, in hex, of values as canonical JSON: the one fingerprint function."""
    return hashlib.sha256(canonical_json(list(parts)).encode()).hexdigest()
