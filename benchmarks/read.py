"""Random rows with decoded images: `python benchmarks/read.py [--rows 10000] [--reads 1000]`.

    perceptdata    Workspace.view(...)[i]
    datasets       load_dataset of the same view's parquet export, then dataset[i]

The same indices for both, drawn from a seed; each route opens in a fresh process (`open`: until the first row), then
reads (`rows`), and reads again without images (`texts`). Best of three, CPU seconds. Both decode with Pillow, which is
most of it; `texts` shows what else a row costs.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from _measure import Laps, best, fresh, rate
from _toy import Corpus
from write import ROUTES

ROUNDS = 3


def perceptdata(folder: Path) -> tuple[Sequence[Any], Sequence[Any]]:
    from perceptdata.workspace import Workspace

    view = Workspace(folder / "ws").view("sft")

    class Texts:
        def __len__(self) -> int:
            return len(view)

        def __getitem__(self, at: int) -> Any:
            return view.gather(np.array([at]), images=False).to_pylist()[0]

    return view, Texts()


def by_datasets(folder: Path) -> tuple[Sequence[Any], Sequence[Any]]:
    import datasets

    datasets.disable_progress_bars()
    files = sorted(map(str, (folder / "out").rglob("*.parquet")))
    rows = datasets.load_dataset("parquet", data_files=files, split="train", cache_dir=tempfile.mkdtemp(dir=folder))
    return rows, rows.remove_columns(["images"])


READERS = {"perceptdata": perceptdata, "datasets": by_datasets}


def run_route(route: str, folder: Path, reads: int) -> None:
    """One route, once, in this process: what `main` starts."""
    laps = Laps()
    rows, texts = READERS[route](folder)
    pixels = rows[0]["images"][0].size
    laps("open")
    indices = [random.Random(0).randrange(len(rows)) for _ in range(reads)]
    ids = []
    for at in indices:
        row = rows[at]
        row["images"][0].load()
        assert row["images"][0].size == pixels
        ids.append(row["id"])
    laps("rows")
    assert [texts[at]["id"] for at in indices] == ids
    laps("texts")
    print(json.dumps({"rows": reads, "seconds": laps.seconds}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--reads", type=int, default=1_000)
    parser.add_argument(
        "--scratch", type=Path, help="where to put the files for a while; by default the system's place"
    )
    parser.add_argument("--route", choices=READERS, help="one route alone, with --folder")
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    if options.route:
        run_route(options.route, options.folder, options.reads)
        return
    with tempfile.TemporaryDirectory(dir=options.scratch, prefix="perceptdata-") as name:
        folder = Path(name)
        with contextlib.redirect_stdout(sys.stderr):
            ROUTES["perceptdata"](Corpus(folder / "source", options.rows).prepare(), folder)
        found = {}
        for route in READERS:
            arguments = ("--route", route, "--folder", folder, "--reads", options.reads)
            result = best([fresh(__file__, *arguments) for _ in range(ROUNDS)])
            found[route] = {
                "open_cpu_seconds": round(result["seconds"]["open"]["cpu"], 2),
                "rows_per_cpu_second": round(rate(result, "rows")),
                "rows_per_wall_second": round(rate(result, "rows", clock="wall")),
                "texts_per_cpu_second": round(rate(result, "texts")),
                "peak_memory_mib": result["peak_memory_mib"],
            }
        ours, theirs = found["perceptdata"], found["datasets"]
        ratio = {what: round(ours[what] / theirs[what], 2) for what in ("rows_per_cpu_second", "texts_per_cpu_second")}
    print(json.dumps({"rows": options.rows, "reads": options.reads, "routes": found, "ratio": ratio}, indent=2))


if __name__ == "__main__":
    main()
