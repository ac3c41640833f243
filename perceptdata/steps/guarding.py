"""A guard set out of a test set that the user has: its rows are built in a temporary workspace, hashed and forgotten.

make_guard("mathvista", Path("MathVista/data"), Path("guards/mathvista.parquet"), GuardSet(name="mathvista"))
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow.parquet as pq

from perceptdata.curation.guard import GuardSet, write_guard
from perceptdata.execution.executor import Executor
from perceptdata.steps.curated import materials
from perceptdata.steps.declared import make_step
from perceptdata.steps.run import Outcome, run_step
from perceptdata.workspace import Workspace


def make_guard(
    builder: str,
    source: Path | None,
    out: Path,
    told: GuardSet,
    *,
    splits: Collection[str] = (),
    options: Mapping[str, Any] | None = None,
    limit: int | None = None,
    executor: Executor | None = None,
) -> tuple[int, Outcome]:
    """Write the guard file of a builder's rows, of all splits or of some; how many items, and how the build went."""
    declared = {"use": builder, **(options or {}), **({"path": source} if source else {})}
    step = make_step("build", {**declared, **({"limit": limit} if limit else {})})
    with TemporaryDirectory(prefix="perceptdata-guard-") as folder:
        ws = Workspace.create(Path(folder) / "ws")
        with ws.lock("guard"):
            done = run_step(ws, "guarded", step, executor)
        prints: dict[str, tuple[str, list[int] | None]] = {}
        for each in materials(ws):
            if (path := each.prints()) is not None:
                read = pq.read_table(path, columns=["sha256", "pixels", "hash"])
                prints.update((row["sha256"], (row["pixels"], row["hash"])) for row in read.to_pylist())
        count = write_guard(_rows(ws, splits), prints, out, told)
    return count, done


def _rows(ws: Workspace, splits: Collection[str]) -> Iterator[dict[str, Any]]:
    for batch in ws.examples().to_batches(columns=["id", "question", "images", "source"]):
        for row in batch.to_pylist():
            if not splits or row["source"]["split"] in splits:
                yield row
