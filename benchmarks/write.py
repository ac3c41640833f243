"""Writing a dataset, against `datasets`: `python benchmarks/write.py [--rows 10000] [--long 100000]`.

    perceptdata       build (read, check, hash, store) -> view -> export parquet
    datasets          from_generator, bytes passed -> to_parquet: the same table, hashes and sizes of images included
    datasets_flat     the same with nine flat columns, nothing hashed: the least that a training script needs
    datasets_encodes  `datasets`, given opened pictures: each is decoded and encoded again (few rows)

All read the same rows from the same file. That the first two leave the same table is checked before anything is timed.
Export counts the resolution of the view in. Every route runs in fresh processes, best of three; ratios are of CPU
seconds. `--long 0` leaves out the long run, which needs 8 GB of free disk for a while; `--rows 50000` needs as much.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import shutil
import sys
import tempfile
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

from _measure import Laps, best, fresh, held, rate
from _toy import Corpus, Toy, export_features, flat, flat_features, like_export, picture_bytes

ROUNDS = 3
EXPORT = ("view", "export")
ENCODED_ROWS = 300
WARM_ROWS = 50  # a run of so many goes ahead of every measured one: it imports what is imported late


def perceptdata(corpus: Corpus, scratch: Path) -> dict[str, Any]:
    from perceptdata.publishing.exports.parquet import Parquet
    from perceptdata.steps.build import Build
    from perceptdata.steps.run import run_step
    from perceptdata.view import ViewSpec, define_view
    from perceptdata.workspace import Workspace

    class BuildToy(Build):
        @cached_property
        def builder(self) -> Toy:
            return Toy(rows=corpus.rows, shared=corpus.shared)

    laps = Laps()
    ws = Workspace.create(scratch / "ws")
    with ws.lock("benchmark"):
        outcome = run_step(ws, "toy", BuildToy(use="toy", path=corpus.folder))
        laps("build")
        view = define_view(ws, "sft", ViewSpec(spans="toy"))
        laps("view")
        files = Parquet().export(view, scratch / "out")
        laps("export")
    assert outcome.rejected == {}
    return {
        "seconds": laps.seconds,
        "bytes_on_disk": {"workspace": _size(scratch / "ws"), "images": _size(scratch / "ws/images")},
        "parquet": [str(path) for path in files],
    }


def by_datasets(corpus: Corpus, scratch: Path, shape: str, encode: bool = False) -> dict[str, Any]:
    import datasets
    from PIL import Image

    datasets.disable_progress_bars()
    make, features = {"like_export": (like_export, export_features), "flat": (flat, flat_features)}[shape]

    def rows() -> Iterator[dict[str, Any]]:
        for row in corpus.read():
            image = Image.open(io.BytesIO(row.image)) if encode else {"bytes": row.image, "path": None}
            yield make(row, image)

    laps = Laps()
    made = datasets.Dataset.from_generator(rows, features=features(), cache_dir=str(scratch / "cache"))
    laps("from_generator")
    made.to_parquet(scratch / "out.parquet")
    laps("to_parquet")
    return {
        "seconds": laps.seconds,
        "bytes_on_disk": {"cache": _size(scratch / "cache")},
        "parquet": [str(scratch / "out.parquet")],
    }


ROUTES = {
    "perceptdata": perceptdata,
    "datasets": lambda corpus, scratch: by_datasets(corpus, scratch, "like_export"),
    "datasets_flat": lambda corpus, scratch: by_datasets(corpus, scratch, "flat"),
    "datasets_encodes": lambda corpus, scratch: by_datasets(corpus, scratch, "like_export", encode=True),
}


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def run_route(route: str, source: Path, rows: int, shared: int) -> None:
    """One route, once, in this process: what `measure` starts."""
    import pyarrow.parquet as pq

    scratch = Path(tempfile.mkdtemp(dir=source.parent))
    try:
        (scratch / "warm").mkdir()
        with contextlib.redirect_stdout(sys.stderr):
            ROUTES[route](Corpus(source, WARM_ROWS, shared), scratch / "warm")
            result = ROUTES[route](Corpus(source, rows, shared), scratch)
        parquet = result.pop("parquet")
        assert sum(pq.read_metadata(path).num_rows for path in parquet) == rows
        result["bytes_on_disk"]["parquet"] = sum(Path(path).stat().st_size for path in parquet)
        print(json.dumps({"rows": rows, "shared": shared, **result}))
    finally:
        shutil.rmtree(scratch)


def check_same_table(source: Path, rows: int = 100) -> None:
    """Fail unless the export and the table made with `datasets` are equal, column by column."""
    import pyarrow.parquet as pq

    tables = []
    for route in ("perceptdata", "datasets"):
        with tempfile.TemporaryDirectory(dir=source.parent) as scratch, contextlib.redirect_stdout(sys.stderr):
            tables.append(pq.read_table(ROUTES[route](Corpus(source, rows), Path(scratch))["parquet"]))
    ours, theirs = tables
    assert set(ours.column_names) == set(theirs.column_names)
    assert [name for name in ours.column_names if ours[name].to_pylist() != theirs[name].to_pylist()] == []


def run_all(source: Path, plan: dict[str, tuple[str, int, int]], rounds: int = ROUNDS) -> dict[str, Any]:
    """Every run of the plan, (route, rows, rows an image) by name; they take turns, to share the machine's moods."""
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in plan}
    for _ in range(rounds):
        for name, (route, rows, shared) in plan.items():
            arguments = ("--route", route, "--source", source, "--rows", rows, "--shared", shared)
            found[name].append(fresh(__file__, *arguments))
    return {name: best(results) for name, results in found.items()}


def shown(result: dict[str, Any]) -> dict[str, Any]:
    """A run's numbers as people compare them."""
    rates = {
        f"rows_per_{clock}_second": {
            **{lap: round(rate(result, lap, clock=clock)) for lap in result["seconds"]},
            "all": round(rate(result, clock=clock)),
        }
        for clock in ("cpu", "wall")
    }
    return {**{key: value for key, value in result.items() if key != "seconds"}, **rates}


def compare(source: Path, rows: int, long: int) -> dict[str, Any]:
    """Every route, and the numbers to hold."""
    Corpus(source, max(rows, long)).prepare()
    check_same_table(source)
    found = run_all(
        source,
        {
            "perceptdata": ("perceptdata", rows, 1),
            "datasets": ("datasets", rows, 1),
            "datasets_flat": ("datasets_flat", rows, 1),
            "datasets_encodes": ("datasets_encodes", min(rows, ENCODED_ROWS), 1),
            "perceptdata, images shared by five": ("perceptdata", rows, 5),
            "datasets, images shared by five": ("datasets", rows, 5),
        },
    )
    ours, theirs = found["perceptdata"], found["datasets"]
    least, encodes = found["datasets_flat"], found["datasets_encodes"]
    stored = found["perceptdata, images shared by five"]["bytes_on_disk"]["images"]
    holds = [
        held("view and export / datasets", rate(ours, *EXPORT) / rate(theirs), 3.0),
        held("build, view and export / datasets", rate(ours) / rate(theirs), 1.2),
        held("view and export / datasets_encodes", rate(ours, *EXPORT) / rate(encodes), 100.0),
        held("image bytes stored, shared by five / not shared", stored / ours["bytes_on_disk"]["images"], at_most=0.21),
    ]
    if long:
        found |= run_all(source, {"perceptdata, long": ("perceptdata", long, 1)}, rounds=1)
        growth = found["perceptdata, long"]["peak_memory_mib"] / ours["peak_memory_mib"]
        holds.append(held(f"peak memory of {long:,} rows / {rows:,} rows", growth, at_most=1.5))
    also = {
        "view and export / datasets_flat": round(rate(ours, *EXPORT) / rate(least), 2),
        "build, view and export / datasets_flat": round(rate(ours) / rate(least), 2),
        "build, view and export / datasets_encodes": round(rate(ours) / rate(encodes), 1),
    }
    routes = {name: shown(result) for name, result in found.items()}
    return {"image_bytes": picture_bytes(), "routes": routes, "numbers_to_hold": holds, "also": also}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--long", type=int, default=100_000, help="rows of the run that shows memory; 0 for none")
    parser.add_argument(
        "--scratch", type=Path, help="where to put the files for a while; by default the system's place"
    )
    parser.add_argument("--route", choices=ROUTES, help="one route alone, with --source and --shared")
    parser.add_argument("--source", type=Path)
    parser.add_argument("--shared", type=int, default=1)
    options = parser.parse_args()
    if options.route:
        run_route(options.route, options.source, options.rows, options.shared)
        return
    with tempfile.TemporaryDirectory(dir=options.scratch, prefix="perceptdata-") as scratch:
        print(json.dumps(compare(Path(scratch) / "source", options.rows, options.long), indent=2))


if __name__ == "__main__":
    main()
