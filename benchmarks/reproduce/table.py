"""Rows of experiments as a table: means over seeds, and paired differences with their intervals.

A pair is one seed: the same base, data and order in both arms. With three seeds an interval is wide and says so.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from scipy.stats import t


def paired(
    rows: Sequence[Mapping[str, Any]], arm: str, against: str, what: str
) -> tuple[float, float, list[float]] | None:
    """Mean difference over the seeds that both arms have, half the width of its 95 % interval, and each difference."""
    values = {name: {row["seed"]: row[what] for row in rows if row["arm"] == name} for name in (arm, against)}
    seeds = sorted(values[arm].keys() & values[against].keys())
    found = [round(values[arm][seed] - values[against][seed], 2) for seed in seeds]
    if not found or arm == against:
        return None
    spread = float(np.std(found, ddof=1)) if len(found) > 1 else math.nan
    half = float(t.ppf(0.975, len(found) - 1)) * spread / math.sqrt(len(found)) if len(found) > 1 else math.nan
    return float(np.mean(found)), half, found


def table(rows: Sequence[Mapping[str, Any]], columns: Iterable[str], against: str) -> str:
    """Markdown: an arm a line, mean ± sample deviation over its seeds, and Δ of the first column, paired."""
    columns = list(columns)
    first = columns[0]
    lines = [f"| arm | seeds | {' | '.join(columns)} | Δ{first} to {against}, paired, 95 % |"]
    lines.append("|" + "---|" * (len(columns) + 3))
    for arm in dict.fromkeys(row["arm"] for row in rows):
        own = [row for row in rows if row["arm"] == arm]
        cells = [_spread([row[name] for row in own if row.get(name) is not None]) for name in columns]
        difference = paired(rows, arm, against, first)
        said = "–"
        if difference is not None:
            mean, half, each = difference
            width = "" if math.isnan(half) else f" ± {half:.1f}"
            said = f"{mean:+.1f}{width} ({', '.join(f'{value:+.1f}' for value in each)})"
        lines.append(f"| {arm} | {len(own)} | {' | '.join(cells)} | {said} |")
    return "\n".join(lines)


def _spread(values: Sequence[float]) -> str:
    if not values:
        return "–"
    digits = 1 if max(abs(value) for value in values) > 2 else 3
    mean = f"{np.mean(values):.{digits}f}"
    return mean if len(values) == 1 else f"{mean} ± {np.std(values, ddof=1):.{digits}f}"
