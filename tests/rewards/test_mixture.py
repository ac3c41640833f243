"""Several rewards as one: totals, what is missing, and surrogates that break their promise."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from rewards.conftest import DESCRIBE
from rewards.scenes import written

from perceptdata.answers import Ladder
from perceptdata.errors import UsageError
from perceptdata.example import Example
from perceptdata.plugins import Rollout, Scored
from perceptdata.rewards.mixture import Mixture, Total, guarded


@pytest.fixture
def task(tasks: dict[str, Example]) -> Example:
    return tasks["cards/train/0"]


def test_the_total_is_the_weighted_sum(task: Example) -> None:
    right, wrong = written(task.facts or "", task.answer.text), written(task.facts or "", "1")
    with Mixture.of({"outcome": 0.9, "format": 0.1}, DESCRIBE, surrogates={"solver": 0.5}) as mixture:
        found = mixture.score([Rollout(task, text) for text in (right, wrong, task.answer.text)])
    assert [each.total for each in found] == pytest.approx([1.5, 0.6, 0.0])
    assert found[0].parts == {"outcome": Scored(1.0), "format": Scored(1.0), "solver": Scored(1.0)}
    assert not mixture.grouped


def test_a_part_that_does_not_apply_is_left_out(cups: list[Example]) -> None:
    with Mixture.of({"outcome": 0.6, "perception": 0.4}, DESCRIBE) as mixture:
        (found,) = mixture.score([Rollout(cups[0], written("x", "4"))])
    assert found.total == pytest.approx(1.0)  # the outcome's weight stands for both
    assert found.parts["perception"] == Scored(None, "no_scene", applies=False)


def test_a_part_that_is_missing_leaves_no_total(task: Example) -> None:
    with Mixture.of({"outcome": 1.0}, DESCRIBE, surrogates={"consensus": 0.2, "wellformed": 0.0}) as mixture:
        assert mixture.grouped
        (found,) = mixture.score([Rollout(task, written(task.facts or "", "1"))])
    assert found.total is None
    assert found.parts["consensus"] == Scored(None, "no_peers")


def test_where_nothing_applies_there_is_no_total(cups: list[Example]) -> None:
    with Mixture.of({"perception": 1.0, "perception_dense": 1.0}, DESCRIBE) as mixture:
        assert mixture.score([Rollout(cups[0], "x")])[0].total is None


def test_a_weight_of_nothing_is_not_looked_at(task: Example) -> None:
    with Mixture.of({"outcome": 1.0}, DESCRIBE, surrogates={"consensus": 0.0}) as mixture:
        (found,) = mixture.score([Rollout(task, written("x", task.answer.text))])
    assert found == Total(1.0, {"outcome": Scored(1.0), "consensus": Scored(None, "no_peers")})


@pytest.mark.parametrize(
    ("rewards", "surrogates", "options", "sentence"),
    [
        ({"outcom": 1.0}, {}, {}, "there is no reward 'outcom'; there are outcome, format"),
        ({}, {}, {}, "name a reward or a surrogate"),
        ({"outcome": -1.0}, {}, {}, "weight of 0 or more"),
        ({"outcome": float("nan")}, {}, {}, "weight of 0 or more"),
        ({"outcome": 0.0}, {}, {}, "every weight is 0"),
        ({"outcome": 1.0}, {"solvr": 1.0}, {}, "no surrogate 'solvr'; did you mean 'solver'"),
        ({"outcome": 1.0}, {"solver": 1.0}, {"solver": {"agains": "own"}}, "did you mean 'against'"),
        ({"outcome": 1.0}, {}, {"solver": {"against": "own"}}, "'solver', which is not among the surrogates"),
        ({"outcome": 1.0}, {"utility": 1.0}, {}, "surrogate 'utility': 'endpoint' is required"),
    ],
)
def test_wrong_use_is_one_sentence(
    rewards: dict[str, float], surrogates: dict[str, float], options: dict[str, dict[str, str]], sentence: str
) -> None:
    with pytest.raises(UsageError, match=sentence):
        Mixture.of(rewards, DESCRIBE, surrogates=surrogates, options=options)


def test_what_is_missing_is_told_before_anything_is_scored(cup_ws: Path) -> None:
    with pytest.raises(UsageError, match="have no certificate"):
        Mixture.of(
            {"outcome": 1.0},
            DESCRIBE,
            surrogates={"facts": 1.0},
            options={"facts": {"captions": "cards"}},
            workspace=cup_ws,
        )
    marked = {"facts": {"captions": "cards", "allow_uncertified": True}}
    with Mixture.of({"outcome": 1.0}, DESCRIBE, surrogates={"facts": 1.0}, options=marked, workspace=cup_ws) as mixture:
        assert mixture.stamps == {"facts": "uncertified"}


def test_a_reward_that_breaks_costs_the_guilty_alone(cups: list[Example]) -> None:
    def broken(batch: Sequence[Rollout]) -> list[Scored]:
        if any(rollout.response == "boom" for rollout in batch):
            raise KeyError("boom")
        return [Scored(1.0) for _ in batch]

    batch = [Rollout(cups[0], "fine"), Rollout(cups[1], "boom"), Rollout(cups[2], "fine")]
    guilty = Scored(None, "mine: KeyError: 'boom'")
    assert guarded("mine", broken, batch) == [Scored(1.0), guilty, Scored(1.0)]
    assert guarded("mine", broken, [Rollout(cups[0], "boom"), Rollout(cups[0], "fine")]) == [guilty, Scored(1.0)]


@pytest.mark.parametrize("value", [1.5, -0.1, float("nan"), float("inf")])
def test_a_score_outside_its_range_is_none(cups: list[Example], value: float) -> None:
    (found,) = guarded("mine", lambda batch: [Scored(value)], [Rollout(cups[0], "x")])
    assert found.value is None
    assert str(found.reason).startswith("mine: it gave ")


def test_too_few_scores_are_none(cups: list[Example]) -> None:
    found = guarded("mine", lambda batch: [Scored(1.0)], [Rollout(cups[0], "x")] * 2)
    assert found == [Scored(None, "mine: it gave 1 scores for 2 rollouts")] * 2


def test_a_reward_that_is_set_up_wrongly_raises(cups: list[Example]) -> None:
    def wrong(batch: Sequence[Rollout]) -> list[Scored]:
        raise UsageError("no such model")

    with pytest.raises(UsageError, match="no such model"):
        guarded("mine", wrong, [Rollout(cups[0], "x")])


def test_it_may_be_made_by_hand(cups: list[Example]) -> None:
    with Mixture({"mine": lambda batch: [Scored(0.5)] * len(batch)}, {"mine": 2.0}, {}, Ladder()) as mixture:
        assert mixture.score([Rollout(cups[0], "x")]) == [Total(1.0, {"mine": Scored(0.5)})]
        assert mixture.stamps == {}
