"""Drawing an audit: from judged claims and a design to a sample, the same one every time.

sample = draw(ws, design, "audit")         # written to reviews/audit/sample.json
sample = load_sample(ws, "audit")
redrawn(ws, sample)                        # [] or why it would be another one today
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from pydantic import ValidationError

from perceptdata.errors import UsageError, WorkspaceError
from perceptdata.manifest import disk_error, write_atomically
from perceptdata.review.accepting import accepted_claims, panel_score
from perceptdata.review.calibrations import load_calibrations
from perceptdata.review.design import Chosen, Design, Sample, Stratum, Turn, item_name
from perceptdata.review.judged import Claims, read_claims
from perceptdata.review.plan import review_folder
from perceptdata.review.traps import make_traps
from perceptdata.verification.calibration import Calibration
from perceptdata.verification.sample import add_disputed, allocate, assign, pick, stratify

if TYPE_CHECKING:
    from perceptdata.packs import ImageStore
    from perceptdata.workspace import Workspace


def sample_path(ws: Workspace, name: str) -> Path:
    """Where an audit's sample lies. Readers must not see it."""
    return review_folder(ws, name) / "sample.json"


def draw(ws: Workspace, design: Design, name: str) -> Sample:
    """Draw and keep. An audit that was drawn before is never replaced: people may be reading it."""
    path = sample_path(ws, name)
    made = sample_of(read_claims(ws, design.captions, design.judges), design, name, load_calibrations(ws), ws.images)
    if path.exists():
        if load_sample(ws, name) != made:
            raise UsageError(f"audit '{name}' was drawn already, otherwise; give this one another name")
        return made
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise disk_error(error, path.parent) from error
    write_atomically(path, made.model_dump_json(indent=1).encode())
    return made


def load_sample(ws: Workspace, name: str) -> Sample:
    """The audit of that name. Raises UsageError where none was drawn, WorkspaceError for a damaged one."""
    path = sample_path(ws, name)
    try:
        return Sample.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise UsageError(f"no audit '{name}' was drawn in {ws.path}; `perceptdata review audit` draws one") from None
    except (OSError, ValidationError) as error:
        raise WorkspaceError(
            f"{path} cannot be read as an audit's sample; restore it ({type(error).__name__})"
        ) from error


def redrawn(ws: Workspace, sample: Sample, claims: Claims) -> list[str]:
    """Why the sample is not of today's claims and verdicts; nothing where it is."""
    if claims.fingerprint != sample.judged:
        return [f"the captions or verdicts are others than those that audit '{sample.name}' was drawn from: draw anew"]
    try:
        again = sample_of(claims, sample.design, sample.name, load_calibrations(ws), ws.images)
    except UsageError as error:
        return [f"audit '{sample.name}' cannot be drawn again: {error}"]
    return [] if again == sample else [f"audit '{sample.name}' is not what its design draws: it was changed, draw anew"]


def sample_of(
    claims: Claims, design: Design, name: str, calibrations: Mapping[str, Calibration], images: ImageStore
) -> Sample:
    """The sample that follows from claims and design."""
    score = panel_score(claims, design, calibrations)
    kept = np.flatnonzero(accepted_claims(claims, score, design))
    if not len(kept):
        raise UsageError(
            f"the panel accepts no caption of '{design.captions}' at {design.threshold:g}; lower the threshold or look "
            "at the judges"
        )
    slices = claims.slices(design.by)
    strata = stratify([slices[at] for at in kept], claims.votes[kept], score[kept], design.bands)
    take = add_disputed(allocate(strata.population, design.audits), strata, design.disputed)
    chosen = pick(strata, take, claims.image[kept], design.seed)[0]
    drawn = kept[chosen].tolist()
    traps = make_traps(claims, kept.tolist(), drawn, design.traps, design.seed, design.check, images)
    queue = assign(np.arange(len(drawn)), len(traps), design.doubled, len(design.readers), design.seed)
    turns = []
    for item in queue:
        reader, trap = design.readers[item.reader], item.trap if item.trap >= 0 else None
        kind, at = ("claim", item.claim) if trap is None else ("trap", trap)
        called = item_name(name, claims.fingerprint, reader, kind, at)
        turns.append(Turn(item=called, reader=reader, claim=int(item.claim) if trap is None else None, trap=trap))
    return Sample(
        name=name,
        design=design,
        judged=claims.fingerprint,
        accepted=len(set(claims.owner[kept].tolist())),
        strata=tuple(
            Stratum(slice=strata.slice[at], disputed=bool(strata.disputed[at]), population=int(strata.population[at]))
            for at in range(len(strata.population))
        ),
        claims=tuple(
            _chosen(claims, at, int(strata.code[own])) for at, own in zip(drawn, chosen.tolist(), strict=True)
        ),
        traps=traps,
        turns=tuple(turns),
    )


def _chosen(claims: Claims, at: int, stratum: int) -> Chosen:
    place = claims.places[at]
    caption = claims.captions[place.text_id]
    return Chosen(**place._asdict(), text_sha256=caption.text_sha256, image=caption.image, stratum=stratum)
