"""The certificate: what an audit by people proves of captions, so that nothing unproven becomes a reward by accident.

    outcome = issue(Evidence(audit, ...), target=0.95)      # a Certificate, or a Refusal with its reasons
    verify(certificate, evidence)                           # [] or what differs, in words

The unit is the claim; the bound for captions follows from it (`bounds.captions_lower`). A certificate is issued where
the lower bound of precision reaches the target, by the exact binomial on the audit and by the stratified estimate,
both with the readers' measured misses and false alarms carried in them, and for rewards only where the surrogate
surely follows perception better than the outcome does. It is a function of arrays: anyone who has them can compute it
again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from perceptdata.agreement.coefficients import kappa
from perceptdata.errors import UsageError
from perceptdata.records import Record, canonical_json
from perceptdata.verification.audit import Audit, Proof, prove
from perceptdata.verification.bounds import captions_lower
from perceptdata.verification.intervals import CONFIDENCE, upper_bound
from perceptdata.verification.surrogate import Comparison
from perceptdata.verification.verdicts import supports

Use = Literal["filter", "reward"]
ReaderKind = Literal["person", "simulated"]

TARGET = 0.95
_CLOSE = 1e-9

NOT_COVERED = (
    "captions, images and sources other than those fingerprinted here",
    "what a caption leaves out: precision is bounded, recall is not",
    "claims that the segmenter or decomposition failed to cut out of a caption",
    "errors that are harder to see than the traps: the miss of the readers is known for the traps",
    "single captions: the bound is for the share of all accepted ones",
)
_SIMULATED = "people: its readers were simulated, so that it shows how certificates work and proves nothing of captions"
_UNSETTLED = "wrong last words: the readers' false alarms were counted by them, on claims read twice"
_ALONE = "errors that the only reader makes without a second one to notice"


class Fingerprints(Record):
    """What the certificate speaks of: the accepted claims and captions, the judges and their prompts, the traps."""

    data: str
    judges: tuple[str, ...]
    prompts: tuple[str, ...]
    traps: str


class Bound(Record):
    """Precision of the claims of one slice or of all: the estimate, and its lower bounds. `size` is what the audited
    claims are worth, images and strata considered.
    """

    slice: str | None
    claims: int
    audited: int
    size: float
    estimate: float
    exact: float
    stratified: float

    @property
    def lower(self) -> float:
        """The smaller of both."""
        return min(self.exact, self.stratified)


class Readers(Record):
    """Who read, and how well: `miss` of `traps` effective known-false claims, `alarm` of `controls` true ones (nothing
    is carried where every failed claim got a last word: `settled`); raw agreement and kappa on claims read twice;
    false claims found by one of two readers and by both; claims nobody read, which count as failed.
    """

    kind: ReaderKind
    count: int
    readings: int
    miss: float
    miss_upper: float
    traps: float
    alarm: float
    controls: float
    settled: bool
    doubled: int
    agreement: float | None
    kappa: float | None
    found_once: int
    found_twice: int
    real_miss_lower: float
    waiting: int
    unread: int


class Findings(Record):
    """All numbers of a certificate or refusal."""

    target: float
    confidence: float
    use: Use
    claims: Bound
    slices: tuple[Bound, ...]
    captions: int
    captions_lower: float
    images: int
    readers: Readers
    surrogate: Comparison | None
    thresholds: dict[str, float]
    fingerprints: Fingerprints
    audit: str

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return self.model_dump(mode="json")


class Certificate(Record):
    """Proof that the accepted captions reach the target. `fingerprint` is the hash of everything else in it."""

    findings: Findings
    does_not_cover: tuple[str, ...]
    fingerprint: str

    def intact(self) -> bool:
        """Whether nothing in it was changed since it was issued."""
        return self.fingerprint == _hash(self.findings, self.does_not_cover)


class Refusal(Record):
    """Why there is no certificate, with the same numbers."""

    findings: Findings
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """What a certificate is made of.

    `audit` without leading axes; `slices` (H,) names the slice of each stratum; `captions` is how many accepted
    captions there are. `reader_kinds` has one entry a column of readings: only `person` and `simulated` may certify.
    `objections` are reasons that stand before any number: a refused judge, a stale calibration. `thresholds` are
    those by which captions were accepted.
    """

    audit: Audit
    slices: Sequence[str]
    captions: int
    reader_kinds: Sequence[str]
    fingerprints: Fingerprints
    thresholds: dict[str, float]
    objections: Sequence[str] = ()
    surrogate: Comparison | None = None


def issue(
    evidence: Evidence, target: float = TARGET, use: Use = "filter", confidence: float = CONFIDENCE
) -> Certificate | Refusal:
    """The certificate, or why there is none. Raises UsageError where the evidence is not of one audit."""
    audit = evidence.audit
    if audit.readings.ndim != 2 or len(evidence.slices) != len(audit.population):
        raise UsageError("a certificate is made of one audit, with a slice named for each of its strata")
    if len(evidence.reader_kinds) != audit.readings.shape[-1]:
        raise UsageError(f"say of each of the {audit.readings.shape[-1]} readers whether it is a person")
    if not 0 < evidence.captions <= int(audit.population.sum()):
        raise UsageError(f"{evidence.captions} captions cannot hold {int(audit.population.sum())} claims")
    proof = prove(audit)
    findings = _findings(evidence, proof, target, use, confidence)
    reasons = (*evidence.objections, *_reasons(evidence, findings, proof))
    if reasons:
        return Refusal(findings=findings, reasons=reasons)
    uncovered: tuple[str, ...] = NOT_COVERED
    if findings.readers.kind == "simulated":
        uncovered = (_SIMULATED, *uncovered)
    if not findings.readers.settled:
        uncovered = (*uncovered, _UNSETTLED)
    if findings.readers.count == 1:
        uncovered = (*uncovered, _ALONE)
    return Certificate(findings=findings, does_not_cover=uncovered, fingerprint=_hash(findings, uncovered))


def verify(certificate: Certificate, evidence: Evidence) -> list[str]:
    """What differs when the certificate is computed again from what should be the same evidence; [] if nothing."""
    differences = [] if certificate.intact() else ["the certificate was changed after it was issued"]
    findings = certificate.findings
    again = issue(evidence, findings.target, findings.use, findings.confidence)
    if isinstance(again, Refusal):
        differences += [f"today it would be refused: {reason}" for reason in again.reasons]
    was, now = findings.to_json(), again.findings.to_json()
    return differences + _differences("", was, now)


def _findings(evidence: Evidence, proof: Proof, target: float, use: Use, confidence: float) -> Findings:
    audit = evidence.audit
    names = np.asarray(evidence.slices, dtype=np.str_)
    filled = sorted(set(names[audit.population > 0].tolist()))
    whole = _bound(None, audit, proof, np.ones(len(names), bool), confidence)
    each = (_bound(name, audit, prove(audit, names == name), names == name, confidence) for name in filled)
    claims_a_caption = whole.claims / evidence.captions
    return Findings(
        target=target,
        confidence=confidence,
        use=use,
        claims=whole,
        slices=tuple(each) if len(filled) > 1 else (),
        captions=evidence.captions,
        captions_lower=float(captions_lower(whole.lower, claims_a_caption)),
        images=len(np.unique(audit.image)),
        readers=_readers(evidence, proof, confidence),
        surrogate=evidence.surrogate,
        thresholds=evidence.thresholds,
        fingerprints=evidence.fingerprints,
        audit=_digest(audit),
    )


def _bound(name: str | None, audit: Audit, proof: Proof, within: np.ndarray, confidence: float) -> Bound:
    return Bound(
        slice=name,
        claims=int(audit.population[within].sum()),
        audited=int(within[audit.stratum].sum()),
        size=float(proof.passed.even),
        estimate=float(proof.precision()),
        exact=float(proof.exact(confidence)),
        stratified=float(proof.stratified(confidence)),
    )


def _readers(evidence: Evidence, proof: Proof, confidence: float) -> Readers:
    audit, measured = evidence.audit, proof.readers
    errors, read = measured.errors, audit.readings >= 0
    both = np.nonzero(read.sum(axis=1) == 2)[0]
    pairs = supports(audit.readings[both])[read[both]].reshape(-1, 2).astype(np.int64)
    table = np.bincount(pairs @ (2, 1), minlength=4).reshape(2, 2).astype(np.float64)
    chance_corrected = float(kappa(table)) if len(both) else float("nan")
    return Readers(
        kind="simulated" if "simulated" in evidence.reader_kinds else "person",
        count=int(read.any(axis=0).sum()),
        readings=int(read.sum() + (audit.traps >= 0).sum()),
        miss=float(errors.miss),
        miss_upper=float(upper_bound(errors.missed, errors.traps, confidence)),
        traps=float(np.asarray(errors.traps)),
        alarm=float(errors.alarm),
        controls=float(np.asarray(errors.controls)),
        settled=measured.settled,
        doubled=int(measured.doubled),
        agreement=float(np.trace(table) / table.sum()) if len(both) else None,
        kappa=chance_corrected if np.isfinite(chance_corrected) else None,
        found_once=int(measured.found_once),
        found_twice=int(measured.found_twice),
        real_miss_lower=float(measured.real_miss_lower(confidence)),
        waiting=int(measured.waiting),
        unread=int((~read.any(axis=1)).sum()),
    )


def _reasons(evidence: Evidence, findings: Findings, proof: Proof) -> list[str]:
    reasons, readers, claims = [], findings.readers, findings.claims
    strangers = sorted(set(evidence.reader_kinds) - {"person", "simulated"})
    if strangers:
        reasons.append(f"{', '.join(strangers)} labels are no audit: a certificate needs people")
    if not readers.traps:
        reasons.append(
            "some reader read no trap, so that nobody knows what they miss: mix known-false claims in for each"
        )
    if bool(proof.readers.traps_too_easy(findings.confidence)):
        reasons.append(
            f"the traps are easier than the real errors: of those, two readers miss {readers.real_miss_lower:.3f} at "
            f"least, of the traps {readers.miss_upper:.3f} at most; make harder traps"
        )
    if not claims.lower >= findings.target:
        reasons.append(
            f"the lower bound of precision is {claims.lower:.4f} (exact {claims.exact:.4f}, stratified "
            f"{claims.stratified:.4f}; estimate {claims.estimate:.4f}), under the target {findings.target:g}: audit "
            "more claims, or accept fewer"
        )
    if findings.use == "reward":
        surrogate = findings.surrogate
        if surrogate is None:
            reasons.append("for rewards the surrogate must be compared with the outcome on a labelled probe first")
        elif not surrogate.passes:
            reasons.append(
                f"the surrogate does not surely follow perception better than the outcome: correlations "
                f"{surrogate.surrogate} and {surrogate.outcome}, lower bound of the difference {surrogate.lower}"
            )
    return reasons


def _differences(path: str, was: Any, now: Any) -> list[str]:
    if isinstance(was, dict) and isinstance(now, dict):
        keys = [*was, *(key for key in now if key not in was)]
        return [line for key in keys for line in _differences(f"{path}.{key}".lstrip("."), was.get(key), now.get(key))]
    if isinstance(was, list) and isinstance(now, list) and len(was) == len(now):
        return [
            line
            for at, (one, other) in enumerate(zip(was, now, strict=True))
            for line in _differences(f"{path}[{at}]", one, other)
        ]
    if isinstance(was, float) and isinstance(now, float) and abs(was - now) <= _CLOSE:
        return []
    return [] if was == now else [f"{path}: {was} in the certificate, {now} now"]


def _digest(audit: Audit) -> str:
    """The hash of every array of the audit by value, whatever the order of its claims."""
    order = np.argsort(audit.claim, kind="stable")
    of_claims = ("claim", "image", "stratum", "readings", "last")
    columns = [(name, getattr(audit, name)[order]) for name in of_claims]
    columns += [(name, getattr(audit, name)) for name in ("population", "traps", "trap_last")]
    digest = hashlib.sha256()
    for name, column in columns:
        digest.update(canonical_json([name, list(column.shape), column.ravel().tolist()]).encode())
    return digest.hexdigest()


def _hash(findings: Findings, uncovered: tuple[str, ...]) -> str:
    return hashlib.sha256(canonical_json([findings.to_json(), list(uncovered)]).encode()).hexdigest()
