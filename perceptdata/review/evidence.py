"""Evidence: a sample and its answers as the arrays that a certificate is made of.

audit = audit_of(sample, rows)                   # verification.Audit
kinds = reader_kinds(sample, rows)               # by column: person, simulated or model
reasons = objections(ws, sample, claims)         # what speaks against a certificate before any number
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from perceptdata.layers import Review
from perceptdata.manifest import digest
from perceptdata.review.answers import READERS, verdicts_by_item
from perceptdata.review.calibrations import bindings, load_calibrations
from perceptdata.review.design import LAST, Sample, Turn
from perceptdata.review.drawing import redrawn
from perceptdata.review.judged import Claims
from perceptdata.verification.audit import Audit
from perceptdata.verification.verdicts import SILENT, VERDICTS, Codes

if TYPE_CHECKING:
    from perceptdata.workspace import Workspace


def audit_of(sample: Sample, rows: Sequence[Review]) -> Audit:
    """Readings, last words and traps, by claim and reader."""
    said = {item: VERDICTS.index(word) for item, word in verdicts_by_item(sample, rows).items()}
    column = {reader: at for at, reader in enumerate(sample.design.readers)}
    readings, traps = (np.full((len(some), len(column)), SILENT, np.int8) for some in (sample.claims, sample.traps))
    for turn in sample.turns:
        _enter(readings, traps, turn, column[turn.reader], said.get(turn.item, SILENT))
    last, trap_last = (np.full((len(some), 1), SILENT, np.int8) for some in (sample.claims, sample.traps))
    for turn in sample.last_words():
        _enter(last, trap_last, turn, 0, said.get(turn.item, SILENT))
    images = np.unique([each.image for each in sample.claims], return_inverse=True)[1]
    return Audit(
        claim=np.array([f"{each.text_id}:{each.claim}" for each in sample.claims], dtype=np.str_),
        image=images.ravel().astype(np.int64),
        stratum=np.array([each.stratum for each in sample.claims], np.int64),
        population=np.array([each.population for each in sample.strata], np.int64),
        readings=readings,
        last=last[:, 0],
        traps=traps,
        trap_last=trap_last[:, 0],
    )


def reader_kinds(sample: Sample, rows: Sequence[Review]) -> list[str]:
    """Of each reader the least trustworthy kind that answered for them, or that had last words: who overrules a
    person counts as much as the person.
    """
    rank = {kind: at for at, kind in enumerate(READERS)}
    worst = dict.fromkeys((*sample.design.readers, LAST), READERS[0])
    for row in rows:
        kind = str(row.meta["kind"])
        worst[row.reviewer] = max(worst[row.reviewer], kind, key=lambda each: rank.get(each, len(rank)))
    return [
        max(worst[reader], worst[LAST], key=lambda each: rank.get(each, len(rank))) for reader in sample.design.readers
    ]


def traps_fingerprint(sample: Sample) -> str:
    """The hash of all traps."""
    return digest([trap.model_dump(mode="json") for trap in sample.traps])


def objections(ws: Workspace, sample: Sample, claims: Claims) -> list[str]:
    """Claims, verdicts or the sample that changed; judges that probes refuse or that were never probed, and judges
    whose calibration is stale.
    """
    found = redrawn(ws, sample, claims)
    calibrations, today = load_calibrations(ws), bindings(ws, claims)
    for judge, voice in claims.voices.items():
        refused = voice.refused or claims.report(judge).refused
        if refused is not None:
            found.append(f"{judge} is refused: {refused}")
        if judge in calibrations:
            stale = calibrations[judge].stale_against(today[judge])
            found += [f"the calibration of {judge} is stale: {each}" for each in stale]
    return found


def _enter(claims: Codes, traps: Codes, turn: Turn, column: int, code: int) -> None:
    if turn.trap is not None:
        traps[turn.trap, column] = code
    elif turn.claim is not None:
        claims[turn.claim, column] = code
