"""Certificates of a workspace: where they lie, and whether they can be made again from the layers.

read_outcome(ws, "certified")                      # the Certificate, the Refusal, or None
write_page(ws, "certified")                    # certificates/certified/index.html
verify_certificate(ws, "certified", path)          # [] or what differs
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from perceptdata.errors import UsageError
from perceptdata.manifest import write_atomically
from perceptdata.review.calibrations import load_calibrations
from perceptdata.rewards.surrogates.references import captions_fingerprint
from perceptdata.steps.case import case_of
from perceptdata.verification.certificate import Certificate, Refusal, verify
from perceptdata.workspace import layer_room

if TYPE_CHECKING:
    from perceptdata.workspace import Workspace

CERTIFY = "certify"
CERTIFICATES, CERTIFICATE, REFUSAL, PAGE = "certificates", "certificate.json", "refusal.json", "index.html"
CAPTIONS = layer_room("captions")
MARK = "certificate"
"""In the meta of a certified caption: the fingerprint of its certificate."""


def read_outcome(ws: Workspace, name: str) -> Certificate | Refusal | None:
    """What became of a certify step: its certificate or refusal, None where neither is there."""
    for file, kind in ((CERTIFICATE, Certificate), (REFUSAL, Refusal)):
        path = ws.path / CERTIFICATES / name / file
        if path.exists():
            return _read(path, kind)
    return None


def verify_certificate(ws: Workspace, name: str, path: Path) -> list[str]:
    """Make the certificate again from the layers: [] or what differs, in words, the layer of captions included."""
    state = ws.manifest.steps.get(name)
    if state is None or state.current.do != CERTIFY:
        have = [step for step, each in ws.manifest.steps.items() if each.current.do == CERTIFY]
        raise UsageError(f"there is no certify step '{name}' in {ws.path}; {', '.join(have) or 'none'} is")
    options = state.current.options
    case = case_of(ws, options["audit"], options["use"], options["probe"], options["surrogate"])
    certificate = _read(path, Certificate)
    differences = verify(certificate, case.evidence)
    if (certificate.findings.target, certificate.findings.use) != (case.sample.design.target, case.use):
        differences.append("target or use are others than those that were fixed when the audit was drawn")
    if not ws.shards(CAPTIONS, name):
        return [*differences, f"'{name}' holds no certified captions today"]
    rows = ws.layer(name, "captions").to_table(columns=["text_id", "text_sha256", "text", "meta"]).to_pylist()
    if captions_fingerprint(rows) != certificate.findings.fingerprints.data:
        differences.append(f"the captions of '{name}' are others than those that were certified")
    if any(json.loads(row["meta"]).get(MARK) != certificate.fingerprint for row in rows):
        differences.append(f"captions of '{name}' bear the mark of another certificate")
    return differences


def write_page(ws: Workspace, name: str) -> Path:
    """Write the certificate, or the refusal, as a person reads it. Raises UsageError where there is neither."""
    from perceptdata.report.certificate import render  # the template engine is needed only here

    outcome = read_outcome(ws, name)
    if outcome is None:
        raise UsageError(f"'{name}' has neither a certificate nor a refusal in {ws.path}; `perceptdata certify` first")
    file = ws.path / CERTIFICATES / name / PAGE
    write_atomically(file, render(outcome, name, load_calibrations(ws)).encode())
    return file


def _read(path: Path, kind: type[Certificate] | type[Refusal]) -> Any:
    try:
        return kind.model_validate_json(path.read_bytes())
    except OSError as error:
        raise UsageError(f"{path} cannot be read ({error.strerror})") from error
    except ValidationError as error:
        raise UsageError(f"{path} holds no {kind.__name__.lower()} ({error.error_count()} wrong entries)") from error
