"""Experiment 1 with a real model: the same arms on a synthetic task, by perceptdata's own commands.

python -m benchmarks.reproduce real --model Qwen/Qwen2.5-VL-3B-Instruct --out real --dry-run
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ARMS = ("standard", "0.1", "0.3", "0.5", "ngdiff")


def commands(
    model: str, folder: Path, arms: Sequence[str] | None = None, options: Mapping[str, Any] | None = None
) -> list[list[str]]:
    """Build the task, measure the model, train each arm for the same rows and steps, and measure what it left.

    Options: `task` (sudoku, graph_coloring), `rows` to train on, `items` to ask, `tokens` an answer may have; all
    others go to the trainer.
    """
    said = dict(options or {})
    task, rows, items = said.pop("task", "sudoku"), said.pop("rows", 4000), said.pop("items", 300)
    tokens = said.pop("tokens", 4096)
    workspace, tool = str(folder / "workspace"), ["perceptdata"]
    trained = [word for key, value in said.items() for word in ("-o", f"{key}={value}")]

    def diagnose(name: str, checkpoint: str) -> list[str]:
        asked = ["--items", str(items), "--max-tokens", str(tokens), "--where", "id like '%/test/%'"]
        where = ["--name", name, "--to", str(folder / "diagnosis" / name), "--workspace", workspace]
        return [*tool, "diagnose", "--local", checkpoint, *asked, *where]

    steps = [[*tool, "build", task, "--set", f"rows={{train_sft: {rows}, test: {items}}}", "--workspace", workspace]]
    steps.append(diagnose("base", model))
    for arm in arms or ARMS:
        out = folder / "runs" / f"lambda={arm}"
        train = [
            *tool,
            "train",
            "sft",
            "--view",
            "visual_reasoning",
            "--split",
            "train_sft",
            "--model",
            model,
            "--out",
            str(out),
        ]
        steps.append([*train, "--workspace", workspace, "-o", f"lambda={arm}", *trained])
        steps.append(diagnose(f"lambda_{arm}".replace(".", "_"), str(out / "model")))
    return steps


def run(steps: Sequence[Sequence[str]], dry: bool) -> int:
    """One after another; each goes on where it stopped, so the whole may be run again. The first failure ends it."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    for step in steps:
        print(shlex.join(step), flush=True)
        if not dry and (code := subprocess.run(step, check=False, env={**os.environ, "PATH": path}).returncode):
            return code
    return 0
