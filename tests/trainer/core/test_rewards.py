"""Mixing, missing scores, group normalisation: by hand, and against the statistics module."""

import math
import statistics

import pytest
import torch
from torch import Tensor

from perceptdata.errors import PluginError, UsageError
from perceptdata.trainer.core.rewards import advantages, mix, normalise, scores, teaches

F64 = torch.float64
NAN = math.nan


def parts(*rows: tuple[float | None, float | None]) -> Tensor:
    return torch.stack([scores(column, F64) for column in zip(*rows, strict=True)], dim=1)


def same(found: Tensor, expected: list[float]) -> None:
    assert found.tolist() == pytest.approx(expected, nan_ok=True)


def test_a_score_that_is_missing_is_not_zero() -> None:
    same(scores([1, None, 0, NAN]), [1, NAN, 0, NAN])
    with pytest.raises(PluginError, match="rollout 1 as inf"):
        scores([0, math.inf])


def test_the_mix_by_hand() -> None:
    # R = α·a_p + (1-α)·a with α = .3
    same(mix(parts((1, 1), (1, 0), (0, 1), (0.5, 0)), (0.3, 0.7), 4), [1, 0.3, 0.7, 0.15])
    # another sum of weights is kept as it is: 0.9·accuracy + 0.1·format + 0.7·perception
    three = torch.tensor([[1, 1, 0.5], [0, 1, 1]], dtype=F64)
    same(mix(three, (0.9, 0.1, 0.7), 2), [1.35, 0.8])


def test_a_part_missing_for_a_group_does_not_apply() -> None:
    # no perception scores for the first prompt: R = a there; nothing at all for the third
    found = mix(parts((None, 1), (None, 0), (1, 0), (0, 1), (None, None), (None, None)), (0.3, 0.7), 2)
    same(found, [1, 0, 0.3, 0.7, NAN, NAN])


def test_a_part_missing_for_some_of_a_group_leaves_them_without_reward() -> None:
    same(mix(parts((None, 1), (1, 0), (0, 1)), (0.3, 0.7), 3), [NAN, 0.3, 0.7])
    # unless it has no weight
    same(mix(parts((None, 1), (1, 0), (0, 1)), (0, 1), 3), [1, 0, 1])


def test_normalising_by_hand_and_by_the_statistics_module() -> None:
    # 1, 0, 0, 1: mean .5, sample std √(1/3)
    same(normalise(torch.tensor([1.0, 0, 0, 1], dtype=F64), 4, eps=0), [0.5 * math.sqrt(3) * s for s in (1, -1, -1, 1)])
    random = torch.rand(12, dtype=F64, generator=torch.Generator().manual_seed(0))
    random[[1, 6]] = NAN
    found = normalise(random, 4, eps=0.01)
    for start in range(0, 12, 4):
        there = [value for value in random[start : start + 4].tolist() if not math.isnan(value)]
        mean, std = statistics.mean(there), statistics.stdev(there)
        same(found[start : start + 4], [(value - mean) / (std + 0.01) for value in random[start : start + 4].tolist()])


def test_without_the_standard_deviation() -> None:
    same(normalise(torch.tensor([1.0, 0, 0, 1]), 4, scale=False), [0.5, -0.5, -0.5, 0.5])


def test_groups_that_teach_nothing_are_exactly_zero() -> None:
    third = [0.1 + 0.2, 0.3, 0.3]  # a rounding apart is apart
    equal = [0.05] * 3  # whose mean is not 0.05
    assert sum(torch.tensor(equal, dtype=F64)) / 3 != 0.05
    found = normalise(torch.tensor(equal + [0.7, NAN, NAN] + [NAN] * 3 + third, dtype=F64), 3)
    assert found[:3].tolist() == [0, 0, 0]
    same(found[3:9], [0] + [NAN] * 5)
    assert (found[9:] != 0).any()


def test_joint_advantages() -> None:
    # R = .3, 1, .7 over α = .3; the last rollout has no perception score
    found = advantages(parts((1, 0), (1, 1), (0, 1), (None, 1)), (0.3, 0.7), 4, eps=0)
    rewards = [0.3, 1, 0.7]
    mean, std = statistics.mean(rewards), statistics.stdev(rewards)
    same(found.rewards, [*rewards, NAN])
    same(found.values, [*((value - mean) / std for value in rewards), 0])
    assert found.missing.tolist() == [False, False, False, True]
    assert found.flat.tolist() == [False]


def test_decoupled_advantages() -> None:
    # a_p = 1, 1, 0, missing: sample std √(1/3), so 1/√3, 1/√3, -2/√3; a = 0, 1, 1, 0: ∓√3/2
    found = advantages(parts((1, 0), (1, 1), (0, 1), (None, 0)), (0.4, 0.6), 4, "decoupled", eps=0)
    p, a = 1 / math.sqrt(3), math.sqrt(3) / 2
    same(found.values, [0.4 * p - 0.6 * a, 0.4 * p + 0.6 * a, -0.8 * p + 0.6 * a, -0.6 * a])
    assert not found.missing.any()
    same(found.rewards, [0.4, 1, 0.6, NAN])


def test_decoupled_gives_each_part_the_say_of_its_weight() -> None:
    # A judge that scores between .50 and .51 hardly moves a joint reward, and fully a decoupled one.
    rows = parts((0.50, 1), (0.51, 0), (0.50, 0), (0.51, 1))
    joint = advantages(rows, (0.5, 0.5), 4).values
    decoupled = advantages(rows, (0.5, 0.5), 4, "decoupled", eps=0).values
    assert joint[1] - joint[2] == pytest.approx(0.01 * (joint[0] - joint[2]).item(), rel=1e-6)
    assert (decoupled[1] - decoupled[2]).item() == pytest.approx((decoupled[0] - decoupled[2]).item())


@pytest.mark.parametrize("how", ["joint", "decoupled"])
def test_missing_and_flat_groups(how: str) -> None:
    rows = parts((1, 1), (1, 1), (None, None), (None, None), (None, 1), (None, 0))
    found = advantages(rows, (0.3, 0.7), 2, how)
    assert found.values[:4].tolist() == [0, 0, 0, 0]
    assert found.values[4] == -found.values[5] != 0
    assert found.missing.tolist() == [False, False, True, True, False, False]
    assert found.flat.tolist() == [True, True, False]


def test_a_part_without_weight_is_not_a_score() -> None:
    found = advantages(parts((1, None), (0, None)), (0.0, 1.0), 2, "decoupled")
    assert found.missing.all()
    assert found.values.tolist() == [0, 0]


def test_dynamic_sampling_keeps_groups_that_are_neither_all_right_nor_all_wrong() -> None:
    accuracy = scores([1, 1, 0, 0, 1, 0, None, 1, None, None, 1, 0.97], F64)
    assert teaches(accuracy, 2).tolist() == [False] * 4 + [True] * 2 + [False] * 4 + [True] * 2
    assert teaches(accuracy, 2, high=0.98)[-1].item() is False


@pytest.mark.parametrize(
    ("weights", "size", "how", "says"),
    [
        ((0.5, 0.5), 3, "joint", "4 rollouts are no whole number of groups of 3"),
        ((0.5, 0.5), 0, "joint", "groups of 0"),
        ((1.0,), 2, "joint", "1 weights"),
        ((-0.5, 1.5), 2, "joint", "negative"),
        ((0.0, 0.0), 2, "joint", "more than 0"),
        ((0.5, 0.5), 2, "both", "'both'"),
    ],
)
def test_senseless_options_are_refused(weights: tuple, size: int, how: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        advantages(parts((1, 1), (0, 0), (1, 0), (0, 1)), weights, size, how)
