"""What judges said, out of the verdicts of a step: as arrays, and counted. Nothing else is kept of it.

columns(ws, "judged")["llm"].verdict              # as calibration and panels take it
probe_reports(ws, "judged")["llm"].refused        # None, or why this judge is not looking
bindings(ws, "judged")["llm"]                     # what a calibration of it holds for
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from perceptdata.example import split_text_id
from perceptdata.steps.judged import KIND, PROBES, REFUSED
from perceptdata.verification.calibration import Binding
from perceptdata.verification.probes import ProbeReport, probe_report
from perceptdata.verification.verdicts import Codes, encode

if TYPE_CHECKING:
    from perceptdata.workspace import Workspace


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """The verdicts of one judge: (n,) claims in the order of the layer. `text_id` and `claim` name each; `score` is NaN
    where there is none; `probes` are its verdicts on the same claims under each probe, silent where it was not asked.
    `repeat` is the second sample, silent where there is none; `refused` why the judge is not to be believed.
    """

    text_id: list[str]
    claim: NDArray[np.int32]
    image: list[str]
    kind: list[str]
    verdict: Codes
    score: NDArray[np.float64]
    repeat: Codes
    probed: NDArray[np.bool_]
    probes: dict[str, Codes]
    refused: str | None


def columns(ws: Workspace, step: str) -> dict[str, Columns]:
    """By judge."""
    by: dict[str, list[dict[str, Any]]] = {}
    wanted = ["text_id", "claim", "verdict", "score", "meta", "producer"]
    for row in ws.layer(step, "verdicts").to_table(columns=wanted).to_pylist():
        by.setdefault(row["producer"]["name"], []).append({**row, "meta": json.loads(row["meta"])})
    return {judge: _columns(rows) for judge, rows in by.items()}


def _columns(rows: list[dict[str, Any]]) -> Columns:
    metas = [row["meta"] for row in rows]
    names = dict.fromkeys(name for meta in metas for name in meta.get(PROBES, {}))
    samples = [meta.get("samples", ()) for meta in metas]
    return Columns(
        text_id=[row["text_id"] for row in rows],
        claim=np.array([row["claim"] for row in rows], np.int32),
        image=[split_text_id(row["text_id"]).owner for row in rows],
        kind=[meta[KIND] for meta in metas],
        verdict=encode(row["verdict"] for row in rows),
        score=np.array([np.nan if row["score"] is None else row["score"] for row in rows], np.float64),
        repeat=encode(said[1] if len(said) > 1 else None for said in samples),
        probed=np.array([PROBES in meta for meta in metas], bool),
        probes={name: encode(meta.get(PROBES, {}).get(name) for meta in metas) for name in names},
        refused=next((meta[REFUSED] for meta in metas if REFUSED in meta), None),
    )


def probe_reports(ws: Workspace, step: str) -> dict[str, ProbeReport]:
    """Of each judge that was probed and gave a verdict on any claim, what it passes as it is and under each probe."""
    found = {}
    for judge, of in columns(ws, step).items():
        if (of.verdict[of.probed] >= 0).any():
            probes = {name: codes[of.probed] for name, codes in of.probes.items()}
            image = np.array(of.image)[of.probed]
            found[judge] = probe_report(of.verdict[of.probed], probes, image)
    return found


def bindings(ws: Workspace, step: str) -> dict[str, Binding]:
    """By judge, what its verdicts depend on: model, prompt, shape of its answers, and the rules that cut claims."""
    options = ws.manifest.steps[step].current.options
    segmenter = ws.manifest.steps[options["from"]].current.options["segmenter"]
    return {judge: Binding(**{**of, "segmenter": segmenter}) for judge, of in options["bindings"].items()}


def marks_of(path: Path) -> dict[str, str | None]:
    """By judge that has a verdict in the shard, why it is refused there."""
    rows = pq.read_table(path, columns=["meta", "producer"]).to_pylist()
    return {row["producer"]["name"]: json.loads(row["meta"]).get(REFUSED) for row in rows}
