"""A workspace of judged captions to audit, and readers who audit it: those of `examples/certified_captions`.

Graphs are captioned with slips and judged by the oracle, three judges who err, and one who does not look.
"""

import importlib
import shutil
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from perceptdata.review import Claims, Design, JsonLines, Sample, make_audit, read_claims
from perceptdata.steps.declared import make_step
from perceptdata.steps.reviews import adjudicate, pull, push
from perceptdata.steps.run import run_step
from perceptdata.workspace import Workspace

EXAMPLE = Path(__file__).resolve().parent.parent / "examples" / "certified_captions"
PANEL = ("noisy_a", "noisy_b", "noisy_c")


def install() -> None:
    """Make the example's plugins and modules findable."""
    for folder in (EXAMPLE, EXAMPLE / "panel"):
        if str(folder) not in sys.path:
            sys.path.insert(0, str(folder))


def reader(**errors: float) -> Any:
    """A simulated reader of these errors."""
    return importlib.import_module("readers").Reader(**errors)


def judged(factory: pytest.TempPathFactory) -> Workspace:
    """A copy of 70 graphs, captioned and judged; they are made once."""
    folder = factory.mktemp("judged") / "ws"
    shutil.copytree(_original(factory.getbasetemp() / "original"), folder)
    return Workspace(folder)


@cache
def _original(path: Path) -> Path:
    install()
    ws = Workspace.create(path)
    with ws.lock("fixture"):
        run_step(ws, "graphs", make_step("build", {"use": "graph_coloring", "rows": {"train_sft": 70}}))
        run_step(ws, "caps", make_step("caption", {"use": {"seeded": {"wrong": 0.06}}}))
        probes = {"probes": ["shuffled", "numbers"], "probe_captions": 70}
        for name, use in {
            "exact": ["oracle"],
            "panel": [{judge: {"specificity": 0.95, "gross": 0.999}} for judge in PANEL],
            "unseeing": ["blind"],
        }.items():
            run_step(ws, name, make_step("judge", {"from": "caps", "use": use, **probes}))
    return ws.path


def design(**changed: Any) -> Design:
    """An audit that the panel's captions pass at a target of .8."""
    given: dict[str, Any] = {
        "captions": "caps",
        "judges": ("exact",),
        "threshold": 0.6,
        "target": 0.8,
        "audits": 90,
        "traps": 24,
        "check": "oracle",
        "seed": 3,
    }
    return Design(**{**given, **changed})


def audit(
    ws: Workspace, name: str, kind: str = "simulated", errors: dict[str, float] | None = None, **changed: Any
) -> Sample:
    """Draw, let everybody read, and let a third have the last word."""
    sample = make_audit(ws, design(**changed), name)
    claims: Claims = read_claims(ws, "caps", ["exact"])
    place = JsonLines(ws, ws.path.parent / name)
    push(ws, name, place)
    for who in sample.design.readers:
        reader(**(errors or {})).fill_in(place.folder / f"{who}.jsonl", claims)
    pull(ws, name, place, kind)
    adjudicate(ws, name)
    push(ws, name, place)
    reader(miss=0.0, alarm=0.0).fill_in(place.folder / "last.jsonl", claims)
    pull(ws, name, place, kind)
    return sample
