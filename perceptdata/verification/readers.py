"""Readers: what the people who audited get wrong, counted from traps and from claims that two of them read.

    found = measure(audit.readings, audit.last, audit.traps, audit.trap_last, audit.image)
    found.errors                  # misses among traps, false alarms among claims read twice; for `bounds`
    found.traps_too_easy()        # whether the corpus' own errors are missed more often than the traps are

Miss and false alarm are those of the mean reading of the audit, so each reader counts by their share of it. A reader
who read for the audit but no trap could pass anything: then no miss is known.

An audit is *settled* when every claim and every trap that somebody failed has a last word (a second look, together or
by a third person, who does not know which are traps). Then a failing reading that the last word overrules stands as a
pass, for claims and for traps alike: what traps measure is the whole chain, a lenient last word included, and no
false alarm is left to be carried. Otherwise readings stand as they are, and false alarms are counted among the claims
read twice, where the last word is taken to be right; those that nobody failed are taken to be true, which makes
alarms look rarer.

Of false claims that two people read, those that both fail and those that one fails tell the miss of real errors: of
the found ones, 2m / (1 + m) are found by one alone (two independent readers, as in the Lincoln-Petersen estimate).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perceptdata.verification.bounds import Errors
from perceptdata.verification.intervals import CONFIDENCE, Numbers, effective_size, lower_bound, upper_bound
from perceptdata.verification.verdicts import SUPPORTED, Codes, supports


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """`share` (..., R) of the audit by reader; `settled` or not; `passing` (..., n) share of a claim's readings that
    stand as passes; `errors` for the mean reading; false claims found by one of two readers and by both; claims read
    twice in all, and claims that wait for a last word.
    """

    share: Numbers
    settled: bool
    passing: Numbers
    errors: Errors
    found_once: Numbers
    found_twice: Numbers
    doubled: Numbers
    waiting: Numbers

    def real_miss_lower(self, confidence: float = CONFIDENCE) -> Numbers:
        """The lower bound of how often real errors are missed; 0 where none was found."""
        alone = lower_bound(self.found_once, self.found_once + self.found_twice, confidence)
        return alone / (2 - alone)

    def traps_too_easy(self, confidence: float = CONFIDENCE) -> NDArray[np.bool_]:
        """Whether real errors are surely missed more often than traps can be."""
        return self.real_miss_lower(confidence) > upper_bound(self.errors.missed, self.errors.traps, confidence)


def measure(readings: Codes, last: Codes, traps: Codes, trap_last: Codes, image: NDArray[np.integer]) -> Measured:
    """Readings (..., n, R) and last words (..., n) of the audit, the same of the t known-false claims.

    Images (..., n) make clusters of the claims read twice; a trap that several people read is one cluster.
    """
    read, failed = readings >= 0, readings > SUPPORTED
    times = read.sum(axis=-1)
    part = (read / np.maximum(times, 1)[..., None]).sum(axis=-2)
    share = part / np.maximum(part.sum(axis=-1, keepdims=True), 1)
    waiting = failed.any(axis=-1) & (last < 0)
    settled = not (waiting.any() or ((traps > SUPPORTED).any(axis=-1) & (trap_last < 0)).any())
    passes, passed_traps = supports(readings), supports(traps)
    if settled:
        passes = passes | (read & (last == SUPPORTED)[..., None])
        passed_traps = passed_traps | ((traps >= 0) & (trap_last == SUPPORTED)[..., None])
    order = np.broadcast_to(np.arange(traps.shape[-2]), traps.shape[:-1])
    missed, size, everybody = _weighted(passed_traps, traps >= 0, share, order)
    good = (times >= 2) & (~failed.any(axis=-1) | (last == SUPPORTED))
    alarmed, controls, _ = _weighted(failed, read & good[..., None], share, image)
    bad, finders = (times == 2) & (last > SUPPORTED), failed.sum(axis=-1)
    carry = 0.0 if settled else 1.0
    return Measured(
        share=share,
        settled=settled,
        passing=passes.sum(axis=-1) / np.maximum(times, 1),
        errors=Errors(
            np.where(everybody, missed, 0.0), np.where(everybody, size, 0.0), carry * alarmed, carry * controls
        ),
        found_once=(bad & (finders == 1)).sum(axis=-1).astype(np.float64),
        found_twice=(bad & (finders == 2)).sum(axis=-1).astype(np.float64),
        doubled=(times >= 2).sum(axis=-1).astype(np.float64),
        waiting=waiting.sum(axis=-1).astype(np.float64),
    )


def _weighted(
    hit: NDArray[np.bool_], read: NDArray[np.bool_], share: Numbers, cluster: NDArray[np.integer]
) -> tuple[Numbers, Numbers, NDArray[np.bool_]]:
    """Hits and effective size (...,) of the mean rate weighted by `share`; whether all readers who count are in it."""
    each = read.sum(axis=-2)
    weight = (read * (share / np.maximum(each, 1))[..., None, :]).reshape(*read.shape[:-2], -1)
    rate = (weight * hit.reshape(weight.shape)).sum(axis=-1)
    size = effective_size(weight, np.repeat(cluster, read.shape[-1], axis=-1))
    return rate * size, size, ((share == 0) | (each > 0)).all(axis=-1)
