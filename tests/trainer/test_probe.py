"""The correlations of rewards with perception while a run goes on: right, and loud where a reward goes astray."""

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from perceptdata.errors import PerceptDataError
from perceptdata.example import Example
from perceptdata.rewards import Rollout, Scored, perception
from perceptdata.trainer.presets import make
from perceptdata.trainer.probe import Probe
from perceptdata.trainer.rows import example_of, read_rows
from perceptdata.trainer.run import make_format
from perceptdata.trainer.samples import Rolled

FORM = make_format(make("grpo", {"format": {"use": "describe_think_boxed"}}))
SIZE = 8
Batches = Callable[..., Rolled]


@pytest.fixture(scope="module")
def scenes(graphs: Path) -> list[Example]:
    """Twelve scenes: four real graphs, each under three names."""
    rows = [row for row in read_rows(graphs).remove_columns("images") if row["stage"] == "visual_reasoning"]
    return [
        example_of(row).model_copy(update={"id": f"{row['id']}-{copy}", "group": f"{row['group']}-{copy}"})
        for row in rows
        for copy in range(3)
    ]


@pytest.fixture(scope="module")
def batches(scenes: list[Example]) -> Batches:
    """A batch of eight rollouts a scene, every second of which states it exactly.

    `astray` is the share of rollouts whose surrogate says the opposite of what was perceived.
    """

    def batch(step: int, astray: float, examples: Sequence[Example] = scenes) -> Rolled:
        rng = np.random.default_rng(step)
        said = [(each, each.facts if place % 2 else "nothing") for each in examples for place in range(SIZE)]
        rollouts = [
            Rollout(each, f"<description>{facts}</description><think>so</think> \\boxed{{a}}") for each, facts in said
        ]
        perceived = [place % 2 == 1 for _ in examples for place in range(SIZE)]
        surrogate = [Scored(float(value != (rng.random() < astray))) for value in perceived]
        outcome = [Scored(float(rng.random() < 0.3 + 0.4 * value)) for value in perceived]
        return Rolled(step, rollouts, {"outcome": outcome, "surrogate": surrogate}, [[]] * len(rollouts))

    return batch


def test_the_batches_perceive_what_they_say(batches: Batches) -> None:
    found = perception(batches(1, 0.0).rollouts, FORM)
    assert [each.value for each in found] == [0.0, 1.0] * (12 * SIZE // 2)


def test_a_sound_reward_is_measured_and_not_complained_of(batches: Batches) -> None:
    listener = Probe(FORM, 4, stop=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = [listener(batches(step, astray=0.1)) for step in range(1, 9)]
    assert [bool(each) for each in found] == [False, False, False, True] * 2
    assert found[3]["probe/perception"] == 0.5
    assert found[3]["probe/rollouts"] == 4 * 12 * SIZE
    assert found[3]["probe/surrogate/within"] > 0.7 > found[3]["probe/outcome/within"] > 0.2
    assert found[3]["probe/surrogate/lead"] > 0.2
    assert "probe/outcome/lead" not in found[3]


def test_correlations_are_those_of_numpy(batches: Batches) -> None:
    rolled = batches(1, 0.2)
    found = Probe(FORM, 1, stop=False)(rolled)
    perceived = np.tile([0.0, 1.0], 12 * SIZE // 2)
    for name in ("outcome", "surrogate"):
        values = np.array([each.value for each in rolled.rewards[name]])
        assert found[f"probe/{name}"] == pytest.approx(np.corrcoef(values, perceived)[0, 1], abs=1e-12)
        apart = values.reshape(-1, SIZE) - values.reshape(-1, SIZE).mean(axis=1, keepdims=True)
        # Each group perceives one half, so its mean is .5 everywhere.
        assert found[f"probe/{name}/within"] == pytest.approx(np.corrcoef(apart.ravel(), perceived)[0, 1], abs=1e-12)


def test_a_reward_that_goes_astray_is_warned_of_or_stops(batches: Batches) -> None:
    kind, strict = Probe(FORM, 4, stop=False), Probe(FORM, 4, stop=True)
    for step in range(1, 4):
        assert kind(batches(step, astray=0.5)) == strict(batches(step, astray=0.5)) == {}
    told = r"step 4: the reward 'surrogate' follows perception less than the outcome does .* over 384 labelled rollouts"
    with pytest.warns(UserWarning, match=told):
        assert kind(batches(4, astray=0.5))["probe/surrogate/lead"] < 0
    with pytest.raises(PerceptDataError, match=r"of 12 scenes.*training stops here, and the last checkpoint"):
        strict(batches(4, astray=0.5))


def test_an_alarm_is_rare_where_nothing_is_wrong(batches: Batches) -> None:
    """A reward that follows perception exactly as the outcome does is called behind in about one of twenty measures."""
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        for step in range(1, 31):
            listener = Probe(FORM, 1, stop=False)
            rolled = batches(step, astray=0.0)
            rng = np.random.default_rng(1000 + step)
            like = [Scored(float(rng.random() < 0.3 + 0.4 * (place % 2))) for place in range(12 * SIZE)]
            listener(Rolled(step, rolled.rollouts, {**rolled.rewards, "surrogate": like}, rolled.ids))
    assert len(heard) <= 5


def test_missing_scores_are_left_out(batches: Batches) -> None:
    rolled = batches(1, 0.2)
    holed = [each if place % 3 else Scored(None, "no") for place, each in enumerate(rolled.rewards["surrogate"])]
    found = Probe(FORM, 1, stop=False)(Rolled(1, rolled.rollouts, {**rolled.rewards, "surrogate": holed}, rolled.ids))
    there = [place for place in range(len(holed)) if place % 3]
    values = np.array([rolled.rewards["surrogate"][place].value for place in there])
    assert found["probe/surrogate"] == pytest.approx(np.corrcoef(values, np.array(there) % 2)[0, 1], abs=1e-12)
    nothing = [Scored(None, "no")] * len(holed)
    found = Probe(FORM, 1, stop=True)(Rolled(1, rolled.rollouts, {**rolled.rewards, "surrogate": nothing}, rolled.ids))
    assert not any(name.startswith("probe/surrogate") for name in found)


def test_rows_without_scenes_are_no_probe(batches: Batches, scenes: list[Example]) -> None:
    bare = [each.model_copy(update={"answer": each.answer.model_copy(update={"checker": None})}) for each in scenes]
    listener = Probe(FORM, 1, stop=False)
    assert listener(batches(1, 0.5, bare)) == {}
    assert listener(batches(2, 0.1))["probe/rollouts"] == 12 * SIZE


def test_of_few_scenes_only_the_share_is_told(batches: Batches, scenes: list[Example]) -> None:
    found = Probe(FORM, 1, stop=True)(batches(1, 0.9, scenes[:5]))
    assert found == {"probe/perception": 0.5, "probe/rollouts": 5 * SIZE}


def test_it_goes_on_from_a_checkpoint(batches: Batches) -> None:
    """A run that begins with step 6 measures at 8, as the unbroken one does."""
    listener = Probe(FORM, 4, stop=False)
    assert [bool(listener(batches(step, 0.1))) for step in (6, 7, 8, 9)] == [False, False, True, False]


def test_other_ranks_are_asked(batches: Batches) -> None:
    listener = Probe(FORM, 1, stop=False, gather=lambda held: [*held, *held])
    assert listener(batches(1, 0.1))["probe/rollouts"] == 2 * 12 * SIZE
