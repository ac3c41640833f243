"""Correlations by hand."""

from math import sqrt

import numpy as np
import pyarrow as pa
import pytest

from perceptdata.diagnosis.coupling import centred, coupling

from diagnosis.answering import answers, ones  # isort: skip


def test_correlations_over_all_answers() -> None:
    # a: 20 of 40; seen in all 20 of them and 10 others. phi = (20·10 - 0·10) / sqrt(20·20·30·10) = 1/sqrt(3)
    table = answers("image", ones(20, 40), seen=ones(30, 40), reasoned=ones(20, 40))
    found = coupling(table)
    assert found.perception.value == pytest.approx(1 / sqrt(3))
    assert found.perception.low is not None
    assert found.perception.low < 1 / sqrt(3)
    assert found.reasoning.value == pytest.approx(1.0)
    assert found.lopsided  # 1 to 1 lies above
    assert found.perception_within.value is None  # one answer an item has no within
    assert found.mixed is None


def test_within_an_item_only_what_differs_counts() -> None:
    # item 0 is seen and right twice; item 1 is right once, when it is not seen: within, r = -1, over all r > 0
    a = np.array([1.0, 1.0, 1.0, 0.0])
    seen = np.array([1.0, 1.0, 0.0, 1.0])
    ids = ["i0", "i0", "i1", "i1"]
    one, other = centred(a, seen, ids)
    assert one.tolist() == [0, 0, 0.5, -0.5]
    assert other.tolist() == [0, 0, -0.5, 0.5]
    gone, _ = centred(np.array([1.0, np.nan]), np.array([1.0, 1.0]), ["i0", "i0"])
    assert gone[0] == 0
    assert np.isnan(gone[1])


def test_groups_that_learn() -> None:
    first = answers("image", ones(20, 40), seen=ones(20, 40))
    second = answers("image", ones(10, 40), seen=ones(10, 40), sample=[1] * 40)
    found = coupling(pa.concat_tables([first, second]))
    assert found.mixed == 0.25  # the ten items that are right once
    assert found.perception_within.value == pytest.approx(1.0)


def test_what_does_not_vary_has_no_correlation() -> None:
    found = coupling(answers("image", ones(40, 40), seen=ones(20, 40)))
    assert (found.perception.value, found.reasoning.value, found.lopsided) == (None, None, None)
