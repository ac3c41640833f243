"""The folder of an export: written aside, swapped in whole, and only what is ours is ever replaced.

    with Folder.open(to) as folder:
        (folder.fresh / "train.jsonl").write_text(…)
        folder.image(store, sha256)            # images/4f/4f….png, once
        folder.commit({"rows": 5})             # export.json says what is ours

Until `commit`, whatever stood there stands. An image that an earlier export left is linked, not written again.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from perceptdata.errors import UsageError
from perceptdata.manifest import disk_error, write_atomically
from perceptdata.packs import ImageStore

RECORD, PART, IMAGES = "export.json", ".export.part", "images"
SUFFIX = {"image/png": ".png", "image/jpeg": ".jpg", "image/webp": ".webp", "image/gif": ".gif", "image/bmp": ".bmp"}


@dataclass(slots=True)
class Folder:
    """`to` is where it will stand, `fresh` where it is written; `entries` are those of the export that stands there.

    `found`: the folder was there before. `files` and `bytes` count images, `linked` those that were there already.
    """

    to: Path
    fresh: Path
    entries: tuple[str, ...] = ()
    found: bool = False
    files: int = 0
    bytes: int = 0
    linked: int = 0
    _known: dict[str, str] = field(default_factory=dict)

    @classmethod
    def open(cls, to: Path) -> Folder:
        """Raises UsageError for a folder with files in it that no such export wrote."""
        entries: tuple[str, ...] = ()
        if to.exists() and any(path.name != PART for path in to.iterdir()):
            entries = tuple(_read(to / RECORD).get("entries", ()))
            if not entries:
                raise UsageError(f"{to} holds files that no export for a trainer wrote; name another folder with --to")
        return cls(to, to / PART, entries, to.exists())

    def image(self, store: ImageStore, sha256: str) -> str:
        """Where an image lies, relative to the folder; written there the first time, its bytes untouched."""
        if sha256 in self._known:
            return self._known[sha256]
        suffix = SUFFIX.get(store.row(sha256)["media_type"], ".img")
        name = f"{IMAGES}/{sha256[:2]}/{sha256}{suffix}"
        path, before = self.fresh / name, self.to / name
        if not path.exists():
            data = store[sha256]
            path.parent.mkdir(parents=True, exist_ok=True)
            if IMAGES in self.entries and _size(before) == data.size:
                _link(before, path)
                self.linked += 1
            else:
                path.write_bytes(data)
            self.files += 1
            self.bytes += data.size
        if len(self._known) >= 65536:  # flat memory; the file itself says that it is there
            self._known.clear()
        self._known[sha256] = name
        return name

    def commit(self, record: Mapping[str, Any]) -> list[Path]:
        """Take the place of what stood there; the new files, images apart.

        Raises UsageError where a file of somebody else's has one of their names.
        """
        names = sorted(path.name for path in self.fresh.iterdir())
        foreign = [name for name in names if (self.to / name).exists() and name not in self.entries]
        if foreign:
            raise UsageError(f"{self.to / foreign[0]} was not written by an export; move it, or name another --to")
        # First the record, which says what is ours: a crash in between must not make it look foreign.
        everything = sorted({*names, *self.entries})
        write_atomically(self.to / RECORD, json.dumps({"entries": everything, "complete": False}).encode())
        for name in self.entries:
            _remove(self.to / name)
        for name in names:
            os.replace(self.fresh / name, self.to / name)
        text = json.dumps({**record, "entries": names, "complete": True}, indent=1, ensure_ascii=False)
        write_atomically(self.to / RECORD, text.encode())
        return [self.to / name for name in names if name != IMAGES]

    def __enter__(self) -> Self:
        try:
            shutil.rmtree(self.fresh, ignore_errors=True)
            self.fresh.mkdir(parents=True)
        except OSError as error:
            raise disk_error(error, self.to) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        shutil.rmtree(self.fresh, ignore_errors=True)
        if error is not None and not self.found:
            with suppress(OSError):  # somebody put something there meanwhile
                self.to.rmdir()
        if isinstance(error, OSError):
            raise disk_error(error, self.to) from error


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return -1


def _link(before: Path, path: Path) -> None:
    try:
        os.link(before, path)
    except OSError:  # a file system without hard links
        shutil.copyfile(before, path)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
