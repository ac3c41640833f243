"""What is stable enough to be asserted, of experiment 1 in design C and of the probes; the rest is reported.

Not asserted: the order of close arms, NGDiff above a fixed λ, and any gain of α or of PGPO. Three seeds of 400 pictures
resolve about three points.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .table import paired

Rows = Sequence[Mapping[str, Any]]


def stable(sft: Rows, probes: Rows) -> dict[str, bool]:
    """Each claim, and whether it held. Raises ValueError where an arm that a claim is about was not run."""
    found = {what: paired(sft, "0.3", "standard", what) for what in ("a", "a_p", "a_r")}
    gains = {what: one for what, one in found.items() if one is not None}
    if len(gains) < len(found) or not probes:
        raise ValueError("the claims are about standard, 0.3 and the probes; run all of them")
    mass = float(np.mean([row["mass_on_perception"] for row in probes]))
    coupled = [(row["r_a_p"], row["r_a_r"]) for row in probes if row["r_a_p"] is not None and row["r_a_r"] is not None]
    right, each = gains["a"][0], gains["a"][2]
    return {
        "perception is 5 % of the tokens": all(abs(row["token_share"] - 0.05) < 1e-4 for row in sft),
        "its share of the loss is small": all(row["loss_share"] < 0.15 for row in sft),
        "λ = .3 raises a": right > 0,
        "on two seeds of three": sum(value > 0 for value in each) >= 2 * len(each) / 3,
        "by raising a_p": gains["a_p"][0] > 0,
        "and not a_r": gains["a_r"][0] <= 2,
        "PGPO weighs perception, without labels": mass > 0.6,
        "the outcome follows reasoning at least as closely as perception": all(r >= p - 0.02 for p, r in coupled),
    }
