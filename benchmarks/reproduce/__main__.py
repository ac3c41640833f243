"""The command: arms × seeds of an experiment, in processes, one JSON line a run, and the table at the end.

What is done is kept and not done again: give the same folder. A run ends in minutes, so that an experiment can be made
in pieces.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from .experiments import EXPERIMENTS, run_all
from .table import table


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
    rows += run_all(experiment, todo, options, said.out, results, said.workers)
    rows = [row for row in rows if row["arm"] in arms and row["seed"] in said.seeds]
    order = {arm: place for place, arm in enumerate(arms)}
    rows.sort(key=lambda row: (order[row["arm"]], row["seed"]))
    print(table(rows, experiment.columns, arms[0]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
