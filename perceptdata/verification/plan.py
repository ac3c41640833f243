"""Plans: what an audit can prove with the people and hours there are, before anyone works.

    plan = make_plan(target=0.95, people=2, hours=16, slices={"chart": 4000, "photo": 9000})
    print(plan)                         # how many audits and traps, and what they can prove at which true precision
    required_audits(0.95, 0.98)         # 234: an exact bound of .95 with 80 % power at a true .98

What an audit can prove hangs on how good the captions are, which nobody knows yet: so every row names a true precision.
A target cannot be proven of captions that only just reach it, and an audit grows with 1 / (p - target)^2; each reading
shows the difference through the readers' errors, which shrink it to (1 - miss - alarm) of itself, so that it grows with
1 / (1 - miss - alarm)^2 too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from perceptdata.errors import UsageError
from perceptdata.verification.bounds import Errors, carried_lower, doubt
from perceptdata.verification.intervals import CONFIDENCE

POWER = 0.8
SECONDS = 45.0
"""Of one reading: an image, a claim, a verdict. A guess until `seconds` of a reviews layer say better."""

PRECISIONS = (0.99, 0.98, 0.97, 0.96)
MOST = 1 << 16
FEWEST_TRAPS = 20
_OUTCOMES = 64  # equally likely ones, of what the traps show


@dataclass(frozen=True, slots=True)
class Row:
    """At this true precision: the bound that `POWER` of all such audits reach, the power for the target, the audits it
    needs (None: more than `MOST`, or any number), and whether it is attainable.
    """

    slice: str | None
    audits: int
    true_precision: float
    bound: float
    power: float
    required: int | None

    @property
    def attainable(self) -> bool:
        """Whether the target is proven with at least `POWER`."""
        return self.power >= POWER

    def __str__(self) -> str:
        where = f"{self.slice or 'all claims'}, {self.audits} audits, true precision {self.true_precision:g}: "
        found = f"bound {self.bound:.3f}, power {self.power:.0%}"
        if self.attainable:
            return f"{where}{found}"
        needs = "at any size" if self.required is None else f"below {self.required} audits"
        return f"{where}{found}; the target is not attainable {needs}"


@dataclass(frozen=True, slots=True)
class Plan:
    """Readings that fit the hours, and what they can prove: over all, and of each slice alone."""

    target: float
    readings: int
    audits: int
    disputed: int
    traps: int
    doubled: int
    last_words: int
    rows: tuple[Row, ...]

    def __str__(self) -> str:
        head = (
            f"{self.readings} readings: {self.audits} claims audited at random and {self.disputed} disputed ones, "
            f"{self.doubled} of them read twice, {self.traps} traps, about {self.last_words} last words; "
            f"target {self.target:g}"
        )
        return "\n".join([head, *(f"  {row}" for row in self.rows)])


@cache
def required_audits(
    target: float,
    true_precision: float,
    power: float = POWER,
    confidence: float = CONFIDENCE,
    miss: float = 0.0,
    alarm: float = 0.0,
    traps: float | None = None,
) -> int | None:
    """The fewest audits whose bound reaches `target` with `power`; None where `MOST` are too few.

    Power goes up and down by some per cent with every failure that one more audit allows; this is the first size at
    which it is enough. With `traps`, a share of the audits, the miss is not known but measured by that many traps.
    `alarm` is taken as known; an audit whose failed claims all get a last word carries none, and only such an audit
    is planned with traps.
    """
    _check(target, true_precision, miss, alarm)
    if traps is not None and alarm:
        raise UsageError("an audit with traps gives all failed claims a last word, and carries no false alarm")
    if true_precision <= target:
        return None
    from scipy.special import bdtr, bdtrik

    wrong = 1 - _passing(true_precision, miss, alarm)
    allowed = 1 - _passing(target, miss, alarm)
    first, start = None, 1
    while first is None and start < MOST:
        n = np.arange(start, 4 * start)
        failures = np.floor(np.nan_to_num(bdtrik(1 - confidence, n, allowed), nan=-1.0))
        failures = np.where((1 - allowed) ** n > 1 - confidence, -1, failures)
        enough = np.where(failures >= 0, bdtr(np.maximum(failures, 0), n, wrong), 0.0) >= power
        first = int(n[enough.argmax()]) if enough.any() else None
        start *= 4
    if first is None or traps is None:
        return first
    return _first(
        first, power, lambda n: power_of(n, max(round(traps * n), 1), target, true_precision, miss, confidence)
    )


def _first(start: int, power: float, power_at: Callable[[int], float]) -> int | None:
    """The first size from `start` on with that power, to a hundredth of it."""
    low, high = start - 1, start
    while power_at(high) < power:
        low, high = high, 2 * high
        if high > MOST:
            return None
    while high - low > max(1, start // 100):
        middle = (low + high) // 2
        low, high = (low, middle) if power_at(middle) >= power else (middle, high)
    return high


def power_of(
    audits: int, traps: int, target: float, true_precision: float, miss: float, confidence: float = CONFIDENCE
) -> float:
    """How probably an audit with that many traps proves the target: over what passes, and what the traps may show."""
    from scipy.special import bdtr, bdtrik

    chance = (np.arange(_OUTCOMES) + 0.5) / _OUTCOMES
    none = chance <= (1 - miss) ** traps
    exact = np.zeros(_OUTCOMES) if none.all() else np.ceil(bdtrik(np.maximum(chance, (1 - miss) ** traps), traps, miss))
    missed, many = np.unique(np.where(none, 0, exact), return_counts=True)
    errors = Errors(missed, traps)
    low: NDArray[np.int64] = np.full(len(missed), -1)
    high: NDArray[np.int64] = np.full(len(missed), audits)  # failures: `low` proves, `high` does not
    while (high - low > 1).any():
        middle = (low + high) // 2
        proven = doubt(target, audits - middle, audits, errors) <= 1 - confidence
        low, high = np.where(proven, middle, low), np.where(proven, high, middle)
    failing = 1 - _passing(true_precision, miss, 0.0)
    reached = np.where(low >= 0, bdtr(np.maximum(low, 0), audits, failing), 0.0)
    return float((many * reached).sum() / _OUTCOMES)


def make_plan(
    target: float,
    people: int,
    hours: float,
    slices: Mapping[str, int] | None = None,
    seconds: float = SECONDS,
    traps: float = 0.2,
    doubled: float = 0.2,
    disputed: int = 0,
    miss: float = 0.1,
    alarm: float = 0.02,
    precisions: Sequence[float] = PRECISIONS,
) -> Plan:
    """The audit that `people` can read in `hours` each, and its rows: over all claims, then by slice with as many
    audits as its share of the claims. `miss` and `alarm` are guesses about the readers, until traps have measured them.

    Every failing reading gets a last word, which costs one more. One person reads nothing twice. `disputed` claims
    are read beside the random audit; they cost readings, and its bound does not count on them. Raises UsageError for
    numbers that make no sense.
    """
    _check(target, 1.0, miss, alarm)
    if people < 1 or hours <= 0 or seconds <= 0 or disputed < 0 or not 0 <= doubled <= 1 or not 0 < traps <= 1:
        raise UsageError("a plan needs people, hours and seconds above 0, traps in (0, 1] and doubled in [0, 1]")
    doubled = doubled if people > 1 else 0.0
    readings = int(people * hours * 3600 / seconds)
    failing = 1 - _passing(target, miss, alarm)
    a_claim = (1 + doubled) * (1 + failing)
    a_trap = 1 + (1 - miss)
    free = readings - disputed * a_claim
    number = max(FEWEST_TRAPS, round(traps * free / (a_claim + traps * a_trap)))
    audits = int((free - number * a_trap) / a_claim)
    if audits < 1:
        raise UsageError(
            f"{readings} readings leave no audit beside {number} traps and {disputed} disputes; plan more hours"
        )
    again = int(np.ceil(doubled * (audits + disputed)))
    parts = {name: claims for name, claims in sorted((slices or {}).items()) if claims > 0}
    total = sum(parts.values())
    sizes: list[tuple[str | None, int]] = [(None, audits)]
    sizes += [(name, min(claims, max(1, round(audits * claims / total)))) for name, claims in parts.items()]
    rows = tuple(
        _row(name, size, number, number / audits, target, true, miss) for name, size in sizes for true in precisions
    )
    last_words = round((audits + disputed + again) * failing + number * (1 - miss))
    return Plan(target, readings, audits, disputed, number, again, last_words, rows)


def _row(name: str | None, audits: int, traps: int, share: float, target: float, true: float, miss: float) -> Row:
    from scipy.special import bdtrik

    failing = 1 - _passing(true, miss, 0.0)
    failures = np.ceil(bdtrik(POWER, audits, failing)) if (1 - failing) ** audits < POWER else 0.0
    bound = carried_lower(audits - min(failures, audits), audits, Errors(miss * traps, traps))
    power = power_of(audits, traps, target, true, miss)
    return Row(name, audits, true, float(bound), power, required_audits(target, true, miss=miss, traps=share))


def _passing(precision: float, miss: float, alarm: float) -> float:
    return precision * (1 - alarm) + (1 - precision) * miss


def _check(target: float, true_precision: float, miss: float, alarm: float) -> None:
    if not (0 < target < 1 and 0 < true_precision <= 1):
        raise UsageError(f"a target lies between 0 and 1, and a precision too: {target}, {true_precision}")
    if min(miss, alarm) < 0 or miss + alarm >= 1:
        raise UsageError(
            f"with a miss of {miss} and false alarms of {alarm} a reading tells nothing; train the readers"
        )
