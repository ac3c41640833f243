"""The command: arms × seeds of an experiment, in processes, one JSON line a run, and the table at the end.

What is done is kept and not done again: give the same folder. `cpu` is what `make reproduce` runs: experiment 1 in
design C, the probes, and the claims that must hold (exit code 1 where one does not). `real` is experiment 1 with a real
model, by perceptdata's own commands.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from . import real
from .claims import stable
from .experiments import EXPERIMENTS, Where, run_all, wanted
from .table import table

TIER_ITEMS, TIER_PROMPTS = 200, 48
"""Of the tier that takes ten and a half minutes: with all 400 and 64 it takes eleven."""
AGAIN = 3
"""The exit code when minutes are over: run it again to go on."""


def main(words: Sequence[str] | None = None) -> int:
    """Run what is missing; print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reproduce", description=__doc__)
    parser.add_argument("experiment", choices=[*EXPERIMENTS, "cpu", "real"])
    parser.add_argument("--arms", nargs="+", help="of these arms alone; the first is what others are compared with")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--set", nargs="+", default=[], metavar="KEY=VALUE", help="start, steps, prompts, rate, test")
    parser.add_argument("--out", type=Path, default=Path("reproduction"), help="where results and bases are kept")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="runs at once, on one GPU too")
    parser.add_argument("--device", default="cpu", help="cuda for a GPU")
    parser.add_argument("--minutes", type=float, help=f"stop after so many, with exit code {AGAIN}; run again to go on")
    parser.add_argument("--model", help="for real: a folder or a name on the Hub")
    parser.add_argument("--dry-run", action="store_true", help="for real: print the commands")
    said = parser.parse_args(words)
    if said.experiment == "real":
        if said.model is None:
            parser.error("real needs --model")
        return real.run(real.commands(said.model, said.out, said.arms, dict(_pairs(said.set))), said.dry_run)
    where = Where(said.out, said.workers, said.device, said.minutes)
    if said.experiment == "cpu":
        return _tier(said.seeds, where)
    _, ended = _experiment(said.experiment, said.arms, said.seeds, dict(_pairs(said.set)), where)
    return 0 if ended else AGAIN


def _pairs(words: Sequence[str]) -> list[tuple[str, Any]]:
    """KEY=VALUE, numbers as such."""
    return [(key, _value(value)) for key, _, value in (word.partition("=") for word in words)]


def _value(word: str) -> int | float | str:
    for number in (int, float):
        with suppress(ValueError):
            return number(word)
    return word


def _experiment(
    name: str, arms: Sequence[str] | None, seeds: Sequence[int], options: Mapping[str, Any], where: Where
) -> tuple[list[dict[str, Any]], bool]:
    experiment = EXPERIMENTS[name]
    todo = wanted(experiment, options, arms or experiment.arms, seeds)
    ended = run_all(todo, where)
    rows = todo.done(where.folder)
    order = list(arms or experiment.arms)
    rows.sort(key=lambda row: (order.index(row["arm"]), row["seed"]))
    print(table(rows, experiment.columns, order[0]))
    if not ended:
        print(f"{len(rows)} of {len(todo.runs)} runs are done; run it again to go on", file=sys.stderr)
    return rows, ended


def _tier(seeds: Sequence[int], where: Where) -> int:
    sft, ended = _experiment("sft", None, seeds, {"test": TIER_ITEMS}, where)
    if not ended:
        return AGAIN
    print()
    probes, ended = _experiment("probes", None, seeds, {"prompts": TIER_PROMPTS}, where)
    if not ended:
        return AGAIN
    print()
    held = stable(sft, probes)
    for claim, true in held.items():
        print(f"{'holds ' if true else 'FAILED'}  {claim}")
    return 0 if all(held.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
