"""A file of JSON lines that a run adds to, also after it was cut off: no step stands in it twice.

log = StepLines(Path("out/metrics.jsonl"))
log.begin(11)                       # the run goes on with step 11: lines of later steps are dropped
log.add({"step": 11, "loss": 0.7})
read_lines(Path("out/metrics.jsonl"))
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from perceptdata.errors import UsageError
from perceptdata.manifest import disk_error, write_atomically


class StepLines:
    """Every line is an object with a `step`. A step may have several lines, one after another."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def begin(self, step: int) -> dict[str, Any] | None:
        """Keep the lines of steps before this one; the last of them, if any. A line that was cut off goes too."""
        kept, last = [], None
        for line in _lines(self.path):
            found = _read(line)
            if found is not None and found["step"] < step:
                kept.append(f"{line}\n")
                last = found
        self.path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(self.path, "".join(kept).encode())
        return last

    def add(self, *lines: Mapping[str, Any]) -> None:
        """At the end, and on the disk when this returns. Raises WorkspaceError for a full disk."""
        text = "".join(json.dumps(plain(line), ensure_ascii=False, allow_nan=False) + "\n" for line in lines)
        try:
            with open(self.path, "a", encoding="utf-8") as file:
                file.write(text)
        except OSError as error:
            raise disk_error(error, self.path) from error


def read_lines(path: Path) -> list[dict[str, Any]]:
    """All whole lines; none where there is no file. Raises UsageError for a line that is none of ours."""
    found = [_read(line) for line in _lines(path)]
    if found and found[-1] is None:  # a run may be writing it right now, or was cut off
        found.pop()
    if None in found:
        raise UsageError(
            f"{path}, line {found.index(None) + 1}: no object with a step; the file was written to by hand"
        )
    return [line for line in found if line is not None]


def plain(value: Any) -> Any:
    """As JSON knows it: what is no number is null."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {name: plain(each) for name, each in value.items()}
    return [plain(each) for each in value] if isinstance(value, list | tuple) else value


def _lines(path: Path) -> list[str]:
    """Told apart by line feeds alone: a response may hold other characters that end a line."""
    return path.read_text("utf-8").removesuffix("\n").split("\n") if path.exists() and path.stat().st_size else []


def _read(line: str) -> dict[str, Any] | None:
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) and isinstance(found.get("step"), int) else None
