"""How the speed commands measure: each route in a process of its own, by CPU seconds, best of several rounds.

CPU seconds, because other work on the machine stretches wall time several-fold and CPU time much less. Memory is what
the process and its children hold for themselves; pages of mapped files are left out, for the system takes those back
whenever it likes.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from typing import Any

import psutil

MIB = 1 << 20


class Laps:
    """A stopwatch with names: `laps("build")` closes the lap that began when the one before it ended."""

    def __init__(self) -> None:
        self.seconds: dict[str, dict[str, float]] = {}
        self._began = (time.perf_counter(), time.process_time())

    def __call__(self, name: str) -> None:
        """End the lap and name it."""
        now = (time.perf_counter(), time.process_time())
        self.seconds[name] = {"wall": now[0] - self._began[0], "cpu": now[1] - self._began[1]}
        self._began = now


def fresh(script: str, *arguments: object) -> dict[str, Any]:
    """Run a script in a new interpreter; what it prints as JSON, and the most memory it held, in MiB."""
    process = subprocess.Popen([sys.executable, script, *map(str, arguments)], stdout=subprocess.PIPE, text=True)
    peak = 0
    while process.poll() is None:
        peak = max(peak, _held(process.pid))
        time.sleep(0.02)
    output = process.stdout.read() if process.stdout else ""
    if process.returncode:
        sys.exit(f"{script} {' '.join(map(str, arguments))} ended with exit code {process.returncode}")
    return {**json.loads(output), "peak_memory_mib": peak // MIB}


def _held(pid: int) -> int:
    held = 0
    try:
        root = psutil.Process(pid)
        for process in (root, *root.children(recursive=True)):
            memory = process.memory_info()
            held += memory.rss - getattr(memory, "shared", 0)
    except psutil.Error:  # it has just ended
        return held
    return held


def best(rounds: list[dict[str, Any]]) -> dict[str, Any]:
    """Of several rounds of one route, each lap at its fastest, and the highest peak of memory."""
    laps = {
        name: {clock: min(round_["seconds"][name][clock] for round_ in rounds) for clock in ("wall", "cpu")}
        for name in rounds[0]["seconds"]
    }
    return {**rounds[0], "seconds": laps, "peak_memory_mib": max(round_["peak_memory_mib"] for round_ in rounds)}


def rate(result: dict[str, Any], *laps: str, clock: str = "cpu") -> float:
    """Rows a second over the named laps, or over all of them."""
    return result["rows"] / sum(result["seconds"][name][clock] for name in laps or result["seconds"])


def held(name: str, measured: float, at_least: float | None = None, at_most: float | None = None) -> dict[str, Any]:
    """One number to hold, and whether it does."""
    fits = (at_least is None or measured >= at_least) and (at_most is None or measured <= at_most)
    bounds = {"at_least": at_least, "at_most": at_most}
    return {
        "what": name,
        "measured": round(measured, 2),
        **{key: bound for key, bound in bounds.items() if bound is not None},
        "holds": fits,
    }
