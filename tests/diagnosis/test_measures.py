"""Rates and paired differences, against numbers worked out by hand."""

from math import sqrt

import numpy as np
import pyarrow as pa
import pytest

from perceptdata.diagnosis.measures import bonett_price, by, matched, means, paired, rate

from diagnosis.answering import answers, ones  # isort: skip


def test_a_rate_has_wilsons_interval() -> None:
    found = rate(ones(30, 40), [f"g{at}" for at in range(40)])
    # z = 1.96, n = 40, p = .75: middle (30 + 1.92) / 43.84 = .728, half 1.96 sqrt(7.5 + .9604) / 43.84 = .130
    z = 1.959964
    middle = (30 + z * z / 2) / (40 + z * z)
    half = z * sqrt(30 * 10 / 40 + z * z / 4) / (40 + z * z)
    assert (found.value, found.answers, found.items, found.enough) == (0.75, 40, 40, True)
    assert (found.low, found.high) == (pytest.approx(middle - half, abs=1e-6), pytest.approx(middle + half, abs=1e-6))
    assert (round(found.low, 3), round(found.high, 3)) == (0.598, 0.858)


def test_answers_to_one_item_count_as_one_where_they_agree() -> None:
    four = rate([1, 1, 1, 1, 0, 0, 0, 0], ["g0"] * 4 + ["g1"] * 4, ["a"] * 4 + ["b"] * 4)
    two = rate([1, 0], ["g0", "g1"])
    assert (four.value, four.low, four.high) == (two.value, pytest.approx(two.low), pytest.approx(two.high))
    assert (four.answers, four.items) == (8, 2)


def test_nothing_measured() -> None:
    found = rate([np.nan], ["g"])
    assert (found.value, found.low, found.high, found.items, str(found)) == (None, 0.0, 1.0, 0, "–")


def test_a_paired_difference_by_hand() -> None:
    # four items: one won, two unchanged, none lost; mean +.25, and its standard error sqrt(3/16 / 4) = .217
    found = paired([0, 1, 0, 0], [1, 1, 0, 0], ["a", "b", "c", "d"])
    assert found is not None
    assert (found.difference, found.wins, found.losses, found.p) == (0.25, 1, 0, 1.0)
    # 2 000 samples of 4 reach from 0 to .75, the quantiles of binomial(4, 1/4); Student's t of three degrees of freedom
    # makes that 1.87 times as wide on either side, from -.22 to beyond 1; Bonett and Price's goes farther down
    assert found.high == 1.0
    assert found.low == pytest.approx(1 / 6 - 1.959964 * sqrt((1 / 2 - 1 / 36) / 6))
    assert not found.sure  # four items are too few, whatever the interval
    assert paired([], [], []) is None


def test_a_difference_of_many_items_is_about_normal() -> None:
    before, after = np.zeros(400), np.array(ones(100, 400))
    found = paired(before, after, [f"g{at}" for at in range(400)])
    assert found is not None
    error = sqrt(0.25 * 0.75 / 400)
    assert found.low == pytest.approx(0.25 - 1.96 * error, abs=0.01)
    assert found.high == pytest.approx(0.25 + 1.96 * error, abs=0.01)
    assert found.sure
    assert str(found).startswith("+25.0 [+2")


def test_mcnemar_is_for_one_answer_an_item() -> None:
    found = paired([0.5, 1.0], [1.0, 1.0], ["a", "b"])
    assert found is not None
    assert found.p is None


def test_means_of_items_and_their_match() -> None:
    table = pa.concat_tables([answers("image", [1, 0, None]), answers("image", [0, 0, None])])
    one = means(table, "right")
    assert (one.id, one.value.tolist()) == (("i0", "i1"), [0.5, 0.0])
    other = means(answers("image", [None, 1.0, 1.0]), "right")
    (left, right), group = matched(one, other)
    assert (left.tolist(), right.tolist(), group) == ([0.0], [1.0], ["g1"])


def test_slices_come_in_the_order_of_their_numbers() -> None:
    table = answers("image", [1, 1, 1], size=["16 to 31 facts", "4 to 7 facts", None])
    assert list(by(table, "size")) == ["4 to 7 facts", "16 to 31 facts"]


def test_a_few_items_that_all_say_the_same_are_not_sure() -> None:
    # one of two won: (2 - 1) / 4 ± 1.96 · sqrt((.75 - .0625) / 4)
    low, high = bonett_price(1, 0, 2)
    assert (low, high) == (pytest.approx(0.25 - 1.959964 * (0.6875 / 4) ** 0.5), 1.0)
    found = paired([0.0, 0.0], [1.0, 0.0], ["a", "b"])
    assert found is not None
    assert (found.difference, found.low, found.high) == (0.5, -1.0, 1.0)  # two scenes say nothing
    nothing = paired([1.0] * 60, [1.0] * 60, [str(at) for at in range(60)])
    assert nothing is not None
    assert nothing.low == pytest.approx(-1.959964 * (2 / 62 / 62) ** 0.5)
    assert nothing.high == -nothing.low
    assert not nothing.sure
