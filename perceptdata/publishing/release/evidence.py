"""How far a workspace's annotations were measured: certificates, calibrated judges, people's agreement.

evidence_of(ws)      # {"certificates": {...}, "calibrations": {...}, "agreement": [...]}; what is not there is left out
"""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Any

from perceptdata.agreement.comparison import ALL, compare
from perceptdata.agreement.reading import read
from perceptdata.errors import WorkspaceError
from perceptdata.review.calibrations import load_calibrations
from perceptdata.verification.certificate import Certificate
from perceptdata.workspace import layer_room

if TYPE_CHECKING:
    from perceptdata.workspace import Workspace

CERTIFICATES, CERTIFICATE = "certificates", "certificate.json"
MOST = 200_000
"""Rows of a spans layer that are compared with people's: more would have to be held in memory for a few reviews."""


def evidence_of(ws: Workspace) -> dict[str, Any]:
    """Plain values, digits as a reader wants them."""
    found = {"certificates": _certificates(ws), "calibrations": _calibrations(ws), "agreement": _agreement(ws)}
    return {name: each for name, each in found.items() if each}


def _certificates(ws: Workspace) -> dict[str, Any]:
    said = {}
    for step, state in ws.manifest.steps.items():
        path = ws.path / CERTIFICATES / step / CERTIFICATE
        if state.current.do != "certify" or not path.exists():
            continue
        try:
            certificate = Certificate.model_validate_json(path.read_bytes())
        except (OSError, ValueError) as error:
            raise WorkspaceError(f"{path} cannot be read as a certificate; run `perceptdata certify` again") from error
        findings, readers = certificate.findings, certificate.findings.readers
        said[step] = {
            "fingerprint": certificate.fingerprint,
            "use": findings.use,
            "target": findings.target,
            "confidence": findings.confidence,
            "precision": round(findings.claims.estimate, 4),
            "lower": round(findings.claims.lower, 4),
            "claims": findings.claims.claims,
            "audited": findings.claims.audited,
            "captions": findings.captions,
            "readers": readers.count,
            "reader_kind": readers.kind,
            "kappa": _rounded(readers.kappa),
            "does_not_cover": list(certificate.does_not_cover),
        }
    return said


def _calibrations(ws: Workspace) -> dict[str, Any]:
    return {
        judge: {
            "against": list(made.against),
            "labels": made.overall.labels,
            "sensitivity": _share(made.overall.sensitivity),
            "specificity": _share(made.overall.specificity),
            "kappa": _rounded(made.overall.kappa),
            "model": made.binding.model,
        }
        for judge, made in load_calibrations(ws).items()
    }


def _agreement(ws: Workspace) -> list[dict[str, Any]]:
    """People against each other, and against every spans layer that speaks of the same texts."""
    spans = layer_room("spans")
    reviewed = [step for step, kinds in ws.layers().items() if "reviews" in kinds]
    others = [
        step
        for step, kinds in ws.layers().items()
        if "spans" in kinds and ws.manifest.steps[step].current.rows(spans) <= MOST
    ]
    found = []
    for step in reviewed:
        marks = ws.layer(step, "reviews").to_table(columns=["scheme", "reviewer", "spans"])
        people = len(set(marks.column("reviewer").to_pylist()))
        for names in [[step], *([step, other] for other in others if other != step)]:
            if len(names) + people - 1 < 2 or not any(marks.column("spans").to_pylist()):
                continue
            joined = read(ws, names)
            if not joined.coded.texts:
                continue
            whole = compare(joined.coded)[ALL]
            alpha = whole.estimates.get(("clauses", "alpha", ALL))
            if alpha is not None and isfinite(alpha.value):
                said = {"annotators": list(joined.coded.annotators), "texts": whole.texts, "clauses": whole.clauses}
                found.append({**said, "alpha": alpha.to_json()})
    return found


def _share(share: Any) -> dict[str, float | None]:
    return {name: _rounded(getattr(share, name)) for name in ("value", "low", "high") if hasattr(share, name)}


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
