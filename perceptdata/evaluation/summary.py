"""What an import found, benchmark by benchmark: accuracies with intervals, what could not be read, what was met before.

    summarise(results)["benchmarks"][0]["accuracy"]

An accuracy counts unread answers as wrong; `where_read` leaves them out. Failed and unscored ones count in neither.
With several samples an item, it is their mean, and `best` the share of items that one of them gets right (pass@k).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow.compute as pc

from perceptdata.comparison.findings import Findings
from perceptdata.comparison.results import Results
from perceptdata.evaluation.exposure import Exposure
from perceptdata.verification.intervals import share


def summarise(results: Results, exposures: Mapping[str, Exposure] | None = None) -> dict[str, Any]:
    """Plain values. `official` is what the harness prints itself, None where it was not found."""
    official = results.about.get("official", {})
    rows = []
    for name in results.benchmarks:
        table = results.part(name)
        items = table.group_by("item").aggregate([("value", "mean"), ("value", "max"), ("group", "min")])
        items = items.filter(pc.is_valid(items.column("value_mean")))
        group = pc.coalesce(items.column("group_min"), items.column("item")).to_pylist()
        told = share(items.column("value_mean").to_numpy(), np.asarray(group, str))
        read = table.filter(
            pc.and_(pc.not_equal(table.column("state"), "unparsed"), pc.is_valid(table.column("value")))
        )
        best = pc.mean(pc.equal(items.column("value_max"), 1.0).cast("float64")).as_py()
        found = None if exposures is None else exposures.get(name)
        rows.append(
            {
                "benchmark": name,
                "items": len(items),
                "accuracy": told.value,
                "low": told.low,
                "high": told.high,
                "where_read": pc.mean(read.column("value")).as_py(),
                "best": best,
                "answers": results.states(name),
                "official": official.get(name),
                "exposure": None if found is None else found.to_json(),
            }
        )
    return {"name": results.name, "benchmarks": rows, "notes": list(results.notes)}


def beside(found: Findings, exposures: Mapping[str, Exposure]) -> Findings:
    """The findings with what was met in training rows beside each benchmark."""
    rows = tuple(
        replace(row, extra={**row.extra, "exposure": exposures[row.benchmark].to_json()})
        if row.benchmark in exposures
        else row
        for row in found.rows
    )
    return replace(found, rows=rows)
