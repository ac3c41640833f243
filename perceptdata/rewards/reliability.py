"""Reliability: how each reward stands to perception where the scene is known; the gate before it is trained on.

    report = measure(mixture, rollouts, form)      # [Standing, …], best first
    report[0].passes

A surrogate helps exactly when it follows true perception better than the outcome does (arXiv 2605.29496). Two
correlations count: over all rollouts, and within the rollouts of one example, which is all that group-normalised
advantages see. A surrogate passes where the lower 95 % bound of its lead over the outcome is above 0 in both; within
groups only where there are groups. Rollouts of a scene are alike, so intervals draw whole scenes again.

The probe are tasks about an image whose scene a family drew. Its perception twins are left out, for there the answer is
the description, and so are its textual twins, whose question states the scene.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from perceptdata.agreement.bootstrap import interval, resample
from perceptdata.errors import UsageError
from perceptdata.formats import Format
from perceptdata.llm import Ledger
from perceptdata.plugins import Rollout, Scored
from perceptdata.records import Record
from perceptdata.rewards.mixture import Mixture, guarded
from perceptdata.rewards.perception import perception
from perceptdata.rewards.scene import FAMILY
from perceptdata.verification.intervals import Share, share
from perceptdata.verification.surrogate import FEWEST_IMAGES, Comparison, compare

Numbers = NDArray[np.float64]
ROUNDS = 1000
OUTCOME = "outcome"
_FULL, _HALF, _FLAT = 0.999, 0.5, 1e-12


class Correlation(Record):
    """Pearson's r with perception and its 95 % interval; None where one of both does not vary."""

    value: float | None
    low: float | None
    high: float | None


class Cost(Record):
    """What scoring took, a rollout: milliseconds, and calls, tokens and money of an endpoint."""

    milliseconds: float
    calls: float
    cached: float
    tokens: float
    money: float | None


class Standing(Record):
    """One reward against perception, over `n` scored rollouts.

    `false_positives` is P(s = 1 | a_p = 0), 1 being .999 or more; `agreement` is how often it says the same as
    the outcome (both at .5 or more, or both below). `lead` and `lead_within` compare it with the outcome.
    """

    name: str
    n: int
    unscored: int
    reasons: dict[str, int]
    overall: Correlation
    within: Correlation
    false_positives: Share
    agreement: float | None
    lead: Comparison | None
    lead_within: Comparison | None
    cost: Cost
    stamp: str | None = None

    @property
    def passes(self) -> bool | None:
        """Whether it surely follows perception better than the outcome; None where that is not asked of it."""
        if self.lead is None:
            return None
        within = self.lead_within
        return self.lead.passes and (within is None or within.passes)

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values, `passes` among them."""
        return {**self.model_dump(mode="json"), "passes": self.passes}


def measure(mixture: Mixture, rollouts: Sequence[Rollout], form: Format, seed: int = 0) -> list[Standing]:
    """Each reward of the mixture, by its correlation within groups (over all where there are none), best first.

    Raises UsageError where fewer than ten scenes are known, or the mixture has no outcome to compare with.
    """
    if OUTCOME not in mixture.scores:
        raise UsageError("the outcome is what the others are compared with: leave it among the rewards")
    seen = perception(rollouts, form)
    known = [at for at, scored in enumerate(seen) if scored.value is not None and _is_task(rollouts[at])]
    batch = [rollouts[at] for at in known]
    scenes = np.unique([each.example.group for each in batch], return_inverse=True)[1].ravel()
    if len(set(scenes.tolist())) < FEWEST_IMAGES:
        raise UsageError(
            f"perception is known for {len(set(scenes.tolist()))} scenes, and a probe needs {FEWEST_IMAGES}: generate "
            "responses to rows of a synthetic family, in a format with a description"
        )
    truth = np.array([seen[at].value for at in known], np.float64)
    groups = np.unique([each.example.id for each in batch], return_inverse=True)[1].ravel()
    columns: dict[str, list[Scored]] = {}
    costs: dict[str, Cost] = {}
    for name, score in mixture.scores.items():
        before, begun = _spent(mixture, name), time.perf_counter()
        columns[name] = guarded(name, score, batch)
        costs[name] = _cost(_spent(mixture, name), before, time.perf_counter() - begun, len(batch))
    outcome = _numbers(columns[OUTCOME])
    stamps = mixture.stamps
    found = [
        _standing(
            name,
            scored,
            outcome,
            truth,
            scenes,
            groups,
            costs[name],
            name in mixture.surrogates,
            stamps.get(name),
            seed,
        )
        for name, scored in columns.items()
    ]
    return sorted(found, key=_rank, reverse=True)


def correlation(one: Numbers, other: Numbers, cluster: NDArray[np.integer], seed: int = 0) -> Correlation:
    """(n,) and (n,): Pearson's r, with the percentile interval over clusters drawn again."""
    x, y = one - one.mean(), other - other.mean()
    kinds = (np.ones_like(x), x, y, x * x, y * y, x * y)
    code = np.unique(cluster, return_inverse=True)[1].ravel()
    sums = np.stack([np.bincount(code, kind).astype(np.float64) for kind in kinds], axis=1)
    low, high = interval(_pearson(resample(sums, ROUNDS, seed)))
    return Correlation(value=_known(_pearson(sums.sum(axis=0))), low=_known(low), high=_known(high))


def _is_task(rollout: Rollout) -> bool:
    checker = rollout.example.answer.checker
    return checker is not None and checker.name == FAMILY and bool(rollout.example.images)


def _pearson(sums: Numbers) -> Numbers:
    """(..., 6) sums to (...,); NaN where a side does not vary."""
    n, x, y, xx, yy, xy = np.moveaxis(sums, -1, 0)
    n = np.maximum(n, 1)
    spread = np.sqrt(np.clip(xx / n - (x / n) ** 2, 0, None) * np.clip(yy / n - (y / n) ** 2, 0, None))
    return np.where(spread > _FLAT, (xy / n - x * y / n**2) / np.where(spread > _FLAT, spread, 1.0), np.nan)


def _standing(
    name: str,
    scored: Sequence[Scored],
    outcome: Numbers,
    truth: Numbers,
    scenes: NDArray[np.integer],
    groups: NDArray[np.integer],
    cost: Cost,
    surrogate: bool,
    stamp: str | None,
    seed: int,
) -> Standing:
    values = _numbers(scored)
    reasons: dict[str, int] = {}
    for each in scored:
        if each.value is None:
            reasons[str(each.reason)] = reasons.get(str(each.reason), 0) + 1
    there = np.isfinite(values)
    nothing = Correlation(value=None, low=None, high=None)
    grouped = len(set(groups[there].tolist())) < int(there.sum())
    blind = there & (truth < _FULL)
    both = there & np.isfinite(outcome)
    judged = surrogate and len(set(scenes[both].tolist())) >= FEWEST_IMAGES
    compared = (values[both], outcome[both], truth[both], scenes[both])
    same = (values[both] >= _HALF) == (outcome[both] >= _HALF)
    return Standing(
        name=name,
        n=int(there.sum()),
        unscored=int((~there).sum()),
        reasons=reasons,
        overall=correlation(values[there], truth[there], scenes[there], seed) if there.any() else nothing,
        within=correlation(
            _centred(values[there], groups[there]), _centred(truth[there], groups[there]), scenes[there], seed
        )
        if grouped
        else nothing,
        false_positives=share(values[blind] >= _FULL, scenes[blind]),
        agreement=float(same.mean()) if both.any() else None,
        lead=compare(*compared, seed=seed) if judged else None,
        lead_within=compare(*compared, group=groups[both], seed=seed) if judged and grouped else None,
        cost=cost,
        stamp=stamp,
    )


def _centred(values: Numbers, groups: NDArray[np.integer]) -> Numbers:
    code = np.unique(groups, return_inverse=True)[1].ravel()
    return values - (np.bincount(code, values) / np.bincount(code))[code]


def _numbers(scored: Sequence[Scored]) -> Numbers:
    return np.array([np.nan if each.value is None else each.value for each in scored], np.float64)


def _spent(mixture: Mixture, name: str) -> Ledger:
    found = getattr(mixture.surrogates.get(name), "spent", None)
    return found if isinstance(found, Ledger) else Ledger()


def _cost(after: Ledger, before: Ledger, seconds: float, count: int) -> Cost:
    tokens = after.prompt_tokens + after.completion_tokens - before.prompt_tokens - before.completion_tokens
    money = None if after.cost is None or before.cost is None else (after.cost - before.cost) / count
    return Cost(
        milliseconds=1000 * seconds / count,
        calls=(after.calls - before.calls) / count,
        cached=(after.cached - before.cached) / count,
        tokens=tokens / count,
        money=money,
    )


def _rank(standing: Standing) -> tuple[bool, float]:
    value = standing.overall.value if standing.within.value is None else standing.within.value
    return (value is not None, 0.0 if value is None else value)


def _known(value: Any) -> float | None:
    return float(value) if np.isfinite(value) else None


def table(standings: Sequence[Standing]) -> list[Mapping[str, str]]:
    """The ranking as a person reads it."""
    return [
        {
            "reward": each.name + (f" ({each.stamp})" if each.stamp else ""),
            "r": _said(each.overall),
            "r within": _said(each.within),
            "P(1|a_p=0)": "-" if each.false_positives.value is None else f"{each.false_positives.value:.3f}",
            "as outcome": "-" if each.agreement is None else f"{each.agreement:.3f}",
            "n": f"{each.n:,}",
            "unscored": f"{each.unscored:,}",
            "ms": f"{each.cost.milliseconds:.2f}",
            "calls": f"{each.cost.calls:.2f}",
            "passes": {None: "", True: "yes", False: "no"}[each.passes],
        }
        for each in standings
    ]


def _said(found: Correlation) -> str:
    if found.value is None:
        return "-"
    if found.low is None or found.high is None:
        return f"{found.value:.3f}"
    return f"{found.value:.2f} [{found.low:.2f}, {found.high:.2f}]"
