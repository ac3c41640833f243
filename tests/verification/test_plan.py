"""Plans: the issue's numbers, and what readers who err cost."""

from statistics import NormalDist

import numpy as np
import pytest

from perceptdata.errors import UsageError
from perceptdata.verification.bounds import Errors
from perceptdata.verification.intervals import lower_bound
from perceptdata.verification.plan import MOST, make_plan, power_of, required_audits


@pytest.mark.parametrize(("true", "about"), [(0.99, 125), (0.98, 235), (0.97, 625), (0.96, 2720)])
def test_how_many_audits_an_exact_bound_takes(true: float, about: int) -> None:
    found = required_audits(0.95, true)
    assert found is not None
    assert found == pytest.approx(about, rel=0.04)


def test_the_first_size_with_enough_power() -> None:
    # By hand, 124 audits at .99: two failures are allowed, since P(0, 1, 2 | .05) is under .05 and that of 3 over it.
    from math import comb

    def below(failures: int, n: int, p: float) -> float:
        return sum(comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(failures + 1))

    assert below(2, 124, 0.05) <= 0.05 < below(3, 124, 0.05)
    assert below(2, 124, 0.01) >= 0.8
    assert lower_bound(122, 124) >= 0.95 > lower_bound(121, 124)
    assert required_audits(0.95, 0.99) == 124


def test_audits_grow_as_readings_lose_their_worth() -> None:
    z = NormalDist().inv_cdf(0.95), NormalDist().inv_cdf(0.8)
    for miss, alarm in ((0.0, 0.0), (0.2, 0.0), (0.1, 0.05), (0.3, 0.1)):
        low, high = (p * (1 - alarm) + (1 - p) * miss for p in (0.95, 0.97))
        worth = 1 - miss - alarm
        spread = z[0] * np.sqrt(low * (1 - low)) + z[1] * np.sqrt(high * (1 - high))
        found = required_audits(0.95, 0.97, miss=miss, alarm=alarm)
        assert found is not None
        assert found == pytest.approx((spread / 0.02) ** 2 / worth**2, rel=0.12)


def test_measuring_the_miss_costs_more_than_knowing_it() -> None:
    known = required_audits(0.95, 0.98, miss=0.2)
    few, many = (required_audits(0.95, 0.98, miss=0.2, traps=traps) for traps in (0.1, 0.5))
    assert known is not None
    assert few is not None
    assert many is not None
    assert known < many < few


def test_what_is_no_better_than_the_target_is_never_proven() -> None:
    assert required_audits(0.95, 0.95) is None
    assert required_audits(0.95, 0.9501) is None  # more than anyone reads
    assert required_audits(0.95, 0.9529, miss=0.3, traps=0.1) is None  # though known readers would do
    assert MOST > 50_000


def test_power_by_simulation() -> None:
    from perceptdata.verification.bounds import doubt

    draw, runs = np.random.default_rng(0), 4000
    traps = draw.binomial(60, 0.15, runs)
    passes = draw.binomial(300, 0.98 + 0.02 * 0.15, runs)
    proven = doubt(0.95, passes, 300, Errors(traps, 60)) <= 0.05
    assert power_of(300, 60, 0.95, 0.98, 0.15) == pytest.approx(proven.mean(), abs=0.03)


def test_a_plan_says_what_fits_and_what_does_not() -> None:
    plan = make_plan(0.95, people=2, hours=4, slices={"chart": 1000, "photo": 3000}, precisions=(0.99, 0.96))
    assert plan.readings == 640
    # All that is read fits: claims once and some twice, traps, and a last word on whatever fails.
    assert plan.audits + plan.doubled + plan.traps + plan.last_words == pytest.approx(plan.readings, abs=4)
    assert plan.traps == pytest.approx(0.2 * plan.audits, abs=1)
    whole, _, chart = plan.rows[0], plan.rows[1], plan.rows[2]
    assert (whole.slice, chart.slice, chart.audits) == (None, "chart", round(plan.audits / 4))
    assert whole.attainable
    assert whole.bound > 0.95
    assert not plan.rows[1].attainable
    text = str(plan)
    assert "the target is not attainable below" in text
    assert text.startswith("640 readings:")
    assert "chart, " in text


def test_disputes_cost_readings_and_add_nothing_to_the_bound() -> None:
    plain, more = (make_plan(0.95, 2, 8, {"a": 100, "b": 0}, disputed=disputed) for disputed in (0, 200))
    assert more.audits < plain.audits - 150
    assert more.audits + 200 + more.doubled + more.traps + more.last_words == pytest.approx(more.readings, abs=4)
    assert more.rows[0].bound < plain.rows[0].bound
    assert "200 disputed ones" in str(more)
    assert {(row.slice, row.audits) for row in more.rows[4:]} == {
        ("a", 100)
    }  # no more than there are, and no empty one


def test_the_planned_bound_is_what_four_audits_in_five_reach() -> None:
    from perceptdata.verification.bounds import carried_lower

    row = make_plan(0.95, people=2, hours=3, precisions=(0.98,)).rows[0]
    traps = make_plan(0.95, people=2, hours=3, precisions=(0.98,)).traps
    draw = np.random.default_rng(1)
    bounds = carried_lower(
        draw.binomial(row.audits, 0.98 + 0.02 * 0.1, 400), row.audits, Errors(draw.binomial(traps, 0.1, 400), traps)
    )
    assert (bounds >= row.bound - 0.002).mean() > 0.75


def test_one_person_reads_nothing_twice_and_still_reads_traps() -> None:
    plan = make_plan(0.9, people=1, hours=2, precisions=(0.89,))
    assert plan.doubled == 0
    assert plan.traps >= 20
    assert plan.rows[0].required is None
    assert "not attainable at any size" in str(plan)


def test_nonsense_is_refused() -> None:
    with pytest.raises(UsageError, match="tells nothing"):
        make_plan(0.95, people=2, hours=8, miss=0.7, alarm=0.3)
    with pytest.raises(UsageError, match="people, hours and seconds above 0"):
        make_plan(0.95, people=0, hours=8)
    with pytest.raises(UsageError, match="leave no audit beside 20 traps"):
        make_plan(0.95, people=1, hours=0.3)
    with pytest.raises(UsageError, match="gives all failed claims a last word"):
        required_audits(0.95, 0.98, alarm=0.02, traps=0.2)
    with pytest.raises(UsageError, match="between 0 and 1"):
        required_audits(1.0, 1.0)
