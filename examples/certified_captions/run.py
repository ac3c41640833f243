"""Captions that are proven before they are rewards, end to end: `python examples/certified_captions/run.py [FOLDER]`.

Synthetic graphs and the packaged NLVR samples are captioned from their facts, and a share of the sentences is given
other numbers. Three judges of stated accuracy form a panel, simulated readers audit what it accepts, and captions are
certified or refused; then a surrogate reward is made of them and compared with the outcome. The oracle says what was
true all along. One table comes of it.

The readers are simulated: every certificate here says so, and proves nothing of captions.
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from readers import Reader
from rich.console import Console
from rich.table import Table
from rollouts import Rollouts

import perceptdata.builders as builders
from perceptdata.review import Design, JsonLines, make_audit, read_claims
from perceptdata.review.calibrations import Labels, calibrate_judges
from perceptdata.steps.certificates import read_outcome
from perceptdata.steps.declared import make_step
from perceptdata.steps.reviews import adjudicate, pull, push
from perceptdata.steps.run import run_step
from perceptdata.verification.certificate import Certificate
from perceptdata.verification.verdicts import SUPPORTED
from perceptdata.workspace import Workspace

PLUGINS = Path(__file__).resolve().parent / "panel"
SAMPLES = Path(builders.__file__).parent / "samples"
CAREFUL, LENIENT = Reader(miss=0.1), Reader(miss=0.5)
PANEL = ("noisy_a", "noisy_b", "noisy_c")


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: what was tried, and what came of it."""

    what: str
    accepted: str
    true: str
    read: str
    missed: str
    lower: str
    came: str


def main(folder: Path) -> list[Row]:
    """Everything, in a new workspace."""
    if str(PLUGINS) not in sys.path:
        sys.path.insert(0, str(PLUGINS))  # what `pip install` does for a package of plugins
    ws = Workspace.create(folder / "workspace")
    with ws.lock("certified captions"):
        build(ws)
        rows = [
            certify(ws, "careful", "good", CAREFUL, folder),
            certify(ws, "lenient_panel", "lenient", CAREFUL, folder),
            certify(ws, "lenient_all", "lenient", LENIENT, folder),
            certify(ws, "unseeing", "blind", CAREFUL, folder),
            reward(ws, "all captions", "caps", "facts"),
            reward(ws, "certified captions", "careful", "facts"),
            reward(ws, "certified captions", "careful", "wellformed"),
        ]
    return rows


def build(ws: Workspace) -> None:
    """Images, captions with slips, and what judges say of them."""
    run_step(ws, "graphs", make_step("build", {"use": "graph_coloring", "rows": {"train_sft": 300}}))
    run_step(ws, "nlvr", make_step("build", {"use": "nlvr", "path": SAMPLES / "nlvr"}))
    run_step(ws, "caps", make_step("caption", {"use": {"seeded": {"wrong": 0.07}}}))
    good = [{judge: {"specificity": 0.85}} for judge in PANEL]
    lenient = [{judge: {"specificity": 0.3}} for judge in PANEL]
    for name, use in {"exact": ["oracle"], "good": good, "lenient": lenient, "blind": ["blind"]}.items():
        probes = ["shuffled", "numbers"]
        run_step(ws, name, make_step("judge", {"from": "caps", "use": use, "probes": probes, "probe_captions": 160}))
    claims = read_claims(ws, "caps", ["good", "exact"])
    calibrate_judges(ws, claims, Labels.of_oracle(claims, "exact/oracle"))
    run_step(ws, "rollouts", Rollouts(source="graphs"))


def certify(ws: Workspace, name: str, panel: str, reader: Reader, folder: Path) -> Row:
    """Draw an audit, let readers read, look once more at what they failed, and ask for a certificate."""
    design = Design(
        captions="caps",
        judges=(panel,),
        threshold=0.6,
        use="reward",
        audits=320,
        disputed=40,
        traps=70,
        check="oracle",
        seed=1,
    )
    audit = f"{name}_audit"
    make_audit(ws, design, audit)
    truth = read_claims(ws, "caps", ["exact"])
    place = JsonLines(ws, folder / audit)
    push(ws, audit, place)
    for who in design.readers:
        reader.fill_in(place.folder / f"{who}.jsonl", truth)
    pull(ws, audit, place, "simulated")
    adjudicate(ws, audit)
    push(ws, audit, place)
    Reader(miss=0.02, alarm=0.0).fill_in(place.folder / "last.jsonl", truth)
    pull(ws, audit, place, "simulated")
    run_step(ws, name, make_step("certify", {"from": "caps", "audit": audit, "use": "filter"}))
    return described(ws, name, panel, reader)


def described(ws: Workspace, name: str, panel: str, reader: Reader) -> Row:
    """What became of it, beside the truth."""
    outcome = read_outcome(ws, name)
    assert outcome is not None
    found = outcome.findings
    claims = read_claims(ws, "caps", ["exact", panel])
    exact = claims.voices["exact/oracle"].vote
    votes = [claims.voices[judge].vote == SUPPORTED for judge in claims.judges if judge != "exact/oracle"]
    passed = sum(vote.astype(int) for vote in votes) >= 0.6 * len(votes)
    refused = set(claims.owner[~passed].tolist())
    kept = [at for at, owner in enumerate(claims.owner.tolist()) if owner not in refused]
    came = "certified (simulated readers)" if isinstance(outcome, Certificate) else short(outcome.reasons[0])
    return Row(
        f"{panel} panel, readers miss {reader.miss:g}",
        f"{found.captions:,} captions, {found.claims.claims:,} claims",
        f"{(exact[kept] == SUPPORTED).mean():.3f}",
        f"{found.claims.audited:,} + {found.readers.traps:.0f} traps",
        f"{found.readers.miss:.2f}",
        f"{found.claims.lower:.3f}",
        came,
    )


def reward(ws: Workspace, what: str, captions: str, surrogate: str) -> Row:
    """Whether a surrogate that leans on these captions follows perception better than the outcome does."""
    name = f"probe_{captions}_{surrogate}"
    leaning = {"workspace": str(ws.path), "captions": captions, "allow_uncertified": True}
    options = {"from": "rollouts", "surrogate": surrogate, "options": leaning if surrogate == "facts" else {}}
    run_step(ws, name, make_step("probe", options))
    asked = {"from": "caps", "audit": "careful_audit", "probe": name, "surrogate": surrogate}
    run_step(ws, f"reward_{captions}_{surrogate}", make_step("certify", asked))
    outcome = read_outcome(ws, f"reward_{captions}_{surrogate}")
    assert outcome is not None
    assert outcome.findings.surrogate is not None
    found = outcome.findings.surrogate
    came = (
        "certified for rewards (simulated readers)" if isinstance(outcome, Certificate) else short(outcome.reasons[0])
    )
    beside = f"r {signed(found.surrogate)}, outcome {signed(found.outcome)}"
    return Row(f"surrogate {surrogate}, {what}", beside, "", f"{found.n:,} rollouts", "", signed(found.lower), came)


def signed(value: float | None) -> str:
    """Two digits and the sign; – where there is none."""
    return "–" if value is None else f"{value:+.2f}"


def short(reason: str) -> str:
    """The first clause of a reason."""
    return f"refused: {reason.partition(' (exact')[0].partition(': correl')[0].partition(': it passes')[0]}"


def show(rows: list[Row]) -> None:
    """The table."""
    table = Table("", "accepted", "true", "audited", "missed", "lower bound", "what came of it")
    for row in rows:
        table.add_row(row.what, row.accepted, row.true, row.read, row.missed, row.lower, row.came)
    Console(width=160).print(table)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        show(main(Path(sys.argv[1])))
    else:
        with tempfile.TemporaryDirectory() as nowhere:
            show(main(Path(nowhere)))
