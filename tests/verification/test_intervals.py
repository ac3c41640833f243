"""Intervals of shares: by hand, and against what statsmodels said."""

import json
from pathlib import Path

import numpy as np
import pytest

from perceptdata.verification.intervals import effective_size, lower_bound, share, upper_bound, wilson

STORED = json.loads((Path(__file__).parent / "oracles" / "stored.json").read_text())


def test_against_statsmodels() -> None:
    for hits, size, low, high, exact_low, exact_high in STORED["shares"]:
        assert wilson(hits, size) == pytest.approx((low, high), abs=1e-9)
        # a two-sided interval of 95 % is two one-sided bounds of 97.5 %
        assert lower_bound(hits, size, 0.975) == pytest.approx(exact_low, abs=1e-9)
        assert upper_bound(hits, size, 0.975) == pytest.approx(exact_high, abs=1e-9)


def test_exact_bounds_by_hand() -> None:
    # All n pass: P(all | p) = p^n = .05 at the bound, so that the rule of three is 1 - .05^(1/n).
    assert lower_bound(59, 59) == pytest.approx(0.05 ** (1 / 59))
    assert upper_bound(0, 59) == pytest.approx(1 - 0.05 ** (1 / 59))
    # One of two: 1 - (1 - p)^2 = .05
    assert lower_bound(1, 2) == pytest.approx(1 - np.sqrt(0.95))
    assert lower_bound(0, 7) == 0
    assert upper_bound(0, 0) == 1


def test_wilson_of_nothing_is_everything() -> None:
    low, high = wilson(0, 0)
    assert (low, high) == (pytest.approx(0, abs=1e-12), 1)


def test_effective_size_by_hand() -> None:
    # Four claims, two of one image: parts 1/2, 1/4, 1/4, squares 4/16 + 1/16 + 1/16 = 6/16, so 16/6 claims.
    assert effective_size(np.ones(4), np.array([0, 0, 1, 2])) == pytest.approx(16 / 6)
    # Each its own image: all count. Unequal weights 3, 1: 16 / (9 + 1).
    assert effective_size(np.ones(5), np.arange(5)) == pytest.approx(5)
    assert effective_size(np.array([3.0, 1.0]), np.array(["a", "b"])) == pytest.approx(1.6)
    assert effective_size(np.zeros(3), np.arange(3)) == 0


def test_effective_size_of_many_at_once_is_that_of_each() -> None:
    draw = np.random.default_rng(0)
    weight, cluster = draw.random((6, 20)), draw.integers(0, 5, (6, 20))
    many = effective_size(weight, cluster)
    assert many == pytest.approx([float(effective_size(w, c)) for w, c in zip(weight, cluster, strict=True)])


def test_a_share_is_clustered() -> None:
    hits = np.repeat([1.0, 0.0, 1.0, 1.0], 10)
    alone, together = share(hits, np.arange(40)), share(hits, np.repeat(np.arange(4), 10))
    assert (alone.value, alone.size) == (0.75, pytest.approx(40))
    assert together.size == pytest.approx(4)  # claims of an image are all alike: four images, four claims
    assert together.low < alone.low
    assert together.high > alone.high


def test_a_share_without_variance_takes_the_worst_case() -> None:
    found = share(np.ones(30), np.repeat(np.arange(10), 3))
    assert (found.value, found.size) == (1.0, pytest.approx(10))
    assert found.low == pytest.approx(wilson(10, 10)[0])


def test_a_share_of_nothing_says_so() -> None:
    found = share([], [])
    assert (found.value, found.low, found.high) == (None, 0, 1)
    assert str(found) == "nothing counted"
    assert str(share([1, 0], [0, 1])).startswith("0.500 [")
