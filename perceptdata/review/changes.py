"""Changes: what people made of the pre-annotation, and how far assistance moves them.

    table = Changes()
    for reading in readings(...):
        table.add(reading)
    table.labels["ann"]["reasoning", "perception"]     # characters that were shown as reasoning and are perception now

Characters are non-space ones. Of tasks that were read blind the same is counted against the pre-annotation that was
not shown, apart: the difference of both is what being shown one does to agreement with it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from perceptdata.review.checks import painted
from perceptdata.review.readings import Reading
from perceptdata.review.screens import FIELDS
from perceptdata.spans import PRO

NONE = "none"
REMOVED = "removed"


@dataclass(slots=True)
class Changes:
    """Counts by reader: `labels` and `blind` of characters by (shown, said), `verdicts` of captions by (shown, said),
    `origins` of stretches that were left, changed, drawn by hand, or removed.
    """

    labels: dict[str, Counter[tuple[str, str]]] = field(default_factory=dict)
    blind: dict[str, Counter[tuple[str, str]]] = field(default_factory=dict)
    verdicts: dict[str, Counter[tuple[str, str]]] = field(default_factory=dict)
    origins: dict[str, Counter[str]] = field(default_factory=dict)

    def add(self, reading: Reading) -> None:
        """Count a reading of a text that was pre-annotated, or would have been."""
        row, said = reading.row, reading.said
        if row is None or said is None or not reading.counts:
            return
        who = row["reader"]
        if said.cot is not None and any(guess["text"] == "cot" for guess in row["guesses"]):
            guesses = [guess for guess in row["guesses"] if guess["text"] == "cot"]
            shown = painted(row["texts"]["cot"], guesses, PRO)
            own = painted(row["texts"]["cot"], [mark._asdict() for mark in said.cot], PRO)
            table = (self.blind if row["blind"] else self.labels).setdefault(who, Counter())
            table.update(_cells(shown, own))
        if said.words is not None and row["guess_verdict"] is not None and not row["blind"]:
            self.verdicts.setdefault(who, Counter())[row["guess_verdict"], str(said.verdict)] += 1
        if not row["blind"] and row["guesses"]:
            self._count_origins(who, reading)

    def _count_origins(self, who: str, reading: Reading) -> None:
        row, said = reading.row, reading.said
        if row is None or said is None:
            return
        own = self.origins.setdefault(who, Counter())
        for name in FIELDS["combined"]:
            marks = said.cot if name == "cot" else said.words
            if marks is None:
                continue
            own.update(mark.origin for mark in marks)
            guesses = sum(guess["text"] == name for guess in row["guesses"])
            left = sum(mark.origin != "manual" for mark in marks)
            own[REMOVED] += max(guesses - left, 0)

    def agreement(self, who: str, blind: bool = False) -> float | None:
        """The share of characters on which the reader says what the pre-annotation says; None where there are none."""
        table = (self.blind if blind else self.labels).get(who)
        total = table.total() if table else 0
        return (
            sum(count for (shown, said), count in table.items() if shown == said) / total if table and total else None
        )

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        named = {"labels": self.labels, "blind": self.blind, "verdicts": self.verdicts}
        tables = {
            name: {
                who: [{"shown": shown, "said": said, "count": count} for (shown, said), count in sorted(table.items())]
                for who, table in sorted(tables.items())
            }
            for name, tables in named.items()
        }
        return {**tables, "origins": {who: dict(sorted(each.items())) for who, each in sorted(self.origins.items())}}


def _cells(shown: np.ndarray, said: np.ndarray) -> Counter[tuple[str, str]]:
    """How many characters have which pair of labels; those that nobody labels are left out."""
    names = (*PRO.labels, NONE)
    many = len(names)
    cell = np.bincount((shown % many) * many + said % many, minlength=many * many)
    found = {(names[at // many], names[at % many]): int(count) for at, count in enumerate(cell.tolist()) if count}
    found.pop((NONE, NONE), None)
    return Counter(found)
