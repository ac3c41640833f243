"""What a diagnosis leaves: its record, its answers, and a page.

write_diagnosis(found, table, Path("ws/diagnosis/diag"))     # diagnosis.json, answers.parquet, index.html
write_words(blamed.words, Path("ws/diagnosis/diag"))          # blame.parquet
write_sweep(points, Path("frontier.html"))
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from perceptdata.diagnosis.diagnosis import Diagnosis, save
from perceptdata.diagnosis.gains import Point
from perceptdata.manifest import disk_error, write_atomically

PAGE, BLAMED = "index.html", "blame.parquet"


def write_diagnosis(found: Diagnosis, table: pa.Table, folder: Path) -> list[Path]:
    """All three files, the page last. Raises WorkspaceError for a full disk."""
    from perceptdata.report.diagnosis import render  # the template engine is needed only here

    files = save(found, table, folder)
    write_atomically(folder / PAGE, render(found).encode())
    return [*files, folder / PAGE]


def write_words(words: pa.Table, folder: Path) -> Path:
    """What judges and people say of each wrong answer (`steps.blame.WORDS`), beside the diagnosis."""
    sink = pa.BufferOutputStream()
    pq.write_table(words, sink)
    write_atomically(folder / BLAMED, sink.getvalue().to_pybytes())
    return folder / BLAMED


def write_sweep(points: Sequence[Point], to: Path) -> Path:
    """The page of a frontier."""
    from perceptdata.report.diagnosis import render_sweep

    try:
        to.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise disk_error(error, to.parent) from error
    write_atomically(to, render_sweep(points).encode())
    return to
