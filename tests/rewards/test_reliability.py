"""How rewards stand to perception: against numpy, by hand, and on rollouts made to be known."""

import random
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from rewards.conftest import DESCRIBE
from rewards.scenes import FAMILY, misread, rollout, scenes, written

from perceptdata.answers import Ladder
from perceptdata.errors import UsageError
from perceptdata.example import Answer, CheckerRef, Example, Image
from perceptdata.llm import Ledger
from perceptdata.plugins import Rollout, Scored, Surrogate
from perceptdata.rewards.mixture import Mixture
from perceptdata.rewards.perception import perception
from perceptdata.rewards.reliability import Standing, correlation, measure, table
from perceptdata.rewards.rollouts import rollouts_of
from perceptdata.workspace import Workspace


class Told(Surrogate):
    """Stands where a surrogate stands that is scored by hand."""

    name: ClassVar[str] = "told"
    stamp: ClassVar[str] = "made for a test"
    spent: ClassVar[Ledger] = Ledger()

    def score(self, batch: Sequence[Rollout]) -> list[Scored]:
        return [Scored(None, "by hand")] * len(batch)


@pytest.fixture(scope="module")
def rolled(scene_ws: Path) -> list[Rollout]:
    return rollouts_of(Workspace(scene_ws), "cards")


def standing(found: Sequence[Standing], name: str) -> Standing:
    return next(each for each in found if each.name == name)


def test_rollouts_of_a_row_stand_together(rolled: list[Rollout], scene_ws: Path) -> None:
    assert len(rolled) == 96
    assert [each.example.id for each in rolled[:7]] == ["cards/train/0"] * 6 + ["cards/train/1"]
    assert len(rollouts_of(Workspace(scene_ws), "cards", limit=2)) == 12
    with pytest.raises(UsageError, match="step 'none' has no responses"):
        rollouts_of(Workspace(scene_ws), "none")


def test_correlations_are_numpys(rolled: list[Rollout]) -> None:
    with Mixture.of({"outcome": 1.0, "format": 1.0}, DESCRIBE, surrogates={"consensus": 1.0}) as mixture:
        found = measure(mixture, rolled, DESCRIBE)
        scored = mixture.score(rolled)
    truth = np.array([each.value for each in perception(rolled, DESCRIBE)], float)
    group = np.repeat(np.arange(16), 6)

    def centred(values: np.ndarray) -> np.ndarray:
        return values - values.reshape(16, 6).mean(axis=1)[group]

    for name in ("outcome", "consensus"):
        values = np.array([each.parts[name].value for each in scored], float)
        one = standing(found, name)
        assert one.overall.value == pytest.approx(np.corrcoef(values, truth)[0, 1])
        assert one.within.value == pytest.approx(np.corrcoef(centred(values), centred(truth))[0, 1])
        assert (one.n, one.unscored) == (96, 0)
        low, high = one.overall.low, one.overall.high
        assert low is not None
        assert high is not None
        assert low <= one.overall.value <= high
        blind = truth == 0
        assert one.false_positives.value == pytest.approx((values[blind] >= 0.999).mean())
    same = standing(found, "outcome")
    assert same.agreement == 1.0
    assert same.passes is None  # it is what the others are compared with
    flat = standing(found, "format")
    assert (flat.overall.value, flat.within.value, flat.passes) == (None, None, None)


def test_who_follows_perception_passes_and_who_does_not_fails(rolled: list[Rollout]) -> None:
    truth = {id(each): scored.value for each, scored in zip(rolled, perception(rolled, DESCRIBE), strict=True)}
    rng = random.Random(0)

    chance = {id(each): Scored(float(rng.random() < 0.5)) for each in rolled}
    made = {
        "knows": lambda batch: [Scored(truth[id(each)]) for each in batch],
        "guesses": lambda batch: [chance[id(each)] for each in batch],
    }
    with Mixture.of({"outcome": 1.0}, DESCRIBE) as plain:
        mixture = Mixture(
            {**plain.scores, **made},
            dict.fromkeys(["outcome", *made], 1.0),
            dict.fromkeys(made, Told()),
            Ladder(),
        )
        found = measure(mixture, rolled, DESCRIBE)
    assert [each.name for each in found] == ["knows", "outcome", "guesses"]
    assert (standing(found, "knows").passes, standing(found, "guesses").passes) == (True, False)
    assert standing(found, "knows").overall.value == pytest.approx(1.0)
    rows = table(found)
    assert [row["passes"] for row in rows] == ["yes", "", "no"]
    assert rows[0]["reward"] == "knows (made for a test)"
    assert rows[0]["r"] == "1.00 [1.00, 1.00]"
    assert found[0].to_json()["passes"] is True


def test_unscored_rollouts_are_counted_with_their_reasons(rolled: list[Rollout]) -> None:
    singles = rolled[::6]  # one of each row: no peers, no groups
    with Mixture.of({"outcome": 1.0}, DESCRIBE, surrogates={"consensus": 1.0, "solver": 1.0}) as mixture:
        found = measure(mixture, singles, DESCRIBE)
    lonely = standing(found, "consensus")
    described = sum(value.value is not None for value in perception(singles, DESCRIBE))
    assert (lonely.n, lonely.unscored, lonely.reasons) == (0, described, {"no_peers": described})
    assert (lonely.passes, lonely.overall.value, lonely.agreement, lonely.false_positives.value) == (None,) * 4
    solver = standing(found, "solver")
    assert solver.within.value is None
    assert solver.lead is not None
    assert solver.lead_within is None
    assert table(found)[-1]["r"] == "-"


def test_twins_are_no_probe(rolled: list[Rollout]) -> None:
    checker = CheckerRef(name="family_perception", args={"family": "sudoku", "family_options": {"size": 4}})
    answer = Answer(text="x", kind="structure", checker=checker)
    twins = [Rollout(each.example.model_copy(update={"answer": answer}), each.response) for each in rolled]
    textual = [Rollout(each.example.model_copy(update={"images": ()}), each.response) for each in rolled]
    with Mixture.of({"outcome": 1.0}, DESCRIBE) as mixture:
        for others in (twins, textual, rolled[:50]):
            with pytest.raises(UsageError, match=r"perception is known for [09] scenes, and a probe needs 10"):
                measure(mixture, others, DESCRIBE)
    with (
        Mixture.of({"format": 1.0}, DESCRIBE) as none,
        pytest.raises(UsageError, match="the outcome is what the others are compared with"),
    ):
        measure(none, rolled, DESCRIBE)


def test_a_correlation_by_hand() -> None:
    # x = 0 0 1 1, y = 0 1 1 1: covariance 1/8, variances 1/4 and 3/16, r = 0.125 / (0.5 · 0.4330) = 0.57735
    found = correlation(np.array([0.0, 0, 1, 1]), np.array([0.0, 1, 1, 1]), np.arange(4))
    assert found.value == pytest.approx(0.57735, abs=1e-5)
    nothing = correlation(np.ones(4), np.array([0.0, 1, 1, 1]), np.arange(4))
    assert (nothing.value, nothing.low, nothing.high) == (None, None, None)


def test_rollouts_of_a_scene_count_once_in_the_interval() -> None:
    """Each scene's rollouts copied ten times say no more than before."""
    rng = np.random.default_rng(0)
    x = rng.integers(0, 2, 40).astype(float)
    y = np.where(rng.random(40) < 0.8, x, 1 - x)
    once = correlation(x, y, np.arange(40))
    copied = correlation(np.repeat(x, 10), np.repeat(y, 10), np.repeat(np.arange(40), 10))
    assert copied.value == pytest.approx(once.value)
    assert copied.low == pytest.approx(once.low)
    assert copied.high == pytest.approx(once.high)


def test_the_probe_speaks_of_its_own_family_only(rolled: list[Rollout]) -> None:
    """A row without a scene is left out, not counted as wrong."""
    stranger = Example(
        **{
            **rolled[0].example.model_dump(),
            "id": "other",
            "group": "other",
            "answer": Answer(text="1", kind="number"),
            "images": (Image(sha256="0" * 64, width=1, height=1),),
        }
    )
    with Mixture.of({"outcome": 1.0}, DESCRIBE) as mixture:
        with_it = measure(mixture, [*rolled, Rollout(stranger, written("x", "1"))], DESCRIBE)
        without = measure(mixture, rolled, DESCRIBE)
    assert with_it[0].overall == without[0].overall
    assert with_it[0].n == without[0].n


def test_the_simulated_rollouts_are_what_they_say() -> None:
    rng = random.Random(0)
    scene = scenes(1)[0]
    assert FAMILY.check_perception(FAMILY.facts(misread(scene, rng)), scene) == 0.0
    assert FAMILY.facts(scene) in rollout(scene, True, True, rng)
