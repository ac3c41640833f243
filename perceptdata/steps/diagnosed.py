"""What a diagnosis leaves: its record, its answers, and a page.

write_diagnosis(found, table, Path("ws/diagnosis/diag"))     # diagnosis.json, answers.parquet, index.html
write_sweep(points, Path("frontier.html"))
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from perceptdata.diagnosis.diagnosis import Diagnosis, save
from perceptdata.diagnosis.gains import Point
from perceptdata.manifest import disk_error, write_atomically

if TYPE_CHECKING:
    import pyarrow as pa

PAGE = "index.html"


def write_diagnosis(found: Diagnosis, table: pa.Table, folder: Path) -> list[Path]:
    """All three files, the page last. Raises WorkspaceError for a full disk."""
    from perceptdata.report.diagnosis import render  # the template engine is needed only here

    files = save(found, table, folder)
    write_atomically(folder / PAGE, render(found).encode())
    return [*files, folder / PAGE]


def write_sweep(points: Sequence[Point], to: Path) -> Path:
    """The page of a frontier."""
    from perceptdata.report.diagnosis import render_sweep

    try:
        to.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise disk_error(error, to.parent) from error
    write_atomically(to, render_sweep(points).encode())
    return to
