"""Two tables of results compared: benchmark by benchmark, and over all.

    found = compare(base, tuned)
    found.rows[0].difference, found.rows[0].wins, found.rows[0].verdict
    found.average                         # the mean of the benchmarks, each as heavy, as papers print it

Of several benchmarks that have items enough, p is adjusted (`holm`), and the verdict follows the adjusted one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from perceptdata.agreement.comparison import Estimate
from perceptdata.agreement.significance import FEWEST_GROUPS, FEWEST_ITEMS, enough, holm, sign_test
from perceptdata.comparison.paired import ROUNDS, difference, verdict
from perceptdata.comparison.pairing import Pairs, pair
from perceptdata.comparison.results import Results, Shown
from perceptdata.verification.intervals import Share, share


@dataclass(frozen=True)
class Row:
    """One benchmark. `difference` is b - a over paired items; `read` the same without items that either side left
    unread. `extra` is what stands beside it, such as contaminated items.
    """

    benchmark: str
    items: int
    groups: int
    a: Share
    b: Share
    states_a: dict[str, int]
    states_b: dict[str, int]
    difference: Estimate
    read: Estimate
    wins: int
    losses: int
    p: float
    p_holm: float
    verdict: str
    samples: tuple[int, int]
    unpaired: int = 0
    left_out: dict[str, int] = field(default_factory=dict)
    extra: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        ties = self.items - self.wins - self.losses
        return {
            "benchmark": self.benchmark,
            "items": self.items,
            "groups": self.groups,
            "a": _share(self.a, self.states_a, self.samples[0]),
            "b": _share(self.b, self.states_b, self.samples[1]),
            "difference": self.difference.to_json(),
            "difference_where_read": self.read.to_json(),
            "wins": self.wins,
            "losses": self.losses,
            "ties": ties,
            "p": self.p,
            "p_holm": self.p_holm,
            "verdict": self.verdict,
            "unpaired": self.unpaired,
            "left_out": self.left_out,
            **self.extra,
        }


@dataclass(frozen=True)
class Moved:
    """An item on which the two differ: by how much, and what a person looks at."""

    benchmark: str
    item: str
    a: float
    b: float
    asked: Shown
    said_a: str
    said_b: str

    def to_json(self) -> dict[str, Any]:
        """Plain values; pictures left out."""
        return {
            "benchmark": self.benchmark,
            "item": self.item,
            "a": self.a,
            "b": self.b,
            "question": self.asked.question,
            "answer": self.asked.answer,
            "said_a": self.said_a,
            "said_b": self.said_b,
        }


@dataclass(frozen=True)
class Findings:
    """What changed from `a` to `b`. `average` is None for one benchmark alone; `of_sides` is what each side says
    itself.
    """

    a: str
    b: str
    rows: tuple[Row, ...]
    average: Estimate | None
    wins: tuple[Moved, ...]
    losses: tuple[Moved, ...]
    notes: tuple[str, ...]
    of_sides: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain values; pictures left out."""
        return {
            "kind": "results",
            "a": self.a,
            "b": self.b,
            "benchmarks": [row.to_json() for row in self.rows],
            "average_difference": None if self.average is None else self.average.to_json(),
            "wins": [each.to_json() for each in self.wins],
            "losses": [each.to_json() for each in self.losses],
            "notes": list(self.notes),
            "notes_of_sides": list(self.of_sides),
        }


def compare(
    a: Results, b: Results, intersection: bool = False, shown: int = 12, rounds: int = ROUNDS, seed: int = 0
) -> Findings:
    """Pair two tables and test each benchmark; `shown` wins and as many losses are drawn to be looked at.

    Raises UsageError where they hold different items, unless `intersection` is asked for.
    """
    pairs = pair(a, b, intersection)
    names = sorted(set(pc.unique(pairs.table.column("benchmark")).to_pylist()) | set(pairs.unpaired))
    samples: list[NDArray[np.float64]] = []
    rows = []
    for at, name in enumerate(names):
        row, drawn = _row(name, a, b, pairs, rounds, seed + at)
        rows.append(row)
        samples.append(drawn)
    tested = [at for at, row in enumerate(rows) if enough(row.items, row.groups)]
    adjusted = dict(zip(tested, holm([rows[at].p for at in tested]), strict=True))
    judged = tuple(_judged(row, adjusted.get(at, row.p)) for at, row in enumerate(rows))
    notes: list[str] = []
    of_sides = tuple(f"{side.name}: {note}" for side in (a, b) for note in side.notes)
    few = [row.benchmark for row in judged if not enough(row.items, row.groups)]
    if few:
        notes.insert(
            0, f"fewer than {FEWEST_ITEMS} items or {FEWEST_GROUPS} pictures or scenes, so no verdict: {', '.join(few)}"
        )
    if pairs.left_out:
        common = len(pairs.table)
        gone = sum(sum(parts.values()) for parts in pairs.left_out.values())
        notes.insert(0, f"compared on the {common:,} items that both have; {gone:,} others were left out")
    return Findings(
        a.name, b.name, judged, _average(judged, samples), *_moved(a, b, pairs, shown, seed), tuple(notes), of_sides
    )


def _row(name: str, a: Results, b: Results, pairs: Pairs, rounds: int, seed: int) -> tuple[Row, NDArray[np.float64]]:
    table = pairs.table.filter(pc.equal(pairs.table.column("benchmark"), name))
    one, other = table.column("a").to_numpy(), table.column("b").to_numpy()
    group = np.asarray(table.column("group").to_pylist(), object).astype(str)
    delta = np.round(other - one, 9)  # means of the same samples in another order differ by rounding
    made = difference(delta, group, rounds, seed)
    read = (table.column("unread_a").to_numpy() == 0) & (table.column("unread_b").to_numpy() == 0)
    wins, losses = int((delta > 0).sum()), int((delta < 0).sum())
    p = sign_test(wins, losses)
    row = Row(
        benchmark=name,
        items=len(table),
        groups=len(set(group.tolist())),
        a=share(one, group),
        b=share(other, group),
        states_a=a.states(name),
        states_b=b.states(name),
        difference=made.estimate,
        read=difference(delta[read], group[read], rounds, seed).estimate,
        wins=wins,
        losses=losses,
        p=p,
        p_holm=p,
        verdict="undecided",
        samples=(_most(table, "n_a"), _most(table, "n_b")),
        unpaired=pairs.unpaired.get(name, 0),
        left_out=pairs.left_out.get(name, {}),
    )
    return row, made.samples


def _judged(row: Row, p: float) -> Row:
    return replace(row, p_holm=p, verdict=verdict(row.items, row.groups, row.difference, p))


def _average(rows: Sequence[Row], samples: Sequence[NDArray[np.float64]]) -> Estimate | None:
    """Over the benchmarks that have items, each as heavy; drawn apart from each other, as if they shared no picture."""
    there = [(row, drawn) for row, drawn in zip(rows, samples, strict=True) if row.items]
    if len(there) < 2:
        return None
    drawn = np.mean([drawn for _, drawn in there], axis=0)
    low, high = np.quantile(drawn, (0.025, 0.975))
    return Estimate(float(np.mean([row.difference.value for row, _ in there])), float(low), float(high))


def _moved(a: Results, b: Results, pairs: Pairs, shown: int, seed: int) -> tuple[tuple[Moved, ...], tuple[Moved, ...]]:
    """Some of the items that were won, and of those that were lost, drawn by a hash: not the first, nor the nicest."""
    delta = np.round(pc.subtract(pairs.table.column("b"), pairs.table.column("a")).to_numpy(), 9)
    drawn = []
    for sign in (1, -1):
        at = np.flatnonzero(np.sign(delta) == sign)
        keys = pairs.table.take(at).select(["benchmark", "item", "a", "b"]).to_pylist()
        keys.sort(key=lambda row: sha256(f"{seed} {row['benchmark']} {row['item']}".encode()).digest())
        drawn.append(keys[:shown])
    wanted = [(row["benchmark"], row["item"]) for rows in drawn for row in rows]
    one, other = a.show(wanted), b.show(wanted)
    nothing = Shown()
    found = []
    for rows in drawn:
        moved = []
        for row in rows:
            key = row["benchmark"], row["item"]
            left, right = one.get(key, nothing), other.get(key, nothing)
            asked = left if left.question or left.images else right
            moved.append(Moved(*key, row["a"], row["b"], asked, left.said, right.said))
        found.append(tuple(moved))
    return found[0], found[1]


def _most(table: Any, name: str) -> int:
    return int(pc.max(table.column(name)).as_py() or 0)


def _share(told: Share, states: dict[str, int], samples: int) -> dict[str, Any]:
    digits = {"value": told.value, "low": told.low, "high": told.high}
    return {name: None if x is None else round(x, 4) for name, x in digits.items()} | {
        "samples": samples,
        "answers": states,
    }
