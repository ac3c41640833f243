"""Accepting: which captions the panel lets through, before any person has looked.

    score = panel_score(claims, design, calibrations)        # (n,) how surely each claim is supported
    kept = accepted_claims(claims, score, design)            # (n,) claims of accepted captions

A caption is accepted whole or not at all. One that no judge found a claim in is not.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from perceptdata.errors import UsageError
from perceptdata.review.design import Design
from perceptdata.review.judged import Claims
from perceptdata.verification.calibration import Calibration
from perceptdata.verification.intervals import Numbers
from perceptdata.verification.panel import accepted, dawid_skene, majority, weighted_logit


def panel_score(claims: Claims, design: Design, calibrations: Mapping[str, Calibration]) -> Numbers:
    """(n,) in [0, 1], NaN where nobody spoke. Raises UsageError where the weighted panel lacks a calibration."""
    if design.panel == "majority":
        return majority(claims.votes)
    heard = (claims.votes >= 0).any(axis=1)
    if design.panel == "dawid_skene":
        return np.where(heard, dawid_skene(claims.votes), np.nan)
    missing = [judge for judge in claims.judges if judge not in calibrations]
    if missing:
        raise UsageError(
            f"the weighted panel needs a calibration of {', '.join(missing)}: `perceptdata review calibrate`"
        )
    worth = [calibrations[judge].overall for judge in claims.judges]
    rates = []
    for judge, each in zip(claims.judges, worth, strict=True):
        if each.sensitivity.value is None or each.specificity.value is None or each.base_rate.value is None:
            raise UsageError(f"{judge} was calibrated on claims of one kind; label true and false ones")
        rates.append((each.sensitivity.value, each.specificity.value, each.base_rate.value))
    sensitivity, specificity, base = np.array(rates).T
    score = weighted_logit(claims.votes, sensitivity, specificity, float(base.mean()))
    return np.where(heard, score, np.nan)


def accepted_claims(claims: Claims, score: Numbers, design: Design) -> NDArray[np.bool_]:
    """(n,) whether the claim's caption is accepted."""
    kept = accepted(score, claims.owner, design.threshold)
    if design.use == "reward":
        kept &= ~np.isin(claims.owner, np.array(list(claims.leaking), dtype=np.str_))
    return kept
