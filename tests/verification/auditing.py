"""Audits that tests make by hand."""

from typing import Any

import numpy as np

from perceptdata.verification.audit import Audit


def audit(readings: list[list[int]], traps: list[list[int]], last: list[int] | None = None, **changed: Any) -> Audit:
    """One stratum of ten times the claims, each claim of an image of its own, no last words unless said."""
    n = len(readings)
    columns: dict[str, Any] = {
        "claim": np.array([f"c{at}" for at in range(n)]),
        "image": np.arange(n),
        "stratum": np.zeros(n, np.int64),
        "population": np.array([10 * n]),
        "readings": np.array(readings, np.int8),
        "last": np.array(last if last is not None else [-1] * n, np.int8),
        "traps": np.array(traps, np.int8),
        "trap_last": np.full(len(traps), 1, np.int8),
    }
    return Audit(**{**columns, **changed})


def passing(claims: int, failing: int, traps: int, missed: int) -> Audit:
    """Two readers take turns; of the claims `failing` are failed and judged wrong, of the traps `missed` are passed."""
    readings, last = [], []
    for at in range(claims):
        said = int(at < failing)
        readings.append([said, -1] if at % 2 else [-1, said])
        last.append(1 if said else -1)
    trapped = [[0 if at < missed else 1, -1] if at % 2 else [-1, 0 if at < missed else 1] for at in range(traps)]
    return audit(readings, trapped, last)
