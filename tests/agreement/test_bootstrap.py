"""The bootstrap: whole texts, repeatable, and an interval that covers what it should."""

import numpy as np

from perceptdata.agreement.bootstrap import interval, resample


def test_a_sample_draws_as_many_texts_as_there_are() -> None:
    counts = np.column_stack([np.ones(40), np.arange(40.0)])
    sums = resample(counts, rounds=50, seed=1)
    assert sums.shape == (50, 2)
    assert (sums[:, 0] == 40).all()
    assert len(set(sums[:, 1])) > 40  # they differ


def test_the_same_seed_gives_the_same_samples() -> None:
    counts = np.arange(30.0).reshape(10, 3)
    assert (resample(counts, 20, seed=3) == resample(counts, 20, seed=3)).all()
    assert (resample(counts, 20, seed=3) != resample(counts, 20, seed=4)).any()


def test_the_interval_of_a_mean_is_as_wide_as_theory_says() -> None:
    # The mean of 400 draws of variance 1 has a 95 % interval of 2·1.96/20 = .196.
    values = np.random.default_rng(0).standard_normal(400)
    low, high = interval(resample(values[:, None] / 400, 2000, seed=0)[:, 0])
    assert low < values.mean() < high
    assert 0.17 < high - low < 0.22


def test_nothing_drawn_is_nothing_known() -> None:
    assert resample(np.zeros((0, 2)), 3, seed=0).tolist() == [[0, 0]] * 3
    assert np.isnan(interval(np.array([]))).all()
    assert np.isnan(interval(np.array([np.nan, np.nan]))).all()
    assert interval(np.array([np.nan, 0.5, 0.5])) == (0.5, 0.5)  # a sample without a number is left out
