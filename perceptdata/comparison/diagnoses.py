"""Two diagnoses compared: what was gained in a, a_p and a_r, and the items that were won and lost, to be looked at.

    found = compare_diagnoses(Diagnosed.open(Path("ws/diagnosis/base")), Diagnosed.open(Path("ws/diagnosis/sft")))
    found.gains[0].asymmetry, found.sentence

The numbers are of the two `answers.parquet` alone. Questions, pictures and answers lie in the workspaces that were
diagnosed; where these are not there, items have only their ids. Slices are not adjusted for being several: a page of
twenty has one that is sure by chance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from perceptdata.comparison.findings import Moved
from perceptdata.comparison.results import SCHEMA, Shown
from perceptdata.comparison.scored import SUFFIX, Scored
from perceptdata.diagnosis.diagnosis import DIAGNOSIS, Diagnosis, load
from perceptdata.diagnosis.gains import Gains, common_items, gains
from perceptdata.diagnosis.measures import Means, matched, means
from perceptdata.diagnosis.rates import condition
from perceptdata.errors import UsageError

FOLDER = "diagnosis"
"""Of a workspace, where its diagnoses lie."""
MANIFEST = "manifest.json"
"""What a workspace is known by."""


@dataclass(frozen=True)
class Diagnosed:
    """One side: its name here, its record, its answers, and the workspace that was asked, where it is there."""

    name: str
    record: Diagnosis
    table: pa.Table
    workspace: Path | None

    @classmethod
    def open(cls, folder: Path, name: str | None = None) -> Diagnosed:
        """Raises UsageError for a folder that holds no diagnosis."""
        record, table = load(folder)
        above = folder.resolve().parent.parent
        return cls(name or str(folder), record, table, above if (above / MANIFEST).exists() else None)

    def show(self, items: Sequence[str]) -> dict[str, Shown]:
        """Question, right answer, picture and first answer of these items, as far as they can be had."""
        from perceptdata.workspace import Workspace

        step = f"{self.record.name}_image{SUFFIX}"
        if self.workspace is None or not items:
            return {}
        ws = Workspace(self.workspace)
        if step not in ws.manifest.steps:
            return {}
        shown = Scored("", SCHEMA.empty_table(), ws=ws, steps=((step, ""),)).show([("", item) for item in items])
        return {item: each for (_, item), each in shown.items()}


@dataclass(frozen=True)
class DiagnosisFindings:
    """What changed from `a` to `b`. `gains[0]` is of all items; `won` and `lost` count items, of which `wins` and
    `losses` are some; `seen` tells of those how often each side described them rightly; `of_sides` is what
    each diagnosis says of itself.
    """

    a: str
    b: str
    gains: tuple[Gains, ...]
    won: int
    lost: int
    wins: tuple[Moved, ...]
    losses: tuple[Moved, ...]
    seen: dict[str, tuple[float | None, float | None]]
    notes: tuple[str, ...] = ()
    of_sides: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """What a person is told first."""
        of = self.gains[0]
        told = {
            "unknown": "Perception, or reasoning from given facts, was not measured on both sides.",
            "too few": "Too few items: intervals are shown, and nothing is concluded.",
            "no sure difference": "Perception and reasoning do not surely gain differently.",
            "reasoning gained more": "Reasoning gained more than perception.",
            "perception gained more": "Perception gained more than reasoning.",
        }[of.verdict]
        if of.a is None:
            return told
        sure = "" if of.a.sure or of.verdict == "too few" else ", which may be chance"
        return f"{self.b} has {of.a} points more of a than {self.a}{sure}. {told}"

    def to_json(self) -> dict[str, Any]:
        """Plain values; pictures left out."""
        return {
            "kind": "diagnoses",
            "a": self.a,
            "b": self.b,
            "conclusion": self.sentence,
            "gains": [{**each.model_dump(mode="json"), "verdict": each.verdict} for each in self.gains],
            "won": self.won,
            "lost": self.lost,
            "wins": [each.to_json() for each in self.wins],
            "losses": [each.to_json() for each in self.losses],
            "notes": list(self.notes),
            "notes_of_sides": list(self.of_sides),
        }


def compare_diagnoses(
    one: Diagnosed, other: Diagnosed, intersection: bool = False, shown: int = 12, seed: int = 0
) -> DiagnosisFindings:
    """Raises UsageError where they were asked different items, unless only the common ones are wanted."""
    notes = []
    if intersection:
        before = one.table.num_rows, other.table.num_rows
        one, other = (
            replace(side, table=table)
            for side, table in zip((one, other), common_items(one.table, other.table), strict=True)
        )
        if before != (one.table.num_rows, other.table.num_rows):
            notes.append("compared on the items that both were asked; others were left out")
    try:
        made = gains(one.table, other.table, (one.name, other.name), seed)
    except UsageError as error:
        raise UsageError(f"{error}, or compare what both have with --intersection") from None
    sides = [means(condition(side.table, "image"), "right") for side in (one, other)]
    (before_, after), _ = matched(*sides)
    ids = sorted(set(sides[0].id) & set(sides[1].id))
    delta = np.round(after - before_, 9)
    drawn = [_drawn(ids, np.flatnonzero(np.sign(delta) == sign), shown, seed) for sign in (1, -1)]
    items = [ids[at] for part in drawn for at in part]
    left, right = one.show(items), other.show(items)
    nothing, family = (
        Shown(),
        dict(zip(*(one.table.column(name).to_pylist() for name in ("id", "family")), strict=True)),
    )
    moved = [
        tuple(
            Moved(
                family[ids[at]],
                ids[at],
                float(before_[at]),
                float(after[at]),
                left.get(ids[at], right.get(ids[at], nothing)),
                left.get(ids[at], nothing).said,
                right.get(ids[at], nothing).said,
            )
            for at in part
        )
        for part in drawn
    ]
    if items and not (left and right):
        notes.append("a workspace that was diagnosed is not where it was: some answers and pictures cannot be shown")
    return DiagnosisFindings(
        one.name,
        other.name,
        tuple(made),
        int((delta > 0).sum()),
        int((delta < 0).sum()),
        moved[0],
        moved[1],
        _seen(one.table, other.table, items),
        tuple(notes),
        tuple(f"{side.name}: {note}" for side in (one, other) for note in side.record.notes),
    )


def is_diagnosis(folder: Path) -> bool:
    """Whether a folder holds one."""
    return (folder / DIAGNOSIS).exists()


def _drawn(ids: Sequence[str], at: np.ndarray, shown: int, seed: int) -> list[int]:
    """Some of the places, by a hash of their ids: not the first, nor the nicest."""
    return sorted((int(each) for each in at), key=lambda each: sha256(f"{seed} {ids[each]}".encode()).digest())[:shown]


def _seen(one: pa.Table, other: pa.Table, items: Sequence[str]) -> dict[str, tuple[float | None, float | None]]:
    known = [_by_item(means(condition(table, "image"), "seen")) for table in (one, other)]
    return {item: (known[0].get(item), known[1].get(item)) for item in items}


def _by_item(found: Means) -> dict[str, float]:
    return dict(zip(found.id, found.value.tolist(), strict=True))
