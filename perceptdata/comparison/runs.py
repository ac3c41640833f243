"""Two training runs compared: what they were told, and their numbers at the same steps.

    compare_runs(Path("runs/a"), Path("runs/b")).measures["loss"]       # (0.61, 0.58), means of the last tenth

Read from `run.json` and `metrics.jsonl` alone, while they go on or afterwards. A run is one draw: these are
differences, not tests; train several seeds to know what is chance.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from perceptdata.errors import UsageError
from perceptdata.trainer.lines import read_lines
from perceptdata.trainer.record import METRICS
from perceptdata.trainer.run import RUN

NO_MEASURE = {"step", "epoch", "seconds", "num_tokens"}
TAIL = 0.1
"""Of the steps that both have; a metric's mean over them is what is compared."""


class Line(NamedTuple):
    """One metric of both runs at the steps that either logged; None where one did not."""

    name: str
    steps: tuple[int, ...]
    a: tuple[float | None, ...]
    b: tuple[float | None, ...]


@dataclass(frozen=True)
class RunFindings:
    """`told` are options and origins that differ; `measures` the metrics' means over the last tenth of shared steps."""

    a: str
    b: str
    steps: tuple[int, int]
    told: dict[str, tuple[Any, Any]]
    measures: dict[str, tuple[float, float]]
    lines: tuple[Line, ...]
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain values; the curves are left to the page."""
        return {
            "kind": "runs",
            "a": self.a,
            "b": self.b,
            "steps": {"a": self.steps[0], "b": self.steps[1]},
            "told": {name: {"a": one, "b": other} for name, (one, other) in self.told.items()},
            "measures": {name: {"a": one, "b": other} for name, (one, other) in self.measures.items()},
            "notes": list(self.notes),
        }


def compare_runs(a: Path, b: Path) -> RunFindings:
    """Raises UsageError for a folder that holds no run."""
    records = [_record(path) for path in (a, b)]
    metrics = [read_lines(path / METRICS) for path in (a, b)]
    last = tuple(lines[-1]["step"] if lines else 0 for lines in metrics)
    names = [
        name
        for name in dict.fromkeys(name for lines in metrics for line in lines for name in line)
        if name not in NO_MEASURE
    ]
    lines = tuple(line for name in names if (line := _line(name, metrics)) is not None)
    shared = min(last)
    measures = {line.name: ends for line in lines if (ends := _ends(line, shared)) is not None}
    notes = ["a run is one draw; train several seeds to know what is chance"]
    if last[0] != last[1]:
        notes.append(f"they have {last[0]:,} and {last[1]:,} steps; the last tenth is of the first {shared:,}")
    return RunFindings(str(a), str(b), (last[0], last[1]), _told(*records), measures, lines, tuple(notes))


def _record(path: Path) -> dict[str, Any]:
    try:
        found = json.loads((path / RUN).read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} holds no training run ({error}); name the --out of perceptdata train") from error
    return dict(found)


def _told(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """What differs: method, model, view, and options by their path."""
    left, right = ({**_flat(each.get("options", {})), **_origin(each)} for each in (one, other))
    return {
        name: (left.get(name), right.get(name))
        for name in dict.fromkeys([*left, *right])
        if left.get(name) != right.get(name)
    }


def _origin(record: Mapping[str, Any]) -> dict[str, Any]:
    return {name: record.get(name) for name in ("method", "source", "view", "split")}


def _flat(options: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in options.items():
        found |= _flat(value, f"{above}{name}.") if isinstance(value, Mapping) else {f"{above}{name}": value}
    return found


def _line(name: str, metrics: Sequence[Sequence[Mapping[str, Any]]]) -> Line | None:
    """None where either run has no number of this name."""
    values = [{line["step"]: line[name] for line in lines if line.get(name) is not None} for lines in metrics]
    if not all(values):
        return None
    steps = tuple(sorted({*values[0], *values[1]}))
    a, b = (tuple(found.get(step) for step in steps) for found in values)
    return Line(name, steps, a, b)


def _ends(line: Line, shared: int) -> tuple[float, float] | None:
    after = shared * (1 - TAIL)
    means = []
    for values in (line.a, line.b):
        kept = [v for step, v in zip(line.steps, values, strict=True) if v is not None and after <= step <= shared]
        if not kept:
            return None
        means.append(sum(kept) / len(kept))
    return means[0], means[1]
