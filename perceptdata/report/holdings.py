"""What the rows are: counts by source, stage and split, answer kinds, licences, how long the traces are.

    held = Holdings.of(subject)
    held.examples, held.by_source["GSM8K"]["textual_reasoning"]

Everything is counted by the database; no row reaches Python.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from perceptdata.report.subject import TRACE, Subject

BARS = 28
TAIL = 1.5
"""How far beyond the 99th percentile the longest text may lie and still be drawn to scale."""
STEPS = (1, 2, 5)
"""Widths of a histogram's bars, times a power of ten."""


@dataclass(frozen=True, slots=True)
class Histogram:
    """How many texts have how many tokens: bar i counts `[i * width, (i + 1) * width)`, the last all above."""

    width: int
    counts: tuple[int, ...]
    texts: int
    median: int
    longest: int

    @property
    def open_ended(self) -> bool:
        """The last bar holds lengths beyond its own width."""
        return self.longest >= self.width * len(self.counts)


@dataclass(frozen=True, slots=True)
class Holdings:
    """The counts of a subject. `rows` has one for each source, stage and split, `kinds` for each kind and stage."""

    examples: int
    images: int
    groups: int
    tagged: int
    rows: list[dict[str, Any]] = field(default_factory=list)
    kinds: list[dict[str, Any]] = field(default_factory=list)
    licences: list[dict[str, Any]] = field(default_factory=list)
    lengths: Histogram | None = None

    @classmethod
    def of(cls, subject: Subject) -> Holdings:
        """Count."""
        whole = subject.ask('select count(*) as examples, count(distinct "group") as groups from _rows')[0]
        images = subject.ask(
            "select count(distinct image.sha256) as n from (select unnest(images) as image from _rows)"
        )[0]
        return cls(
            whole["examples"],
            images["n"],
            whole["groups"],
            _tagged(subject),
            subject.ask(
                "select corpus, stage, split, count(*) as n from _rows group by corpus, stage, split order by all"
            ),
            subject.ask(
                "select answer.kind as kind, stage, count(*) as n from _rows group by answer.kind, stage order by all"
            ),
            subject.ask(
                "select corpus, source.licence as licence, source.allowed_use as use, count(*) as n "
                "from _rows group by all order by all"
            ),
            _lengths(subject),
        )

    @property
    def sources(self) -> list[str]:
        """The corpora, by name."""
        return sorted({row["corpus"] for row in self.rows})

    def count(self, **where: str) -> int:
        """Examples of one source, stage or split, or all of these: `count(corpus="NLVR", stage="perception")`."""
        return sum(row["n"] for row in self.rows if all(row[name] == value for name, value in where.items()))

    def splits(self, corpus: str | None = None) -> dict[str, int]:
        """Examples by split, of one source or of all."""
        found: dict[str, int] = {}
        for row in self.rows:
            if corpus in (None, row["corpus"]):
                found[row["split"]] = found.get(row["split"], 0) + row["n"]
        return dict(sorted(found.items()))


def _tagged(subject: Subject) -> int:
    """Texts that some spans layer speaks of."""
    query = "select count(distinct text_id) as n from _spans semi join _texts using (text_id, text_sha256)"
    return sum(row["n"] for row in subject.ask_by_shard(query)) if subject.spans_tables() else 0


def _lengths(subject: Subject) -> Histogram | None:
    """Token counts of the traces, in bars of a round width, up to the 99th percentile where few are far longer."""
    found: Counter[int] = Counter()
    query = f"select tokens(text) as length, count(*) as n from _texts where {TRACE} group by length"
    for row in subject.ask_by_shard(query):
        found[row["length"]] += row["n"]
    if not found:
        return None
    longest, usual = max(found), _quantile(found, 0.99)
    most = longest if longest <= TAIL * usual else usual
    width = _round_width(most / BARS)
    counts = [0] * (most // width + 1)
    for length, texts in found.items():
        counts[min(length // width, len(counts) - 1)] += texts
    return Histogram(width, tuple(counts), found.total(), _quantile(found, 0.5), longest)


def _quantile(counts: Counter[int], part: float) -> int:
    """The smallest value that at least `part` of all does not exceed."""
    wanted = part * counts.total()
    reached = 0
    for value in sorted(counts):
        reached += counts[value]
        if reached >= wanted:
            return value
    raise ValueError("there is no quantile of nothing")


def _round_width(least: float) -> int:
    power = 1
    while True:
        for step in STEPS:
            if step * power >= least:
                return step * power
        power *= 10
