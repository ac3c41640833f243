"""Calibration: a judge against people, by hand and against scikit-learn, and what is refused."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from perceptdata.errors import UsageError
from perceptdata.verification.calibration import (
    Binding,
    Calibration,
    calibrate,
    expected_calibration_error,
    fit,
)
from perceptdata.verification.verdicts import CONTRADICTED, NOT_VISIBLE, SUPPORTED

CURVES = json.loads((Path(__file__).parent / "oracles" / "stored.json").read_text())["curves"]
BINDING = Binding(model="judge-1", prompt="aaaa", schema_hash="bbbb", segmenter="3")


def made(**changed: Any) -> Calibration:
    """Fifty claims: 30 supported, of which the judge passes 27; 20 not, of which it passes 4."""
    truth = np.repeat([SUPPORTED, CONTRADICTED, NOT_VISIBLE], [30, 12, 8]).astype(np.int8)
    verdict = truth.copy()
    verdict[:3] = CONTRADICTED
    verdict[30:34] = SUPPORTED
    columns: dict[str, Any] = {
        "verdict": verdict,
        "truth": truth,
        "kinds": ["person"] * 50,
        "image": np.arange(50),
        "slices": ["chart"] * 25 + ["photo"] * 25,
        "binding": BINDING,
    }
    return calibrate(**{**columns, **changed})


def test_worth_by_hand() -> None:
    overall = made().overall
    assert overall.confusion == ((27, 3, 0), (4, 8, 0), (0, 0, 8))
    assert (overall.sensitivity.value, overall.specificity.value) == (0.9, 0.8)
    assert overall.precision.value == pytest.approx(27 / 31)
    assert overall.base_rate.value == 0.6
    # p_o = 43/50 = .86, p_e = .6 * .62 + .4 * .38 = .524: .336 / .476
    assert overall.kappa == pytest.approx(0.336 / 0.476)
    assert overall.specificity.low < 0.8 < overall.specificity.high


def test_slices_are_apart() -> None:
    chart, photo = made().slices
    assert (chart.slice, chart.labels, chart.specificity.value) == ("chart", 25, None)
    assert (photo.slice, photo.labels, photo.specificity.value) == ("photo", 25, 0.8)


def test_a_judge_that_passes_everything_has_no_kappa_above_zero() -> None:
    found = made(verdict=np.zeros(50, np.int8)).overall
    assert (found.sensitivity.value, found.specificity.value, found.kappa) == (1.0, 0.0, 0.0)


def test_models_labels_are_counted_and_left_out() -> None:
    found = made(kinds=["person"] * 40 + ["model"] * 10)
    assert (found.left_out, found.overall.labels, found.against) == (10, 40, ("person",))


def test_models_alone_calibrate_nothing() -> None:
    with pytest.raises(UsageError, match="models alone calibrate nothing"):
        made(kinds=["model"] * 50)
    with pytest.raises(UsageError, match="20 claims have a verdict and a label of a person or an oracle, 30 a model's"):
        made(kinds=["model"] * 30 + ["person"] * 20)


def test_whose_labels_they_are_is_written_down() -> None:
    assert made(kinds=["oracle"] * 50).against == ("oracle",)
    assert made(kinds=["oracle", "person"] * 25).against == ("oracle", "person")


def test_silence_is_counted_and_unlabelled_claims_are_nothing() -> None:
    verdict, truth = np.zeros(50, np.int8), np.zeros(50, np.int8)
    verdict[:5], truth[40:] = -1, -1
    found = made(verdict=verdict, truth=truth)
    assert (found.silent, found.overall.labels) == (5, 35)


def test_consistency_and_probes_stand_apart() -> None:
    repeat = np.zeros(50, np.int8)
    repeat[40:] = -1
    plain, probed = made(), made(repeat=repeat, probes={"negated": np.array([0, 1, 1, 2, -1], np.int8)})
    assert probed.consistency.n == 40
    assert probed.consistency.value == pytest.approx((27 + 4) / 40)  # it passed those, and says so again
    assert probed.probes["negated"].value == 0.75
    assert probed.overall == plain.overall
    assert plain.consistency.value is None


def test_it_is_stale_when_anything_changes() -> None:
    found = made()
    assert found.stale_against(BINDING) == []
    today = BINDING.model_copy(update={"prompt": "cccc", "segmenter": "4"})
    assert found.stale_against(today) == [
        "the prompt changed: aaaa then, cccc now",
        "the segmenter changed: 3 then, 4 now",
    ]
    assert today.fingerprint() != BINDING.fingerprint()


def test_it_is_stored_and_read_back() -> None:
    found = made(score=np.linspace(1, 0, 50))
    assert Calibration.model_validate_json(found.model_dump_json()) == found


def test_platt_and_isotonic_against_scikit_learn(monkeypatch: pytest.MonkeyPatch) -> None:
    score, right, at = (np.array(CURVES[each]) for each in ("score", "right", "at"))
    platt = fit(score, right)
    assert platt.method == "platt"
    assert platt(at) == pytest.approx(CURVES["platt"], abs=1e-4)
    monkeypatch.setattr("perceptdata.verification.calibration.ISOTONIC", 100)
    isotonic = fit(score, right)
    assert isotonic.method == "isotonic"
    assert isotonic(at) == pytest.approx(CURVES["isotonic"], abs=1e-9)


def test_ece_by_hand() -> None:
    # Two bins of two: |.15 - 0| and |.8 - .5|, each half: .225
    found = expected_calibration_error(np.array([0.9, 0.1, 0.7, 0.2]), np.array([1.0, 0, 0, 0]), bins=2)
    assert found == pytest.approx((0.15 + 0.3) / 2)


def test_many_labels_make_an_isotonic_map_that_mends_overconfidence() -> None:
    draw = np.random.default_rng(0)
    true = draw.random(4000)
    right = draw.random(4000) < true
    score = true**0.25  # surer than it should be
    found = calibrate(
        verdict=np.where(score > 0.5, SUPPORTED, CONTRADICTED).astype(np.int8),
        truth=np.where(right, SUPPORTED, CONTRADICTED).astype(np.int8),
        kinds=["oracle"] * 4000,
        image=np.arange(4000) // 2,
        slices=["a"] * 4000,
        binding=BINDING,
        score=score,
    )
    assert found.mapping is not None
    assert found.mapping.method == "isotonic"
    assert found.ece is not None
    assert found.ece_mapped is not None
    assert found.ece > 0.25
    assert found.ece_mapped < 0.04
    assert found.probability([0.3**0.25, 0.8**0.25]) == pytest.approx([0.3, 0.8], abs=0.08)


def test_scores_that_are_no_probabilities_have_no_ece_of_their_own() -> None:
    found = made(score=np.linspace(9, -9, 50))
    assert found.ece is None
    assert found.mapping is not None
    low, high = found.probability([-9, 9])
    assert low < 0.2
    assert high > 0.8


def test_without_scores_there_are_no_probabilities() -> None:
    with pytest.raises(UsageError, match="calibrated without scores"):
        made().probability([0.5])
    assert made(score=np.full(50, np.nan)).mapping is None


def test_columns_of_another_length_are_refused() -> None:
    with pytest.raises(UsageError, match="one entry for each claim"):
        made(kinds=["person"])
    with pytest.raises(UsageError, match="3 scores for 50 claims"):
        made(score=np.ones(3))
