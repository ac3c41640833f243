"""Advice: which intervention should raise `a`, by how much, and whether that then happened.

    advice = advise(base, [Probe("lambda", 0.1, table), Probe("lambda", 0.3, table)])
    advice.best                                   # Forecast(kind="lambda", value=0.3, gain=0.04, low=0.01, …)
    check(advice, base, after, "lambda", 0.3)     # held, missed, or too few

a ≈ κ · a_p · a_r, so that d log a = d log a_p + d log a_r: an intervention that buys perception pays in reasoning, and
pays off while it raises a_p by a larger part than it lowers a_r. What it buys and pays is measured by a probe: a short
run at another λ or α, diagnosed on the same items. For each kind of intervention the log-odds of a_p and of a_r are
taken to move in a straight line with its value, the line through the base that fits the probes best (least squares);
κ = a / (a_p · a_r) is taken to stay. What is forecast is a(x) - a(base).

Intervals draw the groups of items again, base and all probes at once, so they hold the luck of the items and of the
answers. They do not hold that of the training: another seed, or a run that is longer than its probe. Repeat a probe
under other seeds (several probes of one value) and the line goes through their middle.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from perceptdata.agreement.bootstrap import interval
from perceptdata.agreement.significance import FEWEST_GROUPS, FEWEST_ITEMS, enough
from perceptdata.diagnosis.gains import same_items
from perceptdata.diagnosis.measures import Numbers, Paired, drawn_means, matched, means, paired
from perceptdata.diagnosis.rates import Bottleneck, bottleneck, condition, reasoning_alike
from perceptdata.errors import UsageError
from perceptdata.records import Record

STEPS = 8  # values that are tried between the base and the farthest probe
_EDGE = 0.5  # answers: rates are kept so far from 0 and 1, where log-odds end


class Probe(NamedTuple):
    """A diagnosis of a run with `kind` (lambda, alpha) set to `value`; the base has `base`."""

    kind: str
    value: float
    table: pa.Table
    base: float = 0.0


class Slope(Record):
    """What a kind of intervention does, a unit of its value: in log-odds of a_p and a_r, with 95 % intervals."""

    kind: str
    base: float
    probed: tuple[float, ...]
    a_p: float
    a_p_low: float
    a_p_high: float
    a_r: float
    a_r_low: float
    a_r_high: float


class Forecast(Record):
    """What `a` should gain at a value, with its 95 % interval, and where a_p and a_r should be then."""

    kind: str
    value: float
    gain: float
    low: float
    high: float
    a_p: float
    a_r: float

    @property
    def sure(self) -> bool:
        """Whether it should surely help."""
        return self.low > 0


class Advice(Record):
    """`forecasts` by kind and value; `best` has the highest lower bound, if any is above 0. `sentence` says it."""

    items: int
    a: float
    a_p: float
    a_r: float
    limit: Bottleneck
    slopes: tuple[Slope, ...]
    forecasts: tuple[Forecast, ...]
    best: Forecast | None
    sentence: str


class Checked(Record):
    """A forecast against what happened. `verdict`: held, missed, too wide to tell, or too few."""

    forecast: Forecast
    observed: Paired
    verdict: str


def advise(base: pa.Table, probes: Sequence[Probe], seed: int = 0) -> Advice:
    """From the diagnosis before, and those of the probes. Without probes only what would help is told, not by how much.

    Raises UsageError where the items differ, or something was not measured.
    """
    same_items({"the base": base, **{f"{each.kind}={each.value:g}": each.table for each in probes}})
    columns, group = _columns([base, *(each.table for each in probes)])
    a, a_p, a_r = (column.mean() for column in columns[:3])
    limit = bottleneck(base, seed)
    edge = _EDGE / len(group)
    drawn = [
        np.concatenate([[each.mean()], draws])
        for each, draws in zip(columns, drawn_means(columns, group, seed), strict=True)
    ]
    slopes: list[Slope] = []
    forecasts: list[Forecast] = []
    for kind in dict.fromkeys(each.kind for each in probes):
        places = [at for at, each in enumerate(probes) if each.kind == kind]
        bases = {probes[at].base for at in places}
        if len(bases) > 1:
            raise UsageError(f"the probes of {kind} name several values of the base: {sorted(bases)}; name one")
        start = bases.pop()
        values = np.array([probes[at].value - start for at in places])
        if not values.any():
            raise UsageError(f"the probes of {kind} have the value of the base, {start:g}; probe another")
        perceives = _slope(drawn[1], [drawn[3 * at + 4] for at in places], values, edge)
        reasons = _slope(drawn[2], [drawn[3 * at + 5] for at in places], values, edge)
        (p_low, p_high), (r_low, r_high) = interval(perceives[1:]), interval(reasons[1:])
        probed = tuple(sorted(probes[at].value for at in places))
        slopes.append(
            Slope(
                kind=kind,
                base=start,
                probed=probed,
                a_p=float(perceives[0]),
                a_p_low=p_low,
                a_p_high=p_high,
                a_r=float(reasons[0]),
                a_r_low=r_low,
                a_r_high=r_high,
            )
        )
        farthest = float(values[np.abs(values).argmax()])
        tried = sorted({0.0, *values.tolist(), *(farthest * step / STEPS for step in range(1, STEPS + 1))})
        forecasts += [_forecast(kind, start, x, drawn[:3], perceives, reasons, edge) for x in tried]
    helping = [each for each in forecasts if each.sure]
    concludes = enough(len(group), len(set(group)))
    best = max(helping, key=lambda each: each.low) if helping and concludes else None
    return Advice(
        items=len(group),
        a=float(a),
        a_p=float(a_p),
        a_r=float(a_r),
        limit=limit,
        slopes=tuple(slopes),
        forecasts=tuple(forecasts),
        best=best,
        sentence=_sentence(concludes, limit, best, len(slopes)),
    )


def check(advice: Advice, before: pa.Table, after: pa.Table, kind: str, value: float, seed: int = 0) -> Checked:
    """Whether the gain of `a` from before to after is what was forecast for that value.

    Missed: what happened less what was forecast is surely not 0, by an interval of both (half widths as the sides of a
    right angle: G. Zou and A. Donner, Stat. Med. 27, 2008). A forecast that holds 0 says too little to be checked.

    Raises UsageError where nothing was forecast for that kind, the
    value lies beyond what was probed, or the items differ.
    """
    same_items({"before": before, "after": after})
    known = sorted((each for each in advice.forecasts if each.kind == kind), key=lambda each: each.value)
    slope = next((each for each in advice.slopes if each.kind == kind), None)
    if slope is None or not known:
        raise UsageError(f"the advice forecasts nothing for {kind}; it has {_kinds(advice) or 'no probes'}")
    if not min(slope.base, known[0].value) <= value <= max(slope.base, known[-1].value):
        raise UsageError(
            f"{kind}={value:g} lies beyond what was forecast ({known[0].value:g} to {known[-1].value:g}); probe there"
        )
    said = _between(known, value)
    (one, other), group = matched(means(condition(before, "image"), "right"), means(condition(after, "image"), "right"))
    seen = paired(one, other, group, seed)
    assert seen is not None  # same_items would have refused
    return Checked(forecast=said, observed=seen, verdict=_held(said, seen))


def _held(said: Forecast, seen: Paired) -> str:
    if not seen.enough:
        return "too few"
    apart = seen.difference - said.gain
    low = apart - math.hypot(seen.difference - seen.low, said.high - said.gain)
    high = apart + math.hypot(seen.high - seen.difference, said.gain - said.low)
    if low > 0 or high < 0:
        return "missed"
    return "too wide to tell" if said.low <= 0 <= said.high else "held"


def _columns(tables: Sequence[pa.Table]) -> tuple[list[Numbers], list[str]]:
    """a, a_p and a_r of each table in turn, over the items that have all."""
    sides = []
    for table, given in zip(tables, reasoning_alike(tables), strict=True):
        image = condition(table, "image")
        sides += [means(image, "right"), means(image, "seen"), means(given, "right")]
    columns, group = matched(*sides)
    if not group:
        raise UsageError(
            "no item has a, a_p and a_r in every diagnosis; ask the conditions image and oracle, or facts, of rows "
            "with facts"
        )
    return columns, group


def _odds(rate: Numbers, edge: float) -> Numbers:
    kept = np.clip(rate, edge, 1 - edge)
    return np.log(kept / (1 - kept))


def _slope(base: Numbers, probed: Sequence[Numbers], values: Numbers, edge: float) -> Numbers:
    """(rounds,): least squares through the base, Σ x (y - y0) / Σ x²."""
    moved = np.stack([_odds(each, edge) - _odds(base, edge) for each in probed])
    found: Numbers = (values[:, None] * moved).sum(axis=0) / (values**2).sum()
    return found


def _forecast(
    kind: str, start: float, x: float, base: Sequence[Numbers], perceives: Numbers, reasons: Numbers, edge: float
) -> Forecast:
    a, a_p, a_r = base
    seen, solved = (
        1 / (1 + np.exp(-(_odds(rate, edge) + slope * x))) for rate, slope in ((a_p, perceives), (a_r, reasons))
    )
    kept = np.clip(a_p, edge, 1) * np.clip(a_r, edge, 1)
    gain = np.minimum(a * seen * solved / kept, 1.0) - a
    low, high = interval(gain[1:])
    return Forecast(
        kind=kind,
        value=round(start + x, 6),
        gain=float(gain[0]),
        low=low,
        high=high,
        a_p=float(seen[0]),
        a_r=float(solved[0]),
    )


def _between(known: Sequence[Forecast], value: float) -> Forecast:
    """The forecast at a value, straight between those that were made."""
    at = [each.value for each in known]
    parts = {
        name: float(np.interp(value, at, [getattr(each, name) for each in known]))
        for name in ("gain", "low", "high", "a_p", "a_r")
    }
    return Forecast(kind=known[0].kind, value=value, **parts)


def _kinds(advice: Advice) -> str:
    return ", ".join(each.kind for each in advice.slopes)


def _sentence(concludes: bool, limit: Bottleneck, best: Forecast | None, kinds: int) -> str:
    if not concludes:
        return f"too few to advise anything; diagnose {FEWEST_ITEMS} items of {FEWEST_GROUPS} scenes or more"
    if best is not None:
        chosen = f", the best of {kinds} kinds, so rather less" if kinds > 1 else ""
        return (
            f"set {best.kind} to {best.value:g}: `a` should gain {100 * best.gain:.1f} points "
            f"[{100 * best.low:.1f}, {100 * best.high:.1f}]{chosen}"
        )
    if kinds:
        return "none of the probed interventions should surely raise `a`; keep the base, or probe farther"
    limited = {
        "perception": "perception limits `a`: weigh it more (λ in SFT, α in RL), and probe what reasoning loses",
        "reasoning": "reasoning limits `a`: weighing perception more would pay in what is short",
    }
    return limited.get(limit.verdict, "neither perception nor reasoning surely limits `a`")
