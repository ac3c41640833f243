"""The experiments: arms × seeds in processes, one JSON line a run, nothing done twice."""

from __future__ import annotations

import importlib
import json
import multiprocessing
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from pathlib import Path
from typing import Any, NamedTuple


class Experiment(NamedTuple):
    """Where its `run` is, its arms (the first is what others are compared with), its columns, and its defaults."""

    module: str
    arms: tuple[str, ...]
    columns: tuple[str, ...]
    options: dict[str, Any]


RL = {"start": "A-half", "steps": 40, "prompts": 12}
GAINS = ("gain_a", "gain_a_p", "gain_a_r")
WRONG = ("flipped=0.1", "flipped=0.3", "shuffled", "mismatched")

# Of the arms after the first, the longest comes first: two cores are then busy to the end.
EXPERIMENTS = {
    "sft": Experiment(
        "sft", ("standard", "ngdiff", "0.3", "0.5"), ("a", "a_p", "a_r", "a_r_blank", "loss_share"), {"design": "C"}
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
    "probes": Experiment(
        "probes",
        ("C-150",),
        ("r_a_p", "r_a_r", "r_a_p_within", "mixed", "mass_on_perception", "largest"),
        {},
    ),
    "labels": Experiment(
        "sft",
        ("standard", "0.3", *(f"0.3/{error}" for error in WRONG)),
        ("a", "a_p", "a_r", "token_share"),
        {"design": "C"},
    ),
    "rl": Experiment(
        "rl", ("outcome", "alpha=0.3", "alpha=0.5", "surrogate=0.9", "surrogate=0.5"), (*GAINS, "flat"), RL
    ),
    "solver": Experiment(
        "solver",
        ("outcome", "alpha=0.3", "alpha=0.5", "alpha=1", "surrogate=0.9", "surrogate=0.5"),
        ("gain_a_p", "gain_a", "a_p", "r_a_p"),
        {"start": "A-half", "steps": 300, "failing": 0.5},
    ),
    "tokens": Experiment(
        "rl",
        ("outcome", "dapo", "pgpo", "pgpo_cap=5", "pgpo_floor", "vppo"),
        (*GAINS, "mass_on_perception", "noise", "entropy"),
        RL,
    ),
    "staged": Experiment(
        "staged",
        ("merged", "staged", "reverse", "captions", "difficulty", "both"),
        (*GAINS, "gain_length"),
        {"start": "F-half", "steps": 60, "prompts": 8},
    ),
    "distil": Experiment(
        "distil",
        ("start", "opsd", "vigos"),
        ("a", "a_p", "a_r", "score", "prior", "palr", "palr_description"),
        {"steps": 60, "prompts": 24},
    ),
}


def run_one(module: str, arm: str, seed: int, options: dict[str, Any], folder: str, device: str) -> dict[str, Any]:
    """One run, in a process of its own, on this device."""
    import torch

    torch.set_num_threads(1)
    torch.set_default_device(device)
    began = time.perf_counter()
    found = importlib.import_module(f"{__package__}.{module}").run(arm, seed, options, Path(folder))
    said = {} if device == "cpu" else {"device": device}
    return {
        "arm": arm,
        "seed": seed,
        "options": options,
        **found,
        **said,
        "seconds": round(time.perf_counter() - began),
    }


class Where(NamedTuple):
    """Where runs are done: a folder for what they leave, processes at once, a device, and for how many minutes."""

    folder: Path
    workers: int
    device: str = "cpu"
    minutes: float | None = None


def wanted(experiment: Experiment, options: Mapping[str, Any], arms: Sequence[str], seeds: Sequence[int]) -> Todo:
    """All pairs of arm and seed."""
    return Todo(experiment, {**experiment.options, **options}, [(arm, seed) for seed in seeds for arm in arms])


class Todo(NamedTuple):
    """Runs of one experiment with these options."""

    experiment: Experiment
    options: dict[str, Any]
    runs: list[tuple[str, int]]

    def done(self, folder: Path) -> list[dict[str, Any]]:
        """The rows that are there, in the order of the runs. Experiments of one module share their arms."""
        results = folder / f"{self.experiment.module}.jsonl"
        lines = results.read_text().splitlines() if results.exists() else []
        rows = [row for row in map(json.loads, lines) if row["options"] == self.options]
        found = {(row["arm"], row["seed"]): row for row in rows}
        return [found[run] for run in self.runs if run in found]


def run_all(todo: Todo, where: Where) -> bool:
    """Do what is missing; whether all is done. When the minutes are over, what runs is ended: it is not lost, for it
    was saved every few steps.

    The first arm of each seed goes before the others of it: it makes the bases that they share.
    """
    where.folder.mkdir(parents=True, exist_ok=True)
    done = {(row["arm"], row["seed"]) for row in todo.done(where.folder)}
    waiting: dict[int, list[str]] = {}
    for arm, seed in todo.runs:
        if (arm, seed) not in done:
            waiting.setdefault(seed, []).append(arm)
    until = time.monotonic() + 60 * where.minutes if where.minutes else None
    results = where.folder / f"{todo.experiment.module}.jsonl"
    with ProcessPoolExecutor(max(1, where.workers), multiprocessing.get_context("spawn")) as pool:

        def begin(seed: int, arms: Sequence[str]) -> set[Future[dict[str, Any]]]:
            given = (todo.options, str(where.folder), where.device)
            return {pool.submit(run_one, todo.experiment.module, arm, seed, *given) for arm in arms}

        running = {future for seed, arms in waiting.items() for future in begin(seed, arms[:1])}
        while running:
            left = None if until is None else max(0, until - time.monotonic())
            ended, running = wait(running, left, FIRST_COMPLETED)
            if not ended:
                for process in list(pool._processes.values()):
                    process.terminate()
                return False
            for future in ended:
                row = future.result()
                with results.open("a") as file:
                    file.write(json.dumps(row) + "\n")
                print(f"{row['arm']}, seed {row['seed']}: {row['seconds']} s", file=sys.stderr, flush=True)
                running |= begin(row["seed"], waiting.pop(row["seed"], [])[1:])
    return True
