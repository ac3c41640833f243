"""A case for a certificate: an audit's sample and answers, with today's captions and verdicts, as evidence.

    case = case_of(ws, "audit", "reward", probe="probe", surrogate="facts")
    case.outcome()                    # the Certificate, or the Refusal with its reasons

Everything is read out of layers, so that anyone who has the workspace can make it again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from perceptdata.errors import UsageError
from perceptdata.layers import CORRECT
from perceptdata.review.accepting import accepted_claims, panel_score
from perceptdata.review.calibrations import bindings, load_calibrations
from perceptdata.review.design import Sample
from perceptdata.review.drawing import load_sample
from perceptdata.review.evidence import audit_of, objections, reader_kinds, traps_fingerprint
from perceptdata.review.judged import Claims, read_claims
from perceptdata.rewards.surrogates.references import captions_fingerprint
from perceptdata.steps.reviews import reviews_of
from perceptdata.verification.certificate import Certificate, Evidence, Fingerprints, Refusal, Use, issue
from perceptdata.verification.surrogate import Comparison, compare

if TYPE_CHECKING:
    from perceptdata.workspace import Workspace

PERCEPTION = "perception"


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """A sample, the evidence that came of it, and the addresses of the captions that are accepted today."""

    sample: Sample
    use: Use
    evidence: Evidence
    accepted: frozenset[str]

    def outcome(self) -> Certificate | Refusal:
        """By the target of the design."""
        return issue(self.evidence, self.sample.design.target, self.use)


def case_of(
    ws: Workspace, audit: str, use: Use | None = None, probe: str | None = None, surrogate: str | None = None
) -> Case:
    """All that the certificate is made of, out of the layers; for the use of the design unless told.

    Raises UsageError where something is not there, or the audit was drawn for less.
    """
    sample = load_sample(ws, audit)
    use = use or sample.design.use
    if use == "reward" and sample.design.use != use:
        raise UsageError(
            f"audit '{audit}' was drawn for filtering: captions that give answers away are among the accepted ones; "
            "draw one with --use reward"
        )
    rows = reviews_of(ws, audit)
    claims = read_claims(ws, sample.design.captions, sample.design.judges)
    kept = accepted_claims(claims, panel_score(claims, sample.design, load_calibrations(ws)), sample.design)
    accepted = sorted(set(claims.owner[kept].tolist()))
    today = bindings(ws, claims)
    evidence = Evidence(
        audit=audit_of(sample, rows),
        slices=[stratum.slice for stratum in sample.strata],
        captions=sample.accepted,
        reader_kinds=reader_kinds(sample, rows),
        fingerprints=Fingerprints(
            data=captions_fingerprint([_key(claims, each) for each in accepted]),
            judges=tuple(f"{judge}: {today[judge].model}" for judge in claims.judges),
            prompts=tuple(today[judge].prompt for judge in claims.judges),
            traps=traps_fingerprint(sample),
        ),
        thresholds={sample.design.panel: sample.design.threshold},
        objections=objections(ws, sample, claims),
        surrogate=_compared(ws, probe, surrogate) if probe and surrogate else None,
    )
    return Case(sample, use, evidence, frozenset(accepted))


def _compared(ws: Workspace, probe: str, surrogate: str) -> Comparison:
    """The surrogate beside the outcome, on rollouts of which all three are in the probe's scores."""
    columns = ["example_id", "text_id", "name", "value"]
    rows = ws.layer(probe, "scores").to_table(columns=columns).to_pylist()
    found: dict[tuple[str, str], dict[str, float | None]] = {}
    for row in rows:
        found.setdefault((row["example_id"], row["text_id"]), {})[row["name"]] = row["value"]
    used = {
        key: said
        for key, said in found.items()
        if said.get(CORRECT) is not None and said.get(PERCEPTION) is not None and surrogate in said
    }
    if not used:
        raise UsageError(f"no rollout of '{probe}' has scores {surrogate}, {CORRECT} and {PERCEPTION}")
    groups = _groups(ws, {example for example, _ in used})
    known, outcome, perception = (
        [_number(said[name]) for said in used.values()] for name in (surrogate, CORRECT, PERCEPTION)
    )
    return compare(known, outcome, perception, [groups[example] for example, _ in used])


def _number(value: float | None) -> float:
    return np.nan if value is None else value


def _key(claims: Claims, address: str) -> dict[str, str]:
    return {"text_id": address, "text_sha256": claims.captions[address].text_sha256}


def _groups(ws: Workspace, examples: set[str]) -> dict[str, str]:
    """The group (image or scene) of each example; a rollout of an unknown one is its own."""
    found = {example: example for example in examples}
    for batch in ws.examples().to_batches(columns=["id", "group"]):
        for row in batch.to_pylist():
            if row["id"] in found:
                found[row["id"]] = row["group"]
    return found
