"""Calibrations of a workspace: what each judge was measured to be worth, in `calibrations/<step>/<judge>.json`.

    made = calibrate_judges(ws, claims, Labels.of_oracle(claims, "verdicts/oracle"))
    made = calibrate_judges(ws, claims, Labels.of_people(claims, sample, rows))
    load_calibrations(ws)["verdicts/llm"].overall.specificity

Labels are people's or an exact oracle's. People's count only where all judged claims could be drawn (an audit of
threshold 0): among accepted claims a judge's errors are those that the panel let through, which says little of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import ValidationError

from perceptdata.errors import UsageError, WorkspaceError
from perceptdata.layers import Review
from perceptdata.manifest import digest, disk_error, write_atomically
from perceptdata.review.answers import verdicts_by_item
from perceptdata.review.design import LAST, Sample
from perceptdata.review.judged import Claims
from perceptdata.verification.calibration import Binding, Calibration, calibrate
from perceptdata.verification.probes import KNOWN_FALSE
from perceptdata.verification.verdicts import SILENT, VERDICTS, Codes

if TYPE_CHECKING:
    from perceptdata.workspace import Workspace

CALIBRATIONS = "calibrations"


@dataclass(frozen=True, slots=True, eq=False)
class Labels:
    """(n,) what is taken for true of each claim, silent where nobody knows, and the kind of who says so. `judge` is the
    oracle, which is not calibrated against itself.
    """

    truth: Codes
    kinds: list[str]
    judge: str | None = None

    @classmethod
    def of_oracle(cls, claims: Claims, judge: str) -> Labels:
        """An exact judge's verdicts."""
        if judge.rpartition("/")[2] != "oracle" or judge not in claims.voices:
            have = [name for name in claims.judges if name.endswith("/oracle")]
            raise UsageError(f"'{judge}' is no oracle among these judges; {', '.join(have) or 'none'} is")
        return cls(claims.voices[judge].vote, ["oracle"] * len(claims), judge)

    @classmethod
    def of_people(cls, claims: Claims, sample: Sample, rows: Sequence[Review]) -> Labels:
        """Last words, and where nobody failed the claim what all readers said of it."""
        if sample.design.threshold > 0:
            raise UsageError(
                f"audit '{sample.name}' was drawn from accepted claims alone, which cannot show what judges let "
                "through: draw one with --threshold 0"
            )
        said = verdicts_by_item(sample, rows)
        kind = {row.meta["item"]: str(row.meta["kind"]) for row in rows}
        place = {each[:2]: at for at, each in enumerate(claims.places)}
        truth, kinds = np.full(len(claims), SILENT, np.int8), ["model"] * len(claims)
        for turn in (*sample.turns, *sample.last_words()):
            if turn.claim is None or turn.item not in said:
                continue
            asked = sample.claims[turn.claim]
            at = place.get((asked.text_id, asked.claim))
            if at is None:
                raise UsageError(f"claim {asked.claim} of {asked.text_id} is not judged any more; draw a new audit")
            code = VERDICTS.index(said[turn.item])
            truth[at] = code if turn.reader == LAST else max(truth[at], code)
            kinds[at] = kind[turn.item]
        return cls(truth, kinds)


def calibrate_judges(ws: Workspace, claims: Claims, labels: Labels, by: Sequence[str] = ("source",)) -> dict[str, Path]:
    """Calibrate every judge and keep it; the files. Raises UsageError where labels are too few, or models' alone."""
    slices, today = claims.slices(by), bindings(ws, claims)
    made = {
        judge: calibrate(
            verdict=voice.vote,
            truth=labels.truth,
            kinds=labels.kinds,
            image=claims.image,
            slices=slices,
            binding=today[judge],
            score=voice.score,
            repeat=voice.repeat,
            probes={name: said for name, said in voice.probes.items() if name in KNOWN_FALSE},
        )
        for judge, voice in claims.voices.items()
        if judge != labels.judge
    }
    files = {judge: ws.path / CALIBRATIONS / f"{judge}.json" for judge in made}
    for judge, file in files.items():
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise disk_error(error, file.parent) from error
        write_atomically(file, made[judge].model_dump_json(indent=1).encode())
    return files


def load_calibrations(ws: Workspace) -> dict[str, Calibration]:
    """By judge. Raises WorkspaceError for a damaged file."""
    found = {}
    for file in sorted((ws.path / CALIBRATIONS).glob("*/*.json")):
        try:
            found[f"{file.parent.name}/{file.stem}"] = Calibration.model_validate_json(file.read_bytes())
        except (OSError, ValidationError) as error:
            raise WorkspaceError(f"{file} cannot be read as a calibration; make it anew") from error
    return found


def bindings(ws: Workspace, claims: Claims) -> dict[str, Binding]:
    """What each judge's verdicts depend on. Raises UsageError where its step was run without that judge."""
    return {judge: _binding(ws, judge, claims.segmenter) for judge in claims.judges}


def _binding(ws: Workspace, judge: str, segmenter: str) -> Binding:
    step, _, name = judge.partition("/")
    options = ws.manifest.steps[step].current.options
    own: Mapping[str, Any] | None = next((each for each in options.get("use", []) if each["name"] == name), None)
    if own is None:
        raise UsageError(f"step '{step}' was run without a judge '{name}'; judge again")
    endpoint = own.get("endpoint")
    model = f"{endpoint['model']}/{digest(endpoint)[:16]}" if endpoint else f"{name}@{own['version']}"
    rest = {key: value for key, value in own.items() if key not in ("endpoint", "max_calls")}
    return Binding(
        model=model,
        prompt=digest(rest, options.get("prompts"))[:16],
        schema_hash=digest(name, own["version"])[:16],
        segmenter=segmenter,
    )
