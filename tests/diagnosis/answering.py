"""Tables of answers made by hand, for the arithmetic."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from perceptdata.diagnosis.answered import SCHEMA

Cell = float | None


def answers(condition: str, right: Sequence[Cell], **columns: Sequence[Any]) -> pa.Table:
    """One answer an item, `i0`, `i1` and so on, each a group of its own; other columns as given."""
    rows = []
    for at, value in enumerate(right):
        row: dict[str, Any] = {
            "id": f"i{at}",
            "item": f"hash{at}",
            "group": f"g{at}",
            "family": "grid",
            "exact": True,
            "condition": condition,
            "sample": 0,
            "right": value,
            "state": "unscored" if value is None else "right" if value else "wrong",
            "cut": False,
            "restarted": False,
            "tokens": 10,
            "described": 0.5,
        }
        row |= {name: values[at] for name, values in columns.items()}
        rows.append({name: row.get(name) for name in SCHEMA.names})
    return pa.Table.from_pylist(rows, SCHEMA)


def diagnosed(a: Sequence[Cell], a_p: Sequence[Cell], a_r: Sequence[Cell]) -> pa.Table:
    """Answers to the picture with what they saw, and answers to given facts."""
    return pa.concat_tables([answers("image", a, seen=a_p), answers("oracle", a_r)])


def ones(count: int, of: int) -> list[Cell]:
    """`count` times 1, then 0."""
    return [1.0] * count + [0.0] * (of - count)
