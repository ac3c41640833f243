"""Forecasts by hand, and under a known truth: what an intervention does to a_p and a_r, `a` does by their product."""

import numpy as np
import pyarrow as pa
import pytest

from perceptdata.diagnosis.advice import Probe, advise, check
from perceptdata.errors import UsageError

from diagnosis.answering import diagnosed, ones  # isort: skip


def drawn(a_p: float, a_r: float, items: int, seed: int) -> pa.Table:
    """A model with these rates, whose errors are independent."""
    draw = np.random.default_rng(seed)
    seen, solved, again = (draw.random(items) for _ in range(3))
    right = (seen < a_p) & (solved < a_r)
    return diagnosed(
        right.astype(float).tolist(), (seen < a_p).astype(float).tolist(), (again < a_r).astype(float).tolist()
    )


def trained(value: float, hard: np.ndarray, draw: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """a, a_p and a_r of a run with λ at `value`: what is hard to see is hard to solve, and hard for every run."""
    sees = 1 / (1 + np.exp(-(-0.3 + hard + 3.0 * value)))
    solves = 1 / (1 + np.exp(-(1.5 + 0.7 * hard - 1.5 * value)))
    seen, solved, given = (draw.random(len(hard)) < rate for rate in (sees, solves, solves))
    return (seen & solved).astype(float), seen.astype(float), given.astype(float)


def odds(rate: float) -> float:
    return float(np.log(rate / (1 - rate)))


def test_a_forecast_by_hand() -> None:
    # a_p .4 to .5, a_r .8 to .75 at lambda .1: at .1 a goes from .3 to .3 · (.5/.4) · (.75/.8)
    base = diagnosed(ones(120, 400), ones(160, 400), ones(320, 400))
    probe = diagnosed(ones(140, 400), ones(200, 400), ones(300, 400))
    found = advise(base, [Probe("lambda", 0.1, probe)])
    (slope,) = found.slopes
    assert slope.a_p == pytest.approx((odds(0.5) - odds(0.4)) / 0.1)
    assert slope.a_r == pytest.approx((odds(0.75) - odds(0.8)) / 0.1)
    at = next(each for each in found.forecasts if each.value == 0.1)
    assert at.gain == pytest.approx(0.3 * (0.5 / 0.4) * (0.75 / 0.8) - 0.3)
    assert (at.a_p, at.a_r) == (pytest.approx(0.5), pytest.approx(0.75))
    assert at.low < at.gain < at.high


def test_two_probes_of_one_kind_are_fitted_together() -> None:
    base = diagnosed(ones(50, 100), ones(50, 100), ones(50, 100))
    up = diagnosed(ones(50, 100), ones(60, 100), ones(50, 100))
    same = diagnosed(ones(50, 100), ones(50, 100), ones(50, 100))
    found = advise(base, [Probe("alpha", 0.1, up), Probe("alpha", 0.2, same)])
    # Σ x y / Σ x² = .1 odds(.6) / (.01 + .04)
    assert found.slopes[0].a_p == pytest.approx(0.1 * odds(0.6) / 0.05)


@pytest.mark.parametrize("seed", range(5))
def test_the_true_gain_lies_in_the_interval(seed: int) -> None:
    base = drawn(0.4, 0.9, 800, 10 * seed)
    probe = drawn(0.6, 0.85, 800, 10 * seed + 1)
    found = advise(base, [Probe("lambda", 0.3, probe)])
    at = next(each for each in found.forecasts if each.value == 0.3)
    assert at.low < 0.6 * 0.85 - 0.4 * 0.9 < at.high
    assert found.best is not None
    assert (found.best.kind, found.best.sure) == ("lambda", True)
    assert found.sentence.startswith("set lambda to 0.")
    after = drawn(0.6, 0.85, 800, 10 * seed + 2)
    assert check(found, base, after, "lambda", 0.3).verdict == "held"
    ruined = drawn(0.6, 0.1, 800, 10 * seed + 3)
    assert check(found, base, ruined, "lambda", 0.3).verdict == "missed"


def test_forecasts_cover_what_is_true_and_what_then_happens() -> None:
    # The truth is that of two million items; the probe is at .3, and at .15 nothing was probed.
    draw = np.random.default_rng(0)
    many = draw.standard_normal(2_000_000)
    true = {value: trained(value, many, draw)[0].mean() for value in (0.0, 0.15, 0.3)}
    simulated, covered, verdicts, widths = 40, {0.15: 0, 0.3: 0}, [], []
    for seed in range(simulated):
        draw = np.random.default_rng(seed + 1)
        hard = draw.standard_normal(120)
        base, probe, after = (
            diagnosed(*(column.tolist() for column in trained(value, hard, draw))) for value in (0.0, 0.3, 0.3)
        )
        found = advise(base, [Probe("lambda", 0.3, probe)], seed)
        for value in covered:
            cast = next(each for each in found.forecasts if each.value == pytest.approx(value))
            covered[value] += cast.low <= true[value] - true[0.0] <= cast.high
            widths.append(cast.high - cast.low)
        verdicts.append(check(found, base, after, "lambda", 0.3).verdict)
    assert all(count >= 0.9 * simulated for count in covered.values()), covered
    assert verdicts.count("missed") <= 0.1 * simulated
    assert verdicts.count("held") > 0.3 * simulated  # the rest is too wide to tell: 120 items are few
    assert np.mean(widths) < 0.2  # they say something: a true gain is .10


def test_what_costs_more_than_it_buys_is_not_advised() -> None:
    base, probe = drawn(0.8, 0.6, 800, 1), drawn(0.85, 0.3, 800, 2)
    found = advise(base, [Probe("lambda", 0.3, probe)])
    assert found.best is None
    assert found.sentence.startswith("none of the probed interventions")
    assert found.limit.verdict == "reasoning"


def test_without_probes_only_what_limits_is_told() -> None:
    assert "perception limits" in advise(drawn(0.3, 0.9, 200, 1), []).sentence
    assert "reasoning limits" in advise(drawn(0.9, 0.3, 200, 1), []).sentence
    assert "neither" in advise(drawn(0.5, 0.5, 200, 1), []).sentence
    assert "too few" in advise(drawn(0.3, 0.9, 20, 1), []).sentence


def test_rates_at_their_ends_have_forecasts_too() -> None:
    base, probe = diagnosed(ones(0, 40), ones(0, 40), ones(40, 40)), diagnosed(ones(10, 40), ones(10, 40), ones(40, 40))
    found = advise(base, [Probe("lambda", 0.1, probe)])
    assert all(np.isfinite(each.gain) for each in found.forecasts)


def test_wrong_use() -> None:
    base, probe = drawn(0.4, 0.9, 100, 1), drawn(0.5, 0.9, 100, 2)
    advice = advise(base, [Probe("lambda", 0.1, probe)])
    with pytest.raises(UsageError, match="forecasts nothing for alpha; it has lambda"):
        check(advice, base, probe, "alpha", 0.1)
    with pytest.raises(UsageError, match="lies beyond what was forecast"):
        check(advice, base, probe, "lambda", 0.9)
    with pytest.raises(UsageError, match="several values of the base"):
        advise(base, [Probe("lambda", 0.1, probe), Probe("lambda", 0.2, probe, 0.05)])
    with pytest.raises(UsageError, match="have the value of the base"):
        advise(base, [Probe("lambda", 0.0, probe)])
    with pytest.raises(UsageError, match="different items"):
        advise(base, [Probe("lambda", 0.1, drawn(0.5, 0.9, 99, 2))])
    with pytest.raises(UsageError, match="no item has a, a_p and a_r"):
        advise(diagnosed([1.0], [None], [1.0]), [])
