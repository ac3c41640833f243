"""How long `perceptdata --help` takes: `python benchmarks/startup.py`.

    help       perceptdata --help
    libraries  python -c "import typer, rich"
    python     python -c pass

Best of fifteen, CPU seconds of the whole process. Hold: help <= 3 x libraries, and none of the heavy modules imported.
"""

from __future__ import annotations

import json
import math
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

from _measure import held

ROUNDS = 15
HEAVY = ("torch", "spacy", "datasets", "pandas", "openai", "pyarrow", "duckdb", "PIL", "numpy")
FORBIDDEN = {"torch", "spacy", "datasets", "pandas", "openai"}
LOADED = f"""
import json, sys
from perceptdata.cli import main
sys.argv = ["perceptdata", "--help"]
try:
    main()
finally:
    print(json.dumps([name for name in {HEAVY!r} if name in sys.modules]), file=sys.stderr)
"""


def cost(commands: dict[str, list[str]]) -> dict[str, dict[str, float]]:
    """The least wall and CPU seconds of each command; they take turns, so that they share the machine's moods."""
    least = {name: {"wall": math.inf, "cpu": math.inf} for name in commands}
    for _ in range(ROUNDS):
        for name, command in commands.items():
            before, began = _children(), time.perf_counter()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            spent = {"wall": time.perf_counter() - began, "cpu": _children() - before}
            least[name] = {clock: round(min(least[name][clock], spent[clock]), 4) for clock in spent}
    return least


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    script = os.fspath(Path(sys.executable).with_name("perceptdata"))
    seconds = cost(
        {
            "help": [script, "--help"],
            "libraries": [sys.executable, "-c", "import typer, rich"],
            "python": [sys.executable, "-c", "pass"],
        }
    )
    done = subprocess.run([sys.executable, "-c", LOADED], check=True, capture_output=True, text=True)
    loaded = json.loads(done.stderr.splitlines()[-1])
    holds = [
        held("help / libraries", seconds["help"]["cpu"] / seconds["libraries"]["cpu"], at_most=3.0),
        held("forbidden modules imported", len(FORBIDDEN.intersection(loaded)), at_most=0),
    ]
    print(json.dumps({"seconds": seconds, "heavy_modules_imported": loaded, "numbers_to_hold": holds}, indent=2))


if __name__ == "__main__":
    main()
