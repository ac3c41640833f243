"""Surrogates against outcomes: correlations by hand and by numpy, and the bound of their difference."""

import numpy as np
import pytest

from perceptdata.errors import UsageError
from perceptdata.verification.surrogate import compare


def rollouts(seed: int, images: int, each: int, follows: float) -> tuple[np.ndarray, ...]:
    """Perception of rollouts, an outcome that follows it weakly, and a surrogate that is right with `follows`."""
    draw = np.random.default_rng(seed)
    image = np.repeat(np.arange(images), each)
    seen = (draw.random(images * each) < np.repeat(draw.random(images), each)).astype(float)
    outcome = np.where(draw.random(len(seen)) < 0.4, seen, draw.integers(0, 2, len(seen)))
    surrogate = np.where(draw.random(len(seen)) < follows, seen, draw.integers(0, 2, len(seen)))
    return surrogate, outcome, seen, image


def test_correlations_are_pearsons() -> None:
    surrogate, outcome, seen, image = rollouts(0, 40, 5, 0.8)
    found = compare(surrogate, outcome, seen, image)
    assert found.surrogate == pytest.approx(np.corrcoef(surrogate, seen)[0, 1])
    assert found.outcome == pytest.approx(np.corrcoef(outcome, seen)[0, 1])
    assert (found.n, found.images, found.unscored) == (200, 40, 0)


def test_a_good_surrogate_passes_and_one_like_the_outcome_does_not() -> None:
    assert compare(*rollouts(1, 80, 6, 0.9)).passes
    assert not compare(*rollouts(1, 80, 6, 0.4)).passes
    assert not compare(*rollouts(1, 80, 6, 0.0)).passes


def test_the_bound_is_that_of_a_naive_bootstrap_by_image() -> None:
    surrogate, outcome, seen, image = rollouts(2, 30, 4, 0.7)
    draw, differences = np.random.default_rng(9), []
    for _ in range(800):
        rows = np.concatenate([np.nonzero(image == one)[0] for one in draw.integers(0, 30, 30)])
        one, other = (np.corrcoef(each[rows], seen[rows])[0, 1] for each in (surrogate, outcome))
        differences.append(one - other)
    assert compare(surrogate, outcome, seen, image).lower == pytest.approx(np.quantile(differences, 0.05), abs=0.025)


def test_within_groups_their_means_are_taken_off() -> None:
    surrogate, outcome, seen, image = rollouts(3, 30, 6, 0.7)
    found = compare(surrogate, outcome, seen, image, group=image)
    centred = [each - np.repeat(each.reshape(30, 6).mean(axis=1), 6) for each in (surrogate, seen)]
    assert found.surrogate == pytest.approx(np.corrcoef(*centred)[0, 1])


def test_unscored_rollouts_are_left_out_of_both() -> None:
    surrogate, outcome, seen, image = rollouts(4, 40, 4, 0.9)
    missing = surrogate.copy()
    missing[::8] = np.nan
    found = compare(missing, outcome, seen, image)
    kept = np.isfinite(missing)
    assert (found.unscored, found.n) == (20, 140)
    assert found.outcome == pytest.approx(np.corrcoef(outcome[kept], seen[kept])[0, 1])


def test_what_does_not_vary_has_no_correlation_and_does_not_pass() -> None:
    _, outcome, seen, image = rollouts(5, 20, 3, 0.9)
    found = compare(np.ones(60), outcome, seen, image)
    assert (found.surrogate, found.lower, found.passes) == (None, None, False)


def test_what_does_not_fit_is_said() -> None:
    surrogate, outcome, seen, image = rollouts(6, 20, 3, 0.9)
    with pytest.raises(UsageError, match="differ in length"):
        compare(surrogate[:-1], outcome, seen, image)
    with pytest.raises(UsageError, match="60 rollouts, but 59 images"):
        compare(surrogate, outcome, seen, image[:-1])
    with pytest.raises(UsageError, match="must be known"):
        compare(surrogate, np.full(60, np.nan), seen, image)
    with pytest.raises(UsageError, match="too few to draw from"):
        compare(surrogate[:15], outcome[:15], seen[:15], image[:15])
