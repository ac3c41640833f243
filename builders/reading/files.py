"""The files of rows under a folder, and the split that a file's name or folder says."""

from __future__ import annotations

import re
from pathlib import Path

from .tables import SUFFIXES

_SPLIT = re.compile(r"(?:^|[^a-z])(train|training|val|valid|validation|dev|test|testmini)(?:[^a-z]|$)", re.I)


def row_files(folder: Path) -> list[Path]:
    """The files of rows in a folder and below, sorted; hidden ones are left out."""
    found = (file for file in folder.rglob("*") if file.suffix.lower() in SUFFIXES and file.is_file())
    return sorted(file for file in found if not any(p.startswith(".") for p in file.relative_to(folder).parts))


def split_of(file: Path, source: Path) -> str:
    """The split that the file's name says, or else a folder on the way to it from the source; `train` where none does.

    Folders above the source do not count: a corpus is the same wherever it lies.
    """
    folders = [source.name, *file.relative_to(source).parent.parts] if source.is_dir() else []
    for name in (file.stem, *reversed(folders)):
        if match := _SPLIT.search(name):
            return match[1].lower()
    return "train"
