"""The command: arms × seeds of an experiment, in processes, one JSON line a run, and the table at the end.

What is done is kept and not done again: give the same folder. A run ends in minutes, so that an experiment can be made
in pieces.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any, NamedTuple

from .table import table


class Experiment(NamedTuple):
    """Where its `run` is, its arms (the first is what others are compared with), its columns, and its defaults."""

    module: str
    arms: tuple[str, ...]
    columns: tuple[str, ...]
    options: dict[str, Any]


EXPERIMENTS = {
    "sft": Experiment(
        "sft", ("standard", "0.3", "0.5", "ngdiff"), ("a", "a_p", "a_r", "a_r_blank", "loss_share"), {"design": "C"}
    ),
    "sft-sweep": Experiment(
        "sft",
        ("standard", "0.1", "0.3", "0.5", "0.7", "ngdiff", "first"),
        ("a", "a_p", "a_r", "loss_share"),
        {"design": "C"},
    ),
    "sft-limited": Experiment(
        "sft", ("standard", "0.1", "0.3", "0.5", "ngdiff"), ("a", "a_p", "a_r", "loss_share"), {"design": "A"}
    ),
    "rl": Experiment(
        "rl",
        ("outcome", "alpha=0.3", "alpha=0.5", "surrogate=0.9", "surrogate=0.5"),
        ("gain_a", "gain_a_p", "gain_a_r", "flat"),
        {"start": "A-450", "steps": 60},
    ),
    "tokens": Experiment(
        "rl",
        ("outcome", "dapo", "pgpo", "pgpo_cap=5", "pgpo_floor", "vppo"),
        ("gain_a", "gain_a_p", "gain_a_r", "mass_on_perception", "noise", "entropy"),
        {"start": "A-450", "steps": 60},
    ),
}


def _run(module: str, arm: str, seed: int, options: dict[str, Any], folder: str) -> dict[str, Any]:
    import importlib

    import torch

    torch.set_num_threads(1)
    began = time.perf_counter()
    found = importlib.import_module(f"{__package__}.{module}").run(arm, seed, options, Path(folder))
    return {"arm": arm, "seed": seed, "options": options, **found, "seconds": round(time.perf_counter() - began, 1)}


def main(words: Sequence[str] | None = None) -> int:
    """Run what is missing; print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reproduce", description=__doc__)
    parser.add_argument("experiment", choices=EXPERIMENTS)
    parser.add_argument("--arms", nargs="+", help="of these arms alone")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--set", nargs="+", default=[], metavar="KEY=VALUE", help="design, steps, start, prompts, rate")
    parser.add_argument("--out", type=Path, default=Path("reproduction"), help="where results and bases are kept")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    said = parser.parse_args(words)
    experiment = EXPERIMENTS[said.experiment]
    given = dict(pair.split("=", 1) for pair in said.set)
    options = {**experiment.options, **given}
    results = said.out / f"{said.experiment}.jsonl"
    said.out.mkdir(parents=True, exist_ok=True)
    rows = [json.loads(line) for line in results.read_text().splitlines()] if results.exists() else []
    rows = [row for row in rows if row["options"] == options]
    done = {(row["arm"], row["seed"]) for row in rows}
    arms = said.arms or experiment.arms
    todo = [(arm, seed) for seed in said.seeds for arm in arms if (arm, seed) not in done]
    rows += _run_all(experiment, todo, options, said.out, results, said.workers)
    rows = [row for row in rows if row["arm"] in arms and row["seed"] in said.seeds]
    order = {arm: place for place, arm in enumerate(arms)}
    rows.sort(key=lambda row: (order[row["arm"]], row["seed"]))
    print(table(rows, experiment.columns, arms[0]))
    return 0


def _run_all(
    experiment: Experiment,
    todo: Sequence[tuple[str, int]],
    options: dict[str, Any],
    folder: Path,
    results: Path,
    workers: int,
) -> list[dict[str, Any]]:
    """The first arm of each seed goes before the others: it makes the bases that they share."""
    rows = []
    firsts = {seed: arm for arm, seed in reversed(todo)}
    waves = [[(arm, seed) for seed, arm in firsts.items()], [each for each in todo if firsts[each[1]] != each[0]]]
    with ProcessPoolExecutor(max(1, workers), multiprocessing.get_context("spawn")) as pool:
        for wave in waves:
            running = {
                pool.submit(_run, experiment.module, arm, seed, options, str(folder)): (arm, seed) for arm, seed in wave
            }
            for future in as_completed(running):
                row = future.result()
                with results.open("a") as file:
                    file.write(json.dumps(row) + "\n")
                rows.append(row)
                print(f"{row['arm']}, seed {row['seed']}: {row['seconds']:.0f} s", file=sys.stderr, flush=True)
    return rows


if __name__ == "__main__":
    sys.exit(main())
