"""The order of rows: difficulty and capability, each on or off (arXiv 2605.20177, the four curriculum arms).

arrange(rows, difficulty=True, capability=True)     # places in `rows`, in the order to train them

neither        shuffled            difficulty    easy to hard over all rows
capability     stage by stage      both          stage by stage, easy to hard within
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

from perceptdata.errors import UsageError


class Row(NamedTuple):
    """What an order looks at. `stage` is its rank in the plan; `pass_rate` is the base model's, 1 for easy."""

    id: str
    stage: int
    pass_rate: float | None = None


def arrange(rows: Sequence[Row], difficulty: bool, capability: bool, seed: int = 42) -> list[int]:
    """The places of `rows` in training order. Ties, and all where difficulty is off, fall by the hash of seed and id.

    So the order depends on the rows alone, not on how they came. Raises UsageError for two rows of one id, and with
    `difficulty` for a row without a pass rate between 0 and 1.
    """
    seen: set[str] = set()
    for row in rows:
        if row.id in seen:
            raise UsageError(f"two rows have the id {row.id}; their order would depend on how they came")
        seen.add(row.id)
        if difficulty and (row.pass_rate is None or not 0 <= row.pass_rate <= 1):
            raise UsageError(
                f"row {row.id} has the pass rate {row.pass_rate}; measure difficulty first, or leave it out"
            )

    def key(place: int) -> tuple[int, float, bytes]:
        row = rows[place]
        return (row.stage if capability else 0, -(row.pass_rate or 0.0) if difficulty else 0.0, _draw(seed, row.id))

    return sorted(range(len(rows)), key=key)


def _draw(seed: int, row_id: str) -> bytes:
    return hashlib.sha256(f"{seed}/{row_id}".encode("utf-8", "surrogatepass")).digest()
