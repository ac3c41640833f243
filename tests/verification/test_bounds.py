"""The bound that carries the readers' errors: by hand, against ten million draws, and against the exact bound."""

import numpy as np
import pytest

from perceptdata.verification.bounds import Errors, captions_lower, carried_lower, doubt, passed, precision
from perceptdata.verification.intervals import effective_size, lower_bound

KNOWN = 1e9  # so many traps that nothing is left open about a miss


def test_rogan_and_gladen_by_hand() -> None:
    # q = .92, m = .2, f = .05: (.92 - .2) / (1 - .2 - .05) = .72 / .75 = .96
    errors = Errors(missed=20, traps=100, alarmed=5, controls=100)
    assert precision(92, 100, errors) == pytest.approx(0.96)
    assert precision(99, 100, errors) == 1.0  # more passes than readers with such alarms could give
    assert precision(10, 100, errors) == 0.0


def test_unmeasured_readers_prove_nothing() -> None:
    nobody = Errors(0, 0)
    assert nobody.miss == 1
    assert nobody.alarm == 0
    assert carried_lower(400, 400, nobody) == 0
    assert precision(400, 400, nobody) == 0


def test_with_perfect_readers_it_is_the_exact_bound() -> None:
    for hits, size in ((231, 235), (59, 59), (30, 40)):
        assert carried_lower(hits, size, Errors(0, KNOWN)) == pytest.approx(lower_bound(hits, size), abs=1e-6)


def test_with_known_errors_it_is_the_exact_bound_corrected() -> None:
    found = carried_lower(215, 235, Errors(0.3 * KNOWN, KNOWN, 0.05 * KNOWN, KNOWN))
    assert found == pytest.approx((lower_bound(215, 235) - 0.3) / (1 - 0.35), abs=1e-4)


@pytest.mark.parametrize(
    ("hits", "size", "errors"),
    [
        (231, 235, Errors(2, 40, 3, 60)),
        (400, 400, Errors(0, 20)),
        (560, 600, Errors(12, 60, 4, 80)),
        (88.5, 92.3, Errors(1.4, 18.2, 0.7, 20.0)),
    ],
)
def test_against_many_draws(hits: float, size: float, errors: Errors) -> None:
    draw, many = np.random.default_rng(0), 400_000
    q = draw.beta(hits, size - hits + 1, many)
    m = draw.beta(errors.missed + 1, errors.traps - errors.missed, many)
    f = draw.beta(errors.alarmed, errors.controls - errors.alarmed + 1, many) if errors.alarmed else np.zeros(many)
    naive = np.quantile(np.where(m + f < 1, np.clip((q - m) / (1 - m - f), 0, 1), 0), 0.05)
    assert carried_lower(hits, size, errors) == pytest.approx(naive, abs=5e-4)


def test_the_bound_is_where_the_doubt_is_five_per_cent() -> None:
    errors = Errors(5, 40, 2, 50)
    bound = carried_lower(225, 235, errors)
    assert doubt(bound, 225, 235, errors) == pytest.approx(0.05, abs=1e-6)


def test_more_misses_and_fewer_traps_lower_it() -> None:
    few, many = carried_lower(230, 235, Errors([0, 2, 8], 20)), carried_lower(230, 235, Errors([0, 8, 32], 80))
    assert (np.diff(few) < 0).all()
    assert (many > few).all()


def test_false_alarms_are_given_back_only_as_far_as_they_are_sure() -> None:
    without = carried_lower(220, 235, Errors(0, 60))
    few, many = (carried_lower(220, 235, Errors(0, 60, 0.05 * n, n)) for n in (20, 400))
    assert without < few < many


def test_readers_who_pass_everything_prove_nothing() -> None:
    assert carried_lower(235, 235, Errors(20, 20)) == 0


def test_captions_by_hand() -> None:
    # 98 of 100 claims right at least, four a caption: of 25 captions no more than 2 are wrong, so .92.
    assert captions_lower(0.98, 4.0) == pytest.approx(0.92)
    assert captions_lower(0.7, 4.0) == 0


def test_an_even_sample_counts_every_claim() -> None:
    stratum, population = np.repeat([0, 1], [30, 70]), np.array([300, 700])
    share = np.where(np.arange(100) % 20 == 0, 0.0, 1.0)
    found = passed(share, np.arange(100), stratum, population)
    assert found.rate == pytest.approx(0.95)
    assert found.even == pytest.approx(100)
    assert found.all == pytest.approx(100)


def test_a_stratified_rate_by_hand() -> None:
    # A tenth of the claims in dispute, half of the sample: .9 * 1 + .1 * .5 = .95
    stratum, population = np.repeat([0, 1], [10, 10]), np.array([900, 100])
    share = np.r_[np.ones(10), np.ones(5), np.zeros(5)]
    found = passed(share, np.arange(20), stratum, population)
    assert found.rate == pytest.approx(0.95)
    assert found.even == pytest.approx(10 / 0.9)  # ten claims of nine tenths hold an even sample of eleven
    # Kish: 1 / (10 (.09)^2 + 10 (.01)^2) = 12.2; by variance: 5 (.01 .05)^2 + 5 (.01 .95)^2 + 10 (.09 .05)^2, far more
    assert found.all == pytest.approx(1 / (10 * 0.09**2 + 10 * 0.01**2))


def test_errors_where_few_were_sampled_count_by_their_variance() -> None:
    stratum, population = np.repeat([0, 1], [10, 90]), np.array([900, 100])
    share = np.r_[np.ones(9), 0.0, np.ones(90)]
    found = passed(share, np.arange(100), stratum, population)
    weight = np.repeat([0.9 / 10, 0.1 / 90], [10, 90])
    assert found.rate == pytest.approx(0.91)
    naive = 0.91 * 0.09 / sum((w * (y - 0.91)) ** 2 for w, y in zip(weight, share, strict=True))
    assert found.all == pytest.approx(min(naive, 1 / (weight**2).sum()))
    assert found.all < 12.4


def test_images_that_repeat_count_less() -> None:
    stratum, image = np.zeros(40, int), np.repeat(np.arange(20), 2)
    found = passed(np.ones(40), image, stratum, np.array([1000]))
    assert found.even == pytest.approx(20)
    assert found.all == pytest.approx(effective_size(np.ones(40), image))


def test_many_audits_at_once_are_each_of_them() -> None:
    draw = np.random.default_rng(3)
    share, image = (draw.random((5, 60)) < 0.9).astype(float), draw.integers(0, 40, (5, 60))
    stratum, population = np.repeat([0, 1, 2], [10, 20, 30]), np.array([500, 300, 200])
    many = passed(share, image, stratum, population)
    for row in range(5):
        one = passed(share[row], image[row], stratum, population)
        assert [float(each[row]) for each in many] == pytest.approx([float(each) for each in one])
