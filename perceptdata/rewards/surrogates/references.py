"""Reference captions, and the certificate without which none becomes a reward.

    found = References.load(ws, "certified", None, allow_uncertified=False)
    found.captions[sha256]               # the captions of an image

A certificate counts if nobody changed it since it was issued, it is for rewards, people stand behind it, and it speaks
of exactly these captions: their addresses and texts hash to its fingerprint. It is looked for where a certify step
leaves it, unless a file is named. `allow_uncertified` lets captions in without one, and everything that is scored with
them carries the mark `UNCERTIFIED`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from perceptdata.errors import UsageError
from perceptdata.manifest import digest
from perceptdata.verification.certificate import Certificate
from perceptdata.workspace import Workspace

UNCERTIFIED = "uncertified"
CERTIFICATES, CERTIFICATE = "certificates", "certificate.json"
"""Where a workspace keeps them: `certificates/<certify step>/certificate.json`."""


@dataclass(frozen=True, slots=True)
class References:
    """Captions by image; `stamp` is `UNCERTIFIED` or None."""

    captions: Mapping[str, tuple[str, ...]]
    stamp: str | None = None

    @classmethod
    def load(cls, ws: Workspace, step: str, certificate: Path | None, allow_uncertified: bool) -> References:
        """The captions that a step wrote. Raises UsageError where they are not certified, unless that is allowed."""
        columns = ["image", "sample", "text", "text_id", "text_sha256"]
        rows = ws.layer(step, "captions").to_table(columns=columns).to_pylist()
        kept = ws.path / CERTIFICATES / step / CERTIFICATE
        faults = certificate_faults(certificate or (kept if kept.exists() else None), rows)
        if faults and not allow_uncertified:
            raise UsageError(
                f"captions of '{step}' cannot be a reward's reference: {'; '.join(faults)}. Certify them (`perceptdata "
                "certify`), or allow_uncertified, which marks everything that is scored with them"
            )
        found: dict[str, tuple[str, ...]] = {}
        for row in sorted(rows, key=lambda row: (row["image"], row["sample"])):
            found[row["image"]] = (*found.get(row["image"], ()), row["text"])
        return cls(found, UNCERTIFIED if faults else None)


def captions_fingerprint(rows: Sequence[Mapping[str, Any]]) -> str:
    """What a certificate calls these captions: the hash of their addresses and texts, in any order."""
    return digest(sorted([row["text_id"], row["text_sha256"]] for row in rows))


def certificate_faults(path: Path | None, rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Why a certificate does not let these captions become rewards; [] where it does."""
    if path is None:
        return ["they have no certificate"]
    try:
        certificate = Certificate.model_validate_json(path.read_bytes())
    except OSError as error:
        return [f"the certificate cannot be read ({error})"]
    except ValidationError:
        return [f"{path} holds no certificate"]
    findings = certificate.findings
    checks = {
        "the certificate was changed after it was issued": certificate.intact(),
        "the certificate is for filtering, not for rewards": findings.use == "reward",
        "the certificate was issued on simulated readers": findings.readers.kind == "person",
        "the certificate speaks of other captions": findings.fingerprints.data == captions_fingerprint(rows),
    }
    return [fault for fault, holds in checks.items() if not holds]
