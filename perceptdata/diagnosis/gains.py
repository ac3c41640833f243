"""Two diagnoses, or a row of them, over the same items: what training gained, where, and the frontier of a sweep.

    gains(before, after).asymmetry        # Δa_r - Δa_p, paired by item
    sweep({"standard": one, "0.3": other})

Post-training raises reasoning more than perception (arXiv 2605.29496, its asymmetry plot): `asymmetry` is that
difference with its interval. Over several values of λ or α, a_p against a_r is a frontier, and `a` has its best
somewhere on it. Diagnoses of other items are refused: their difference would be that of the items.
"""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from perceptdata.diagnosis.measures import FEWEST, Means, Paired, Rate, by, matched, means, paired
from perceptdata.diagnosis.rates import condition, reasoning, slice_rates
from perceptdata.errors import UsageError
from perceptdata.records import Record


class Gains(Record):
    """What `after` has more than `before`, of some items. `asymmetry` is the gain of a_r less that of a_p."""

    of: str
    value: str
    items: int
    a: Paired | None
    a_p: Paired | None
    a_r: Paired | None
    asymmetry: Paired | None

    @property
    def verdict(self) -> str:
        """In a word or two; nothing is concluded from fewer than `FEWEST` items."""
        if self.asymmetry is None:
            return "unknown"
        if self.items < FEWEST:
            return "too few"
        if not self.asymmetry.sure:
            return "no sure difference"
        return "reasoning gained more" if self.asymmetry.difference > 0 else "perception gained more"


class Point(Record):
    """One run of a sweep. `change` is of `a`, against the first; `frontier`: no other is better in a_p and in a_r."""

    name: str
    a: Rate
    a_p: Rate
    a_r: Rate
    change: Paired | None
    frontier: bool


def gains(before: pa.Table, after: pa.Table, seed: int = 0) -> list[Gains]:
    """Of all items, then by family. Raises UsageError where the items differ."""
    same_items({"before": before, "after": after})
    found = [_gains(before, after, "all", "all", seed)]
    ones, others = by(before, "family"), by(after, "family")
    if len(ones) > 1:
        found += [_gains(ones[name], others[name], "family", name, seed) for name in ones]
    return found


def sweep(runs: Mapping[str, pa.Table], seed: int = 0) -> list[Point]:
    """One point a run, in the order given. Raises UsageError where the items differ."""
    same_items(runs)
    tables = list(runs.values())
    rates = [slice_rates(table) for table in tables]
    first = _a(tables[0])
    places = [(each.a_p.value, (each.a_r if each.a_r.value is not None else each.a_r_text).value) for each in rates]
    found = []
    for name, table, each, place in zip(runs, tables, rates, places, strict=True):
        change = None
        if table is not tables[0]:
            (one, other), group = matched(first, _a(table))
            change = paired(one, other, group, seed)
        a_r = each.a_r if each.a_r.value is not None else each.a_r_text
        beaten = any(_beats(other, place) for other in places)
        found.append(Point(name=name, a=each.a, a_p=each.a_p, a_r=a_r, change=change, frontier=not beaten))
    return found


def same_items(tables: Mapping[str, pa.Table]) -> None:
    """Raises UsageError, naming an item, where these diagnoses are not of the same ones."""
    known: list[tuple[str, dict[str, str]]] = []
    for name, table in tables.items():
        image = condition(table, "image")
        known.append((name, dict(zip(image.column("id").to_pylist(), image.column("item").to_pylist(), strict=True))))
    (first, items), *others = known
    for name, theirs in others:
        if strangers := sorted(items.keys() ^ theirs.keys()):
            raise UsageError(
                f"{first} and {name} were asked different items ({len(strangers):,}, such as {strangers[0]}); diagnose "
                "both on the same workspace, with the same --items and --where"
            )
        if changed := sorted(id for id in items if items[id] != theirs[id]):
            raise UsageError(
                f"{first} and {name} know {changed[0]} with another question, answer or facts; diagnose both anew"
            )


def _gains(before: pa.Table, after: pa.Table, of: str, value: str, seed: int) -> Gains:
    sides = [
        [_a(table), means(condition(table, "image"), "seen"), means(reasoning(table), "right")]
        for table in (before, after)
    ]
    a, a_p, a_r = (_difference(one, other, seed) for one, other in zip(*sides, strict=True))
    (p0, r0, p1, r1), group = matched(sides[0][1], sides[0][2], sides[1][1], sides[1][2])
    asymmetry = paired(p1 - p0, r1 - r0, group, seed)
    return Gains(
        of=of,
        value=value,
        items=len(set(condition(before, "image").column("id").to_pylist())),
        a=a,
        a_p=a_p,
        a_r=a_r,
        asymmetry=None if asymmetry is None else asymmetry.model_copy(update={"p": None}),
    )


def _difference(one: Means, other: Means, seed: int) -> Paired | None:
    (before, after), group = matched(one, other)
    return paired(before, after, group, seed)


def _a(table: pa.Table) -> Means:
    return means(condition(table, "image"), "right")


def _beats(one: tuple[float | None, float | None], other: tuple[float | None, float | None]) -> bool:
    (p, r), (q, s) = one, other
    if p is None or r is None or q is None or s is None:
        return False
    return bool(p >= q and r >= s and (p > q or r > s))
