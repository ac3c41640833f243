"""Two diagnoses, or a row of them, over the same items: what training gained, where, and the frontier of a sweep.

    gains(before, after)[0].asymmetry     # Δa_r - Δa_p, paired by item; of all items, then by slice
    sweep({"standard": one, "0.3": other})

Post-training raises reasoning more than perception (arXiv 2605.29496, its asymmetry plot): `asymmetry` is that
difference with its interval. Over several values of λ or α, a_p against a_r is a frontier, and `a` has its best
somewhere on it. Diagnoses of other items are refused: their difference would be that of the items.
"""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from perceptdata.diagnosis.measures import Means, Paired, Rate, by, matched, means, paired
from perceptdata.diagnosis.rates import SLICES, condition, reasoning_alike, slice_rates
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
        """In a word or two; nothing is concluded from few items or scenes."""
        if self.asymmetry is None:
            return "unknown"
        if not self.asymmetry.enough:
            return "too few"
        if not self.asymmetry.sure:
            return "no sure difference"
        return "reasoning gained more" if self.asymmetry.difference > 0 else "perception gained more"


class Point(Record):
    """One run of a sweep. `gained`: what it has more than the first; `frontier`: no other is better in a_p and a_r."""

    name: str
    a: Rate
    a_p: Rate
    a_r: Rate
    gained: Gains | None
    frontier: bool


def gains(
    before: pa.Table, after: pa.Table, names: tuple[str, str] = ("before", "after"), seed: int = 0
) -> list[Gains]:
    """Of all items, then of each value of each slice that has more than one. Raises UsageError where items differ."""
    same_items(dict(zip(names, (before, after), strict=True)))
    found = [_gains(before, after, "all", "all", seed)]
    for of in SLICES:
        ones, others = by(before, of), by(after, of)
        if len(ones) > 1:
            found += [_gains(ones[name], others[name], of, name, seed) for name in ones if name in others]
    return found


def common_items(one: pa.Table, other: pa.Table) -> tuple[pa.Table, pa.Table]:
    """Both tables with the items that both were asked. Raises UsageError where there are none."""
    known = [set(_items(table).items()) for table in (one, other)]
    shared = pa.array(sorted(id for id, _ in known[0] & known[1]), pa.string())
    if not len(shared):
        raise UsageError("the two diagnoses have no item in common; diagnose both on the same workspace")
    kept = [table.filter(pc.is_in(table.column("id"), value_set=shared)) for table in (one, other)]
    return kept[0], kept[1]


def sweep(runs: Mapping[str, pa.Table], seed: int = 0) -> list[Point]:
    """One point a run, in the order given. Raises UsageError where the items differ."""
    same_items(runs)
    tables = list(runs.values())
    rates = [slice_rates(table) for table in tables]
    prefilled = all(each.a_r.value is not None for each in rates)
    places = [(each.a_p.value, (each.a_r if prefilled else each.a_r_text).value) for each in rates]
    found = []
    for name, table, each, place in zip(runs, tables, rates, places, strict=True):
        gained = None if table is tables[0] else _gains(tables[0], table, "all", "all", seed)
        a_r = each.a_r if prefilled else each.a_r_text
        beaten = any(_beats(other, place) for other in places)
        found.append(Point(name=name, a=each.a, a_p=each.a_p, a_r=a_r, gained=gained, frontier=not beaten))
    return found


def same_items(tables: Mapping[str, pa.Table]) -> None:
    """Raises UsageError, naming an item, where these diagnoses are not of the same ones."""
    (first, items), *others = [(name, _items(table)) for name, table in tables.items()]
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


def _items(table: pa.Table) -> dict[str, str]:
    """The hash of each item that was asked, by id."""
    image = condition(table, "image")
    return dict(zip(image.column("id").to_pylist(), image.column("item").to_pylist(), strict=True))


def _gains(before: pa.Table, after: pa.Table, of: str, value: str, seed: int) -> Gains:
    sides = [
        [
            means(condition(table, "image"), "right"),
            means(condition(table, "image"), "seen"),
            means(given, "right"),
        ]
        for table, given in zip((before, after), reasoning_alike([before, after]), strict=True)
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


def _beats(one: tuple[float | None, float | None], other: tuple[float | None, float | None]) -> bool:
    (p, r), (q, s) = one, other
    if p is None or r is None or q is None or s is None:
        return False
    return bool(p >= q and r >= s and (p > q or r > s))
