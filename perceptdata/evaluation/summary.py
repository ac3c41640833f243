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
from perceptdata.evaluation.averages import averages, items
from perceptdata.evaluation.exposure import Exposure
from perceptdata.evaluation.suites import SUITES
from perceptdata.verification.intervals import share


def summarise(results: Results, exposures: Mapping[str, Exposure] | None = None) -> dict[str, Any]:
    """Plain values. `official` is what the harness prints itself, None where it was not found."""
    official = results.about.get("official", {})
    rows = []
    for name in results.benchmarks:
        table, counted = results.part(name), items(results, name)
        told = share(counted.column("value").to_numpy(), np.asarray(counted.column("group").to_pylist(), str))
        read = table.filter(
            pc.and_(pc.not_equal(table.column("state"), "unparsed"), pc.is_valid(table.column("value")))
        )
        found = None if exposures is None else exposures.get(name)
        rows.append(
            {
                "benchmark": name,
                "items": len(counted),
                "accuracy": told.value,
                "low": told.low,
                "high": told.high,
                "where_read": pc.mean(read.column("value")).as_py(),
                "best": pc.mean(counted.column("best")).as_py(),
                "answers": results.states(name),
                "official": official.get(name),
                "judged": results.about.get("judged", {}).get(name),
                "exposure": None if found is None else found.to_json(),
            }
        )
    told_suite = SUITES.get(str(results.about.get("suite")))
    means = [] if told_suite is None else [each.to_json() for each in averages(told_suite, results)]
    samples = int(results.about.get("samples", 1))
    return {
        "name": results.name,
        "samples": samples,
        "benchmarks": rows,
        "averages": means,
        "notes": list(results.notes),
    }


def judged_alike(found: Findings, a: Results, b: Results) -> Findings:
    """The findings, with a note where other judges read the answers of the two: their difference is then the judges'
    too.
    """
    one, other = (side.about.get("judged", {}) for side in (a, b))
    unlike = [name for name in sorted({*one} & {*other}) if one[name] != other[name]]
    notes = tuple(f"{name} was judged otherwise: {one[name]} in {a.name}, {other[name]} in {b.name}" for name in unlike)
    return replace(found, notes=(*found.notes, *notes))


def beside(found: Findings, exposures: Mapping[str, Exposure]) -> Findings:
    """The findings with what was met in training rows beside each benchmark."""
    rows = tuple(
        replace(row, extra={**row.extra, "exposure": exposures[row.benchmark].to_json()})
        if row.benchmark in exposures
        else row
        for row in found.rows
    )
    return replace(found, rows=rows)
