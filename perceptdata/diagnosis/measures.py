"""Rates with intervals, and paired differences: the arithmetic that every part of a diagnosis shares.

    rate(right, group)                        # Rate(value=0.42, low=0.38, high=0.46, answers=600, items=600)
    paired(before, after, group)              # Paired(difference=0.06, low=0.02, high=0.10, p=0.004, …)

Rates carry Wilson's interval for as many answers as their clustered variance is worth (`verification.intervals`).
Differences are of item means, and their intervals draw whole groups again, for both sides at once: E. Wilson, JASA 22
(1927); B. Efron, Ann. Stat. 7 (1979). Where every item has one answer a side, right or wrong, McNemar's exact test
goes with them. With fewer than 30 items or 10 groups an interval is shown and nothing is concluded
(`agreement.significance`); since drawing a few items again, or such as never differ, brings the same ones, it reaches
as far as D. Bonett and R. Price's as well (Br. J. Math. Stat. Psychol. 65, 2012).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import ArrayLike, NDArray

from perceptdata.agreement.bootstrap import interval, resample
from perceptdata.agreement.significance import FEWEST_ITEMS, enough, sign_test, widened
from perceptdata.records import Record
from perceptdata.verification.intervals import share

Numbers = NDArray[np.float64]
FEWEST = FEWEST_ITEMS
ROUNDS = 2000
_EXACT = 1e-9
_Z = NormalDist().inv_cdf(0.975)


class Rate(Record):
    """A mean in [0, 1] with its 95 % interval, over `answers` to `items`. None where nothing was counted."""

    value: float | None
    low: float
    high: float
    answers: int
    items: int

    @property
    def enough(self) -> bool:
        """Whether there are items enough to conclude anything."""
        return self.items >= FEWEST

    def __str__(self) -> str:
        if self.value is None:
            return "–"
        return f"{100 * self.value:.1f} % [{100 * self.low:.1f}, {100 * self.high:.1f}]"


class Paired(Record):
    """What the second side has more than the first, over items that both have and their groups, with its 95 %
    interval.

    `wins` and `losses` count items on which the second is better or worse; `p` is McNemar's, where it applies.
    """

    difference: float
    low: float
    high: float
    items: int
    groups: int
    wins: int
    losses: int
    p: float | None

    @property
    def enough(self) -> bool:
        """Whether there are items and groups enough to conclude anything."""
        return enough(self.items, self.groups)

    @property
    def sure(self) -> bool:
        """Whether the interval leaves 0 out, on enough of both."""
        return self.enough and (self.low > 0 or self.high < 0)

    def __str__(self) -> str:
        return f"{100 * self.difference:+.1f} [{100 * self.low:+.1f}, {100 * self.high:+.1f}]"


class Means(NamedTuple):
    """Items with the mean of their answers, by id: `value[i]` of `id[i]`, whose picture or scene is `group[i]`."""

    id: tuple[str, ...]
    group: tuple[str, ...]
    value: Numbers


def numbers(table: pa.Table, name: str) -> Numbers:
    """A column as floats, NaN where it is null."""
    return np.array(table.column(name).to_numpy(zero_copy_only=False), np.float64)


def rate(values: ArrayLike, group: Sequence[str], item: Sequence[str] | None = None) -> Rate:
    """The mean of (n,) values in [0, 1], NaN left out; `item` tells how many items they are answers to."""
    value, cluster = np.asarray(values, np.float64), np.asarray(group, str)
    there = np.isfinite(value)
    found = share(value[there], cluster[there])
    of = np.asarray(cluster if item is None else item, str)[there]
    return Rate(value=found.value, low=found.low, high=found.high, answers=found.n, items=len(set(of.tolist())))


def means(table: pa.Table, name: str) -> Means:
    """The mean of a column for each item that has any, in the order of ids."""
    value = numbers(table, name)
    there = np.isfinite(value)
    ids = np.asarray(table.column("id").to_pylist(), str)[there]
    groups = np.asarray(table.column("group").to_pylist(), str)[there]
    known, first, code = np.unique(ids, return_index=True, return_inverse=True)
    mean = np.bincount(code.ravel(), value[there], len(known)) / np.maximum(np.bincount(code.ravel()), 1)
    return Means(id=tuple(known.tolist()), group=tuple(groups[first].tolist()), value=mean)


def matched(*sides: Means) -> tuple[list[Numbers], list[str]]:
    """The values of the items that every side has, and their groups."""
    shared = sorted(set[str].intersection(*(set(side.id) for side in sides)))
    found = []
    for side in sides:
        place = {id: at for at, id in enumerate(side.id)}
        found.append(side.value[[place[id] for id in shared]])
    known = dict(zip(sides[0].id, sides[0].group, strict=True))
    return found, [known[id] for id in shared]


def paired(before: ArrayLike, after: ArrayLike, group: Sequence[str], seed: int = 0) -> Paired | None:
    """(n,) item means of both sides, in the same order. None without items."""
    one, other = np.asarray(before, np.float64), np.asarray(after, np.float64)
    if not len(one):
        return None
    groups = len(set(group))
    most = 1.0 if min(one.min(), other.min()) >= 0 else 2.0  # of rates, or of differences of rates
    value = float((other - one).mean())
    low, high = widened(value, *interval(drawn_means([other - one], group, seed)[0]), groups, most)
    wins, losses = int((other > one + _EXACT).sum()), int((other < one - _EXACT).sum())
    if len(one) < FEWEST or high - low < _EXACT:
        least, most = bonett_price(wins, losses, len(one))
        low, high = min(low, least), max(high, most)
    plain = bool(np.isin(np.concatenate([one, other]), (0.0, 1.0)).all())
    return Paired(
        difference=value,
        low=low,
        high=high,
        items=len(one),
        groups=groups,
        wins=wins,
        losses=losses,
        p=sign_test(wins, losses) if plain else None,
    )


def bonett_price(wins: int, losses: int, items: int) -> tuple[float, float]:
    """An interval for a paired difference that holds for a handful of items too, and where none differs."""
    up, down, many = (wins + 1) / (items + 2), (losses + 1) / (items + 2), items + 2
    reach = _Z * ((up + down - (up - down) ** 2) / many) ** 0.5
    return max(-1.0, up - down - reach), min(1.0, up - down + reach)


def drawn_means(columns: Sequence[Numbers], group: Sequence[str], seed: int = 0, rounds: int = ROUNDS) -> list[Numbers]:
    """Of each (n,) column the (rounds,) means of samples of whole groups; the same samples for every column."""
    code = np.unique(np.asarray(group, str), return_inverse=True)[1].ravel()
    sums = np.stack([np.bincount(code, each) for each in (np.ones(len(code)), *columns)], axis=1).astype(np.float64)
    drawn = resample(sums, rounds, seed)
    return [drawn[:, at + 1] / np.maximum(drawn[:, 0], 1) for at in range(len(columns))]


def by(table: pa.Table, name: str) -> Mapping[str, pa.Table]:
    """The table by the values of a column, in their order; rows without a value are in none."""
    values = sorted({each for each in table.column(name).to_pylist() if each is not None}, key=_natural)
    return {value: table.filter(pc.equal(table.column(name), value)) for value in values}


def _natural(value: str) -> tuple[float, str]:
    head = value.split(" ")[0]
    return (float(head) if head.replace(".", "", 1).isdigit() else float("inf"), value)
