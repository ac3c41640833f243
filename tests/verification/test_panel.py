"""Panels and corrected rates: by hand, against what ppi-python and crowd-kit said, and by coverage."""

import json
from pathlib import Path

import numpy as np
import pytest

from perceptdata.errors import UsageError
from perceptdata.verification.intervals import Share, share
from perceptdata.verification.panel import (
    accepted,
    dawid_skene,
    majority,
    prediction_powered,
    rogan_gladen,
    weighted_logit,
)

STORED = json.loads((Path(__file__).parent / "oracles" / "stored.json").read_text())


def measured(hits: int, n: int) -> Share:
    return share(np.arange(n) < hits, np.arange(n))


def test_majority_counts_only_who_speaks() -> None:
    votes = np.array([[0, 0, 1], [0, -1, -1], [2, 1, -1], [-1, -1, -1]], np.int8)
    assert majority(votes)[:3] == pytest.approx([2 / 3, 1, 0])
    assert np.isnan(majority(votes)[3])


def test_a_caption_is_accepted_with_all_its_claims_or_not_at_all() -> None:
    found = accepted([0.95, 0.9, 0.99, 0.5, np.nan, 0.9], ["a", "a", "b", "b", "c", "d"], threshold=0.9)
    assert found.tolist() == [True, True, False, False, False, True]
    with pytest.raises(UsageError, match="2 claims, but 1 captions"):
        accepted([1, 1], ["a"], 0.5)


def test_weighted_logit_by_hand() -> None:
    # sens .9, spec .8 and sens .6, spec .6, base rate 1/2. Both support: odds .9/.2 * .6/.4 = 6.75.
    # The first supports, the second not: 4.5 * .4/.6 = 3. Only the second supports: .1/.8 * 1.5 = .1875.
    votes = np.array([[0, 0], [0, 1], [2, 0], [-1, -1]], np.int8)
    found = weighted_logit(votes, [0.9, 0.6], [0.8, 0.6], 0.5)
    assert found == pytest.approx([6.75 / 7.75, 0.75, 0.1875 / 1.1875, 0.5])


def test_infallible_judges_are_not_believed_without_bounds() -> None:
    found = weighted_logit(np.array([[0]], np.int8), [1.0], [1.0], 0.5)
    assert found == pytest.approx([0.999])
    with pytest.raises(UsageError, match="2 judges need"):
        weighted_logit(np.zeros((1, 2), np.int8), [0.9], [0.9], 0.5)


@pytest.mark.parametrize("case", STORED["dawid_skene"])
def test_dawid_skene_ranks_as_crowd_kit_does(case: dict) -> None:
    """Ours starts from a belief in each judge, theirs is maximum likelihood: decisions are the same all but always."""
    found = dawid_skene(np.array(case["votes"], np.int8))[case["claims"]]
    theirs = np.array(case["supported"])
    assert ((found > 0.5) == (theirs > 0.5)).mean() > 0.95
    assert np.corrcoef(found, theirs)[0, 1] > 0.95


def test_rogan_gladen_by_hand() -> None:
    # .92 of true ones pass, .2 of false ones; .848 pass: (.848 - .2) / .72 = .9
    found = rogan_gladen(8480, 10000, measured(92, 100), measured(80, 100))
    assert found.value == pytest.approx(0.9)
    # z = 1.959964; n' = 10003.84, p' = (8480 + 1.92073) / 10003.84 = .847866; sens' = 93/102 = .911765,
    # spec' = 81/102 = .794118; theta' = (.847866 - .205882) / .705882 = .909477
    # sens' (1 - sens') / 102 = .000788725, spec' (1 - spec') / 102 = .00160288
    # shift = 2 * 3.841459 * (.909477 * .000788725 - .090523 * .00160288) = .00439640
    # variance = (.847866 * .152134 / 10003.84 + .827148 * .000788725 + .0081944 * .00160288) / .498270 = .00136151
    assert (found.low, found.high) == pytest.approx(
        (0.913874 - 1.959964 * 0.0368987, 0.913874 + 1.959964 * 0.0368987), abs=2e-5
    )


def test_rogan_gladen_needs_a_judge_that_is_worth_something() -> None:
    with pytest.raises(UsageError, match="never measured"):
        rogan_gladen(80, 100, measured(9, 10), share([], []))
    with pytest.raises(UsageError, match="corrects nothing"):
        rogan_gladen(80, 100, measured(50, 100), measured(40, 100))
    shrinking = Share(value=0.9, low=0, high=1, n=1, size=1.0)  # one claim more and one less make it .63
    with pytest.raises(UsageError, match="too small to tell"):
        rogan_gladen(80, 100, shrinking, measured(150, 1000))


@pytest.mark.parametrize("case", STORED["powered"])
@pytest.mark.parametrize(("name", "weight"), [("plain", 1.0), ("half", 0.5), ("tuned", None)])
def test_prediction_powered_against_ppi_python(case: dict, name: str, weight: float | None) -> None:
    label, judged, others = (np.array(case[each]) for each in ("label", "judged", "others"))
    n, many = len(label), len(others)
    found = prediction_powered(label, judged, others, np.arange(n), np.arange(many), weight=weight)
    value, low, high = case["said"][name]
    # They divide variances by n, and tune on the verdicts of both samples at once; ours is n - 1 and each by itself.
    near = 2e-9 if weight is not None else 4e-3
    assert found.value == pytest.approx(value, abs=near)
    unclipped = high - low
    assert min(found.high - found.value, found.value - found.low) * 2 == pytest.approx(
        unclipped, rel=1.5 / n + near * 8
    )


def test_prediction_powered_by_hand() -> None:
    # Labels 1, 1, 0, 1 of which the judge says 1, 0, 0, 1, and 3/4 of the others: .75 + .75 - .5 = 1
    # residuals 0, 1, 0, 0 have mean 1/4 and, by n - 1, variance 1/4, over 4; others .25 over 4.
    label, judged, others = [1, 1, 0, 1], [1, 0, 0, 1], [1, 1, 0, 1]
    found = prediction_powered(label, judged, others, range(4), range(4), weight=1.0)
    assert found.value == 1.0
    assert found.low == pytest.approx(1 - 1.959964 * np.sqrt(0.25 / 4 + 0.25 / 4))
    # 0 listens to people alone
    alone = prediction_powered(label, judged, others, range(4), range(4), weight=0.0)
    assert alone.value == 0.75
    assert alone.low == pytest.approx(0.75 - 1.959964 * np.sqrt(0.25 / 4))


def test_a_judge_that_says_always_the_same_is_not_listened_to() -> None:
    found = prediction_powered([1, 0, 1, 1], np.ones(4), np.ones(50), range(4), range(50))
    assert (found.weight, found.value) == (0.0, 0.75)


def test_claims_of_an_image_are_one_draw() -> None:
    draw = np.random.default_rng(0)
    label = np.repeat(draw.random(50) < 0.7, 4).astype(float)
    others, image = np.repeat(draw.random(200) < 0.7, 4).astype(float), np.repeat(np.arange(50), 4)
    together = prediction_powered(label, label, others, image, np.repeat(np.arange(200), 4), weight=0.0)
    apart = prediction_powered(label, label, others, np.arange(200), np.arange(800), weight=0.0)
    assert (together.high - together.low) / (apart.high - apart.low) == pytest.approx(2, rel=0.02)  # sqrt(4)


def test_what_does_not_fit_is_said() -> None:
    with pytest.raises(UsageError, match="one entry for each claim"):
        prediction_powered([1, 0], [1], [1, 1], [0, 1], [0, 1])
    with pytest.raises(UsageError, match="two images at least"):
        prediction_powered([1, 0], [1, 0], [1, 1], [0, 0], [0, 1])


def test_corrected_intervals_hold_the_truth_and_the_raw_rate_does_not() -> None:
    draw, runs, truth = np.random.default_rng(1), 200, 0.9
    held = np.zeros(3)
    for _ in range(runs):
        true = draw.random(3000) < truth
        judged = draw.random(3000) < np.where(true, 0.92, 0.2)
        label, image = true[:300], np.arange(300)
        sens, spec = share(judged[:300][label], image[label]), share(~judged[:300][~label], image[~label])
        raw = share(judged[300:], np.arange(2700))
        corrected = rogan_gladen(judged[300:].sum(), 2700, sens, spec)
        powered = prediction_powered(label, judged[:300], judged[300:], image, np.arange(2700))
        held += [each.low <= truth <= each.high for each in (raw, corrected, powered)]
    assert held[0] / runs < 0.05
    assert held[1] / runs > 0.9
    assert held[2] / runs > 0.9
