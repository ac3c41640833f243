"""Curation at scale: duplicates of 100k rows, leaks into 20 guard sets, a pass over 10 M keys, local against Ray.

    python benchmarks/curation.py [--rows 100000] [--keys 10000000] [--only dedup,…]

Prints JSON: CPU seconds, rows a second, most memory held, and what was found of what was put in. `keys` draws sides of
so many rows in groups and clusters, the global pass of `curate split`.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pyarrow as pa
from _measure import Laps, fresh
from PIL import Image

from perceptdata.curation.guard import Guard, GuardSet, write_guard
from perceptdata.curation.matching import Matcher, Picture
from perceptdata.curation.prints import image_print
from perceptdata.curation.splits import joined_groups, sides
from perceptdata.execution.executor import make_executor
from perceptdata.steps.declared import make_step
from perceptdata.steps.run import run_step
from perceptdata.workspace import Workspace

VOCABULARY, WORDS = 20_000, 30
SETS, ITEMS = 20, 1_000


def questions(count: int, seed: int) -> list[str]:
    """Questions of 30 words with Zipf's frequencies."""
    draw = np.random.default_rng(seed)
    letters = np.array(list("abcdefghijklmnopqrstuvwxyz"))
    names = ["".join(letters[draw.integers(0, 26, draw.integers(4, 9))]) for _ in range(VOCABULARY)]
    weights = 1 / np.arange(2, VOCABULARY + 2)
    chosen = draw.choice(VOCABULARY, (count, WORDS), p=weights / weights.sum())
    return [" ".join(names[at] for at in row) for row in chosen]


def source(folder: Path, rows: int) -> dict[str, int]:
    """A JSON-lines source: every 50th row is a copy, every 50th near the one 20 before. What was put in."""
    texts = questions(rows, 0)
    exact = near = 0
    for at in range(25, rows):
        if at % 50 == 25:
            texts[at], exact = texts[at - 20], exact + 1
        elif at % 50 == 45:
            words = texts[at - 20 - 10].split()
            texts[at], near = " ".join([*words[:-1], "instead"]), near + 1
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "rows.jsonl", "w", encoding="utf-8") as file:
        for at, text in enumerate(texts):
            file.write(json.dumps({"id": f"{at:07d}", "question": text, "answer": "1"}) + "\n")
    return {"exact": exact, "near": near}


def dedup(rows: int) -> dict[str, Any]:
    """Build, then find duplicates; only the finding is timed."""
    with tempfile.TemporaryDirectory() as folder:
        put = source(Path(folder) / "source", rows)
        ws = built(Path(folder), "own")
        laps = Laps()
        with ws.lock("bench"):
            run_step(ws, "dedup", make_step("dedup", {}))
        laps("dedup")
        found = ws.sql("select coalesce(meta->>'rule', 'kept'), count(*) from dedup group by 1").fetchall()
    seconds = laps.seconds["dedup"]["cpu"]
    return {
        "rows": rows,
        "cpu_seconds": round(seconds, 1),
        "rows_per_cpu_second": round(rows / seconds),
        "put_in": put,
        "found": dict(found),
    }


def built(folder: Path, name: str) -> Workspace:
    """The source in `folder` as a workspace, 4,096 rows a shard."""
    ws = Workspace.create(folder / "ws")
    options = {"use": "auto", "path": folder / "source" / "rows.jsonl", "licence": "CC0-1.0"}
    with ws.lock("bench"):
        run_step(ws, name, make_step("build", options))
    return ws


def decontaminate(rows: int) -> dict[str, Any]:
    """Rows with a picture each against 20 sets of 1,000; one row in a hundred holds an item's question whole."""
    draw = np.random.default_rng(1)
    noise = [
        image_print(Image.fromarray(draw.integers(0, 256, (16, 16, 3), np.uint8)).resize((64, 64))) for _ in range(2000)
    ]
    guarded = questions(SETS * ITEMS, 2)
    with tempfile.TemporaryDirectory() as folder:
        guards = []
        for at in range(SETS):
            own = guarded[at * ITEMS : (at + 1) * ITEMS]
            given = [{"id": str(n), "question": text, "images": [{"sha256": str(n)}]} for n, text in enumerate(own)]
            prints = {
                str(n): (noise[n].pixels, None if (made := noise[n].hash) is None else made.tolist())
                for n in range(ITEMS)
            }
            write_guard(given, prints, Path(folder) / f"g{at}.parquet", GuardSet(name=f"g{at}"))
            guards.append(Guard.read(Path(folder) / f"g{at}.parquet"))
    texts = questions(rows, 3)
    for at in range(0, rows, 100):
        texts[at] = f"please tell {guarded[at // 100 % len(guarded)]} now"
    other = [Picture(each.pixels, each.hash) for each in noise[ITEMS:]]
    laps = Laps()
    matcher = Matcher(guards)
    laps("index")
    found = 0
    for start in range(0, rows, 4096):
        part = texts[start : start + 4096]
        shown = [[other[(start + at) % len(other)]] for at in range(len(part))]
        found += sum(bool(each) and each[0].drops for each in matcher.of(part, shown))
    laps("rows")
    seconds = laps.seconds["rows"]["cpu"]
    return {
        "rows": rows,
        "sets": SETS,
        "items": SETS * ITEMS,
        "index_cpu_seconds": round(laps.seconds["index"]["cpu"], 1),
        "cpu_seconds": round(seconds, 1),
        "rows_per_cpu_second": round(rows / seconds),
        "put_in": -(-rows // 100),
        "found": found,
    }


def keys(count: int) -> dict[str, Any]:
    """Rows in groups of five; every tenth in a cluster with one of another group."""
    number = np.arange(count)
    ids = pa.array([f"s/t/{at:08d}" for at in range(count)])
    groups = pa.array(np.char.add("g", (number // 5).astype("U8")))
    near = number[::10]
    clusters = pa.table({"id": ids.take(pa.array(near)), "cluster": pa.array((near // 20).astype("U8"))})
    laps = Laps()
    by = joined_groups(pa.table({"id": ids, "group": groups}), clusters)
    drawn = sides(by, {"train": 0.9, "test": 0.1}, 0)
    laps("pass")
    return {
        "keys": count,
        **{name: round(value, 1) for name, value in laps.seconds["pass"].items()},
        "test_share": round(float((drawn == 1).mean()), 4),
    }


def executors(rows: int) -> dict[str, Any]:
    """The same shards with two workers here and two on Ray: wall seconds, and whether the bytes are the same."""
    found: dict[str, Any] = {"rows": rows}
    with tempfile.TemporaryDirectory() as folder:
        source(Path(folder) / "source", rows)
        ws = built(Path(folder), "own")
        for name in ("local", "ray"):
            shutil.rmtree(ws.path / "cache", ignore_errors=True)
            began = time.perf_counter()
            with ws.lock("bench"):
                run_step(ws, f"dedup_{name}", make_step("dedup", {}), make_executor(name, 2))
            found[f"{name}_wall_seconds"] = round(time.perf_counter() - began, 1)
            files = ws.shards("layers/scores", f"dedup_{name}")
            found[f"{name}_shards"] = len(files)
            found[name] = [file.sha256 for _, _, _, file in files]
    found["same_bytes"] = found.pop("local") == found.pop("ray")
    found["ray_over_local"] = round(found["ray_wall_seconds"] / found["local_wall_seconds"], 2)
    return found


PARTS = {"dedup": dedup, "decontaminate": decontaminate, "keys": keys, "executors": executors}


def main() -> None:
    """Each part in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--keys", type=int, default=10_000_000)
    parser.add_argument("--only", default=",".join(PARTS))
    parser.add_argument("--part")
    options = parser.parse_args()
    if options.part:
        print(json.dumps(PARTS[options.part](options.rows)))
        return
    counts = {"keys": options.keys}
    found = {}
    for name in options.only.split(","):
        found[name] = fresh(sys.argv[0], "--part", name, "--rows", counts.get(name, options.rows))
        print(json.dumps({name: found[name]}), file=sys.stderr)
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
