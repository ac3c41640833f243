"""The shape of an output: it reads a workspace and leaves files, and changes nothing in it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from perceptdata.plugins import Plugin

if TYPE_CHECKING:
    from perceptdata.workspace import Workspace


@dataclass(slots=True)
class Written:
    """What an output left: its files, how many rows they hold, and what there is to say of them, a sentence each."""

    output: str
    files: list[Path] = field(default_factory=list)
    rows: int = 0
    notes: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Plain values, for `--json`."""
        said = {"notes": self.notes} if self.notes else {}
        return {"output": self.output, "files": [str(path) for path in self.files], "rows": self.rows, **said}


class Output(Plugin, ABC):
    """Options as fields; one method to write."""

    name: ClassVar[str] = ""

    @abstractmethod
    def write(self, ws: Workspace) -> Written:
        """Leave the files."""
