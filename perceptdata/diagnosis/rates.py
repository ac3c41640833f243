"""The rates: `a`, `a_p`, `a_r` of all items and of each family, size and difficulty, and which is the bottleneck.

    found = slice_rates(table)
    found.bottleneck.verdict          # "perception"

The end-to-end accuracy is about a_p · a_r (arXiv 2605.29496): were perception perfect, `a` would be about a_r, and were
reasoning perfect, about a_p. So the lower of the two is the bottleneck, and by their paired difference it is told how
sure that is. Perception is only said to be it where given facts surely buy something, a_r > a; and where descriptions
are matched by words, so that a_p is a lower bound, that alone decides. `dependence` is a / (a_p · a_r): 1 where errors
of the two come independently; it takes an exact a_p.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from perceptdata.agreement.bootstrap import interval
from perceptdata.diagnosis.conditions import CONDITIONS
from perceptdata.diagnosis.measures import (
    Numbers,
    Paired,
    Rate,
    by,
    drawn_means,
    matched,
    means,
    numbers,
    paired,
    rate,
)
from perceptdata.records import Record

SLICES = ("family", "size", "difficulty")
STATES = ("right", "wrong", "unparsed", "unscored")
Verdict = Literal["perception", "reasoning", "neither", "too few", "unknown"]


class Answers(Record):
    """The answers of one condition: `accuracy` counts what could not be read as wrong; `readable` leaves it out.

    `states` counts right, wrong, unparsed and unscored; `cut` those that ended at their limit of tokens. `tokens` is
    the mean length, `described` the mean share of its characters that describes, `restarted` how many began anew behind
    the facts that their answer was opened with.
    """

    condition: str
    accuracy: Rate
    readable: Rate
    states: dict[str, int]
    cut: int
    restarted: int
    tokens: float | None
    described: float | None


class Bottleneck(Record):
    """Which of perception and reasoning limits `a`. `lead` is a_r - a_p over the items that have all three, `bought`
    a_r - a, and `a` that of these items.

    `perfect_perception` and `perfect_reasoning` are what `a` would be by a = a_p · a_r.
    """

    verdict: Verdict
    a: float | None
    lead: Paired | None
    bought: Paired | None
    perfect_perception: float | None
    perfect_reasoning: float | None
    dependence: float | None
    dependence_low: float | None
    dependence_high: float | None


class Rates(Record):
    """All rates of some items: `of` names the slice, `value` which of its values. `perceived` says how `a_p` was told:
    exact, matched (a lower bound), mixed, or not at all.
    """

    of: str
    value: str
    items: int
    a: Rate
    a_p: Rate
    a_p_part: Rate
    a_r: Rate
    a_r_text: Rate
    perceived: str
    answers: tuple[Answers, ...]
    bottleneck: Bottleneck

    @property
    def name(self) -> str:
        """As it is said."""
        return "all items" if self.of == "all" else f"{self.of}: {self.value}"


def all_rates(table: pa.Table) -> list[Rates]:
    """Of all items, then of each value of each slice that has more than one."""
    found = [slice_rates(table)]
    for of in SLICES:
        parts = by(table, of)
        if len(parts) > 1:
            found += [slice_rates(part, of, value) for value, part in parts.items()]
    return found


def slice_rates(table: pa.Table, of: str = "all", value: str = "all") -> Rates:
    """The rates of one slice."""
    shown = {name: condition(table, name) for name in CONDITIONS}
    image = shown["image"]
    kinds = set(image.filter(pc.is_valid(image.column("seen"))).column("exact").to_pylist())
    perceived = {frozenset({True}): "exact", frozenset({False}): "matched", frozenset(): "not at all"}
    return Rates(
        of=of,
        value=value,
        items=len(set(image.column("id").to_pylist())),
        a=_rate(image, "right"),
        a_p=_rate(image, "seen"),
        a_p_part=_rate(image, "seen_part"),
        a_r=_rate(shown["oracle"], "right"),
        a_r_text=_rate(shown["facts"], "right"),
        perceived=perceived.get(frozenset(kinds), "mixed"),
        answers=tuple(_answers(name, part) for name, part in shown.items() if part.num_rows),
        bottleneck=bottleneck(table),
    )


def condition(table: pa.Table, name: str) -> pa.Table:
    """The answers under one condition."""
    return table.filter(pc.equal(table.column("condition"), name))


def reasoning(table: pa.Table) -> pa.Table:
    """The answers that a_r is taken from: with the facts prefilled, else as text."""
    return reasoning_alike([table])[0]


def reasoning_alike(tables: Sequence[pa.Table]) -> list[pa.Table]:
    """The same of several models that are compared: prefilled where all were asked so, else all as text."""
    prefilled = [condition(table, "oracle") for table in tables]
    return prefilled if all(each.num_rows for each in prefilled) else [condition(table, "facts") for table in tables]


def bottleneck(table: pa.Table, seed: int = 0) -> Bottleneck:
    """See `Bottleneck`."""
    image = condition(table, "image")
    (a, a_p, a_r), group = matched(means(image, "right"), means(image, "seen"), means(reasoning(table), "right"))
    if not len(a):
        nothing = {"perfect_perception": None, "perfect_reasoning": None}
        unknown = {"dependence": None, "dependence_low": None, "dependence_high": None}
        return Bottleneck(verdict="unknown", a=None, lead=None, bought=None, **nothing, **unknown)
    lead, bought = paired(a_p, a_r, group, seed), paired(a, a_r, group, seed)
    assert lead is not None  # there are items
    assert bought is not None
    verdict: Verdict = "neither" if lead.enough else "too few"
    if lead.sure and lead.difference < 0:
        verdict = "reasoning"
    elif lead.sure and bought.sure and bought.difference > 0:
        verdict = "perception"
    exact = False not in image.filter(pc.is_valid(image.column("seen"))).column("exact").to_pylist()
    product = float(a_p.mean() * a_r.mean()) if exact else 0.0
    low, high = interval(_ratio(*drawn_means([a, a_p, a_r], group, seed)))
    return Bottleneck(
        verdict=verdict,
        a=float(a.mean()),
        lead=lead,
        bought=bought,
        perfect_perception=float(a_r.mean()),
        perfect_reasoning=float(a_p.mean()),
        dependence=float(a.mean()) / product if product else None,
        dependence_low=low if product and np.isfinite(low) else None,
        dependence_high=high if product and np.isfinite(high) else None,
    )


def _ratio(a: Numbers, a_p: Numbers, a_r: Numbers) -> Numbers:
    product = a_p * a_r
    return np.where(product > 0, a / np.where(product > 0, product, 1.0), np.nan)


def _answers(name: str, part: pa.Table) -> Answers:
    states = part.column("state").to_pylist()
    readable = part.filter(pc.not_equal(part.column("state"), "unparsed"))
    return Answers(
        condition=name,
        accuracy=_rate(part, "right"),
        readable=_rate(readable, "right"),
        states={state: states.count(state) for state in STATES if state in states},
        cut=int(pc.sum(part.column("cut")).as_py() or 0),
        restarted=int(pc.sum(part.column("restarted")).as_py() or 0),
        tokens=pc.mean(part.column("tokens")).as_py(),
        described=pc.mean(part.column("described")).as_py(),
    )


def _rate(table: pa.Table, name: str) -> Rate:
    return rate(numbers(table, name), table.column("group").to_pylist(), table.column("id").to_pylist())
