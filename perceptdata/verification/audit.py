"""Audits: what people read of the accepted claims, as arrays, and what it proves of all of them.

    audit = Audit(claim, image, stratum, population, readings, last, traps, trap_last)
    proof = prove(audit)
    proof.lower()                 # the lower 95 % bound of precision: the smaller of the exact and the stratified one

All arrays may have leading axes (many audits by the same plan), which is how `simulate` runs this very code.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from perceptdata.errors import UsageError
from perceptdata.verification.bounds import Passed, carried_lower, doubt, passed, precision
from perceptdata.verification.intervals import CONFIDENCE, Numbers
from perceptdata.verification.readers import Measured, measure
from perceptdata.verification.verdicts import Codes, checked


@dataclass(frozen=True, slots=True, eq=False)
class Audit:
    """n sampled claims in H strata, read by R people, with t traps among them.

    `claim` (n,) ids, `image` (..., n) codes, `stratum` (n,) codes, `population` (H,) accepted claims of each stratum,
    `readings` (..., n, R) verdict codes, `last` (..., n) last words on claims that somebody failed (else -1), `traps`
    (..., t, R) and `trap_last` (..., t) the same of known-false claims.

    A sampled claim that nobody read counts as failed. Raises UsageError where shapes or codes do not fit, where a claim
    stands twice, or where a stratum has more sampled claims than claims, or claims and no sample.
    """

    claim: NDArray[np.str_]
    image: NDArray[np.integer]
    stratum: NDArray[np.integer]
    population: NDArray[np.integer]
    readings: Codes
    last: Codes
    traps: Codes
    trap_last: Codes

    def __post_init__(self) -> None:
        n, readers = len(self.claim), self.readings.shape[-1]
        for name, size in (("image", n), ("stratum", n), ("last", n), ("trap_last", self.traps.shape[-2])):
            if getattr(self, name).shape[-1:] != (size,):
                raise UsageError(
                    f"{name} needs one entry for each of {size} rows, and has {getattr(self, name).shape[-1:]}"
                )
        if self.readings.shape[-2] != n or self.traps.shape[-1] != readers:
            raise UsageError(
                f"readings and traps need one column a reader, and readings one row for each of {n} claims"
            )
        for name in ("readings", "last", "traps", "trap_last"):
            object.__setattr__(self, name, checked(getattr(self, name), name))
        if not n:
            raise UsageError("no claim was sampled; draw an audit sample first")
        unique, times = np.unique(self.claim, return_counts=True)
        if len(unique) < n:
            raise UsageError(f"claim {unique[times.argmax()]} was sampled {times.max()} times; keep one row of it")
        if self.stratum.min() < 0 or self.stratum.max() >= len(self.population):
            raise UsageError(f"a stratum is outside 0 to {len(self.population) - 1}")
        sampled = np.bincount(self.stratum, minlength=len(self.population))
        for stratum in np.nonzero(sampled > self.population)[0]:
            raise UsageError(f"stratum {stratum} has {self.population[stratum]} claims, {sampled[stratum]} sampled")
        for stratum in np.nonzero((sampled == 0) & (self.population > 0))[0]:
            raise UsageError(f"stratum {stratum} has {self.population[stratum]} claims of which none was sampled")


@dataclass(frozen=True, slots=True, eq=False)
class Proof:
    """What passed, what the readers get wrong, and the bounds that follow: `exact` from as many claims as were sampled
    at one rate, `stratified` from all of them.
    """

    passed: Passed
    readers: Measured

    def precision(self) -> Numbers:
        """The stratified estimate of precision, corrected for the readers' errors."""
        return precision(self.passed.rate, 1.0, self.readers.errors)

    def exact(self, confidence: float = CONFIDENCE) -> Numbers:
        """The bound from the audit as one binomial."""
        return self._lower(self.passed.even, confidence)

    def stratified(self, confidence: float = CONFIDENCE) -> Numbers:
        """The bound from the stratified estimate."""
        return self._lower(self.passed.all, confidence)

    def lower(self, confidence: float = CONFIDENCE) -> Numbers:
        """The smaller of both."""
        return np.minimum(self.exact(confidence), self.stratified(confidence))

    def reaches(self, target: ArrayLike, confidence: float = CONFIDENCE) -> NDArray[np.bool_]:
        """Whether `lower` is at least `target`, without looking for it."""
        doubts = [
            doubt(target, self.passed.rate * n, n, self.readers.errors) for n in (self.passed.even, self.passed.all)
        ]
        return np.maximum(*doubts) <= 1 - confidence

    def _lower(self, size: Numbers, confidence: float) -> Numbers:
        return carried_lower(self.passed.rate * size, size, self.readers.errors, confidence)


def prove(audit: Audit, within: NDArray[np.bool_] | None = None) -> Proof:
    """What the audit proves of all accepted claims, or of the strata `within` (H,); the readers are those of all."""
    readers = measure(audit.readings, audit.last, audit.traps, audit.trap_last, audit.image)
    kept = np.ones(len(audit.claim), bool) if within is None else within[audit.stratum]
    population = audit.population if within is None else np.where(within, audit.population, 0)
    if not kept.any():
        raise UsageError("no claim was sampled there")
    return Proof(passed(readers.passing[..., kept], audit.image[..., kept], audit.stratum[kept], population), readers)
