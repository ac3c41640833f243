"""The averages that a paper prints under its table, with intervals: each column as heavy, whatever its items.

    averages(suite("paper-b"), results)[2].accuracy       # of the main table: Estimate(value=0.65, low=0.64, high=0.66)

A column that was not run is not in the average, and its absence is told: an average over other columns is another one.
Columns are drawn apart from each other; those that share pictures (MathVerse and its Vision Only) make the interval a
little too narrow.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from perceptdata.agreement.bootstrap import interval
from perceptdata.agreement.comparison import Estimate
from perceptdata.comparison.paired import difference
from perceptdata.comparison.results import Results
from perceptdata.evaluation.suites import Benchmark, Suite

WHOLE = "all columns"


class Average(NamedTuple):
    """Over which columns, how many of them are there, and the means of accuracy and of the best of several samples."""

    name: str
    there: int
    columns: int
    accuracy: Estimate
    best: Estimate

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "name": self.name,
            "there": self.there,
            "columns": self.columns,
            "accuracy": self.accuracy.to_json(),
            "best": self.best.to_json(),
        }


def averages(suite: Suite, results: Results) -> list[Average]:
    """Those of the suite of which any column is there; benchmarks go by the names of either harness."""
    known = set(results.benchmarks)
    found = []
    for name, groups in (suite.averages or {WHOLE: ()}).items():
        columns = [each for each in suite.benchmarks if each.group in groups or not groups]
        named = [(each, title) for each in columns if (title := _name(each, known)) is not None]
        there = [(each, table) for each, title in named if len(table := items(results, title))]
        if there:
            tables = [table for _, table in there]
            weights = np.array([each.weight for each, _ in there])
            found.append(
                Average(name, len(there), len(columns), _mean(tables, weights, "value"), _mean(tables, weights, "best"))
            )
    return found


def items(results: Results, benchmark: str) -> pa.Table:
    """One row an item that counts: `value`, the mean of its answers, `best` (1 where any is right), and `group`."""
    table = results.part(benchmark)
    made = table.group_by("item").aggregate([("value", "mean"), ("value", "max"), ("group", "min")])
    made = made.filter(pc.is_valid(made.column("value_mean")))
    return pa.table(
        {
            "value": made.column("value_mean"),
            "best": pc.equal(made.column("value_max"), 1.0).cast("float64"),
            "group": pc.coalesce(made.column("group_min"), made.column("item")),
        }
    )


def _name(benchmark: Benchmark, known: set[str]) -> str | None:
    return next((name for name in (benchmark.vlmevalkit, benchmark.lmms_eval) if name in known), None)


def _mean(tables: Sequence[pa.Table], weights: np.ndarray, column: str) -> Estimate:
    each = [
        difference(table.column(column).to_numpy(), np.asarray(table.column("group").to_pylist(), str), seed=at)
        for at, table in enumerate(tables)
    ]
    value = float(np.average([one.estimate.value for one in each], weights=weights))
    return Estimate(value, *interval(np.average([one.samples for one in each], axis=0, weights=weights)))
