"""Exact tests by hand, and how often groups without a difference are said to have one."""

import numpy as np
import pytest

from perceptdata.agreement.bootstrap import interval, resample
from perceptdata.agreement.significance import enough, holm, sign_test, widened


def test_the_exact_test_by_hand() -> None:
    # Six pairs differ, all of them wins: 2 * (1/2)^6.
    assert sign_test(6, 0) == pytest.approx(2 / 64)
    # 14 wins and 4 losses: 2 * (1 + 18 + 153 + 816 + 3060) / 2^18.
    assert sign_test(14, 4) == pytest.approx(2 * 4048 / 2**18)
    assert sign_test(5, 5) == 1.0
    assert sign_test(0, 0) == 1.0


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([]) == []


def test_mcnemars_test_is_the_sign_test() -> None:
    # b = 1, c = 5: 2 (C(6,0) + C(6,1)) / 64 = 14/64
    assert sign_test(1, 5) == sign_test(5, 1) == pytest.approx(14 / 64)
    assert sign_test(9_000, 11_000) < 1e-40  # and takes no time


def test_enough_is_items_and_scenes() -> None:
    assert enough(30, 10)
    assert not enough(29, 29)
    assert not enough(3_000, 9)


def test_an_interval_from_few_groups_by_hand() -> None:
    # Student's t of 4 degrees of freedom is 2.776, the normal 1.960; sqrt(5 / 4) = 1.118
    reach = 2.7764 / 1.95996 * 1.11803
    assert widened(0.1, 0.0, 0.3, 5) == pytest.approx((0.1 - 0.1 * reach, 0.1 + 0.2 * reach), abs=1e-4)
    assert widened(0.1, 0.05, 0.15, 1) == (-1.0, 1.0)
    assert widened(0.1, 0.05, 0.15, 1, most=2.0) == (-2.0, 2.0)
    low, high = widened(0.1, 0.0, 0.2, 10_000)
    assert (low, high) == pytest.approx((0.0, 0.2), abs=1e-4)


@pytest.mark.parametrize("groups", [3, 5, 10])
def test_groups_without_a_difference_seldom_have_one(groups: int) -> None:
    draw = np.random.default_rng(groups)
    false = {"plain": 0, "widened": 0}
    for again in range(300):
        sums = np.stack([draw.normal(size=groups) / 10, np.ones(groups)], axis=1)
        samples = resample(sums, 400, again)
        low, high = interval(samples[:, 0] / samples[:, 1])
        value = float(sums[:, 0].mean())
        false["plain"] += not low <= 0 <= high
        low, high = widened(value, low, high, groups)
        false["widened"] += not low <= 0 <= high
    assert false["widened"] <= 0.08 * 300
    assert false["plain"] > 14
    assert false["widened"] < false["plain"]
