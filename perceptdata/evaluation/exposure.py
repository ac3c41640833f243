"""Which of a benchmark's items training rows resemble, by a decontamination layer: what stands beside an accuracy.

    exposed(ws, "clean", ["MathVista_MINI"])["MathVista_MINI"].items       # test items met in training rows

The layer names guard sets and salted items (`perceptdata curate decontaminate`); a guard set is a benchmark's where one
name begins with the other, small letters and letters and digits alone. Which of the benchmark's items a salted hash is
cannot be told, so a hit is counted, and no item is left out of an accuracy.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow.compute as pc

if TYPE_CHECKING:
    from perceptdata.workspace import Workspace


class Exposure(NamedTuple):
    """Of one benchmark: training rows that match it, its items that they match, and those that are only reported."""

    guards: tuple[str, ...]
    rows: int
    items: int
    reported: int

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {**self._asdict(), "guards": list(self.guards)}


def exposed(ws: Workspace, layer: str, benchmarks: Iterable[str]) -> dict[str, Exposure]:
    """What the layer found, by benchmark; a benchmark that no guard set stands for is not there.

    Raises UsageError for a step that wrote no scores. A guard set without a hit leaves no trace in the layer, so only
    benchmarks that were hit are told.
    """
    rows: dict[str, set[str]] = {}
    items: dict[str, set[str]] = {}
    reported: dict[str, set[str]] = {}
    for batch in ws.layer(layer, "scores").to_batches(columns=["example_id", "meta"]):
        told = batch.filter(pc.not_equal(batch.column("meta"), "{}"))
        for row in told.to_pylist():
            meta = _meta(row["meta"])
            for match in meta.get("matches", ()):
                rows.setdefault(match["guard"], set()).add(row["example_id"])
                items.setdefault(match["guard"], set()).add(match["item"])
            for match in meta.get("reported", ()):
                reported.setdefault(match["guard"], set()).add(match["item"])
    found = {}
    for benchmark in benchmarks:
        guards = sorted(name for name in {*rows, *reported} if _same(name, benchmark))
        if guards:
            found[benchmark] = Exposure(
                tuple(guards),
                len(set().union(*(rows.get(name, set()) for name in guards))),
                sum(len(items.get(name, ())) for name in guards),
                sum(len(reported.get(name, set()) - items.get(name, set())) for name in guards),
            )
    return found


def _meta(stored: Any) -> dict[str, Any]:
    found = json.loads(stored) if isinstance(stored, str) else stored
    return found if isinstance(found, dict) else {}


def _same(guard: str, benchmark: str) -> bool:
    one, other = (re.sub(r"[^a-z0-9]", "", name.lower()) for name in (guard, benchmark))
    return bool(one and other) and (one.startswith(other) or other.startswith(one))
