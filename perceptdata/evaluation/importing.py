"""A harness's folder as results that can be compared: read, sampled several times, checked, and kept.

    made = collect(Path("eval/staged"))            # either harness; the folder of `perceptdata eval`, or its outputs
    stored.write(Path("results/staged"), made.rows, made.about)

Samples are the numbered folders under `outputs/`; an item is the same item in each of them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from perceptdata.errors import UsageError
from perceptdata.evaluation import lmms_eval, vlmevalkit
from perceptdata.evaluation.commands import ASKED
from perceptdata.evaluation.launchers import OUTPUTS
from perceptdata.evaluation.vlmevalkit import Benchmark


@dataclass(frozen=True)
class Collected:
    """Rows as `comparison.stored` has them, and what is known of the whole."""

    rows: list[dict[str, object]]
    about: dict[str, Any]


def collect(
    folder: Path, name: str | None = None, judge: str | None = None, metric: Mapping[str, str] | None = None
) -> Collected:
    """Read whatever harness wrote here. Raises UsageError where nothing is, or a table is ambiguous or damaged."""
    if not folder.is_dir():
        raise UsageError(f"{folder} is no folder; name the one that VLMEvalKit or lmms-eval wrote its results to")
    asked = _asked(folder)
    harness = str(asked.get("harness") or _harness(folder))
    rows: list[dict[str, object]] = []
    notes: list[str] = []
    official: dict[str, list[float]] = {}
    judged: dict[str, str] = {}
    benchmarks: dict[str, int] = {}
    for sample, place in _samples(folder):
        found = _read(harness, place, judge, metric, asked.get("parts"))
        for title, made in found.items():
            rows += [{**row, "sample": sample} for row in made.rows]
            notes += [note for note in made.notes if note not in notes]
            benchmarks[title] = benchmarks.get(title, 0) + 1
            if made.judged is not None:
                judged[title] = made.judged
            if made.official is not None:
                official.setdefault(title, []).append(made.official)
    if not rows:
        raise UsageError(
            f"{folder} holds no results of {harness}; VLMEvalKit writes <model>_<benchmark>.xlsx or .tsv, lmms-eval "
            "<date>_samples_<task>.jsonl with --log_samples"
        )
    samples = max(benchmarks.values())
    notes += [f"{title}: {count} of {samples} samples" for title, count in benchmarks.items() if count < samples]
    named: dict[str, str] = asked.get("benchmarks") or {}
    wanted = set(named.values()).difference(benchmarks)
    if wanted and harness == "vlmevalkit":
        notes.append(f"asked for and not there: {', '.join(sorted(wanted))}")
    means = {title: round(sum(each) / len(each), 5) for title, each in official.items()}
    known = {
        key: asked[key] for key in ("suite", "paper", "checkpoint", "sampling", "system", "benchmarks") if key in asked
    }
    about: dict[str, Any] = {
        "name": name or str(asked.get("name") or folder.resolve().name),
        "harness": harness,
    } | known
    return Collected(rows, {**about, "samples": samples, "official": means, "judged": judged, "notes": notes})


def _asked(folder: Path) -> dict[str, Any]:
    for place in (folder, folder.parent):
        if (place / ASKED).exists():
            found = json.loads((place / ASKED).read_text("utf-8"))
            return found if isinstance(found, dict) else {}
    return {}


def _harness(folder: Path) -> str:
    return "lmms-eval" if lmms_eval.samples(folder) else "vlmevalkit"


def _samples(folder: Path) -> list[tuple[int, Path]]:
    """Sample number and folder; one sample where there are no numbered ones."""
    root = folder / OUTPUTS if (folder / OUTPUTS).is_dir() else folder
    numbered = [(int(path.name), path) for path in root.iterdir() if path.is_dir() and path.name.isdecimal()]
    return sorted(numbered) or [(0, root)]


def _read(
    harness: str,
    place: Path,
    judge: str | None,
    metric: Mapping[str, str] | None,
    parts: Mapping[str, Sequence[str]] | None,
) -> dict[str, Benchmark]:
    if harness == "lmms-eval":
        return lmms_eval.read(place, metric)
    return vlmevalkit.read(place, judge, parts)
