"""The experiments: arms × seeds in processes, one JSON line a run, nothing done twice."""

from __future__ import annotations

import importlib
import json
import multiprocessing
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any, NamedTuple


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


def run_one(module: str, arm: str, seed: int, options: dict[str, Any], folder: str) -> dict[str, Any]:
    import torch

    torch.set_num_threads(1)
    began = time.perf_counter()
    found = importlib.import_module(f"{__package__}.{module}").run(arm, seed, options, Path(folder))
    return {"arm": arm, "seed": seed, "options": options, **found, "seconds": round(time.perf_counter() - began, 1)}


def run_all(
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
                pool.submit(run_one, experiment.module, arm, seed, options, str(folder)): (arm, seed)
                for arm, seed in wave
            }
            for future in as_completed(running):
                row = future.result()
                with results.open("a") as file:
                    file.write(json.dumps(row) + "\n")
                rows.append(row)
                print(f"{row['arm']}, seed {row['seed']}: {row['seconds']:.0f} s", file=sys.stderr, flush=True)
    return rows
