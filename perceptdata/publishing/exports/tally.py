"""What an export holds, or would: rows by file, rows left out by reason, images, and what is to be said of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from perceptdata.publishing.exports.rows import REASONS, Refused


@dataclass(slots=True)
class Tally:
    """`files` counts rows by file name; `first` keeps the first row of each reason; `notes` are sentences."""

    files: dict[str, int] = field(default_factory=dict)
    skipped: Counter[str] = field(default_factory=Counter)
    first: dict[str, str] = field(default_factory=dict)
    images: int = 0
    bytes: int = 0
    notes: list[str] = field(default_factory=list)

    @property
    def rows(self) -> int:
        """Rows in all files."""
        return sum(self.files.values())

    @property
    def train(self) -> str:
        """The file to train on: of those named so, or of all, the one with most rows."""
        named = [name for name in self.files if name.startswith("train")] or list(self.files)
        return max(named, key=lambda name: self.files[name])

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "rows": self.rows,
            "rows_by_file": self.files,
            "skipped": dict(sorted(self.skipped.items())),
            "images": {"count": self.images, "bytes": self.bytes},
            "notes": self.said(),
        }

    def add(self, name: str, rows: int) -> None:
        """Count rows of a file."""
        if rows:
            self.files[name] = self.files.get(name, 0) + rows

    def skip(self, refused: Refused) -> None:
        """Count a row that is left out."""
        self.skipped[refused.code] += 1
        self.first.setdefault(refused.code, refused.message)

    def said(self) -> list[str]:
        """All that is to be said: what is left out, then the notes."""
        return [*self.left_out(), *self.notes]

    def left_out(self) -> list[str]:
        """A sentence a reason, with the first row of each."""
        return [
            f"{count:,} left out: {code} ({REASONS[code]}); the first: {self.first[code]}"
            for code, count in sorted(self.skipped.items())
        ]


def say_bytes(count: int) -> str:
    """`3.2 GB`, by thousands."""
    size = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"
