"""Methods by name, options checked with a sentence each, steps counted."""

from typing import Any

import pytest

from perceptdata.errors import UsageError
from perceptdata.trainer.presets import METHODS, Method, make, method


@pytest.mark.parametrize("name", METHODS)
def test_every_method_can_be_made(name: str) -> None:
    assert issubclass(method(name), Method)
    assert method(name).method in METHODS


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lamda": 0.3}, r"train sft: unknown key 'lamda' \(did you mean 'lambda'\?\)"),
        ({"lambda": 1.3}, "lambda is 1.3; write a number from 0 to 1, standard or ngdiff"),
        ({"lambda": "auto"}, "lambda"),
        ({"ngdiff": {"low": 0.9, "high": 0.1}}, "low must not be above high"),
        ({"ngdiff": {"literal": True, "every": 5}}, "literal divides by the lengths of this step"),
        ({"weights": {"perception": 2}, "lambda": 0.3}, "weights take the place of lambda and perception_first"),
        ({"weights": {"perception": 0, "reasoning": 0, "other": 0}}, "one weight must be more than 0"),
        ({"lora": {"rank": 3}}, "unknown key 'lora.rank'"),
        ({"steps": 0}, "'steps'"),
    ],
)
def test_a_wrong_option_is_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        make("sft", options)


def test_an_unknown_method_is_named() -> None:
    with pytest.raises(UsageError, match=r"there is no training method 'sftt'; did you mean 'sft'\?"):
        make("sftt", {})
    with pytest.raises(UsageError, match=r"there are .*sft"):
        make("qlearning", {})


@pytest.mark.parametrize(
    ("options", "rows", "processes", "steps"),
    [
        ({}, 100, 1, 13),  # an epoch: 100 / 8, rounded up
        ({"epochs": 2}, 100, 1, 26),
        ({"epochs": 0.5}, 100, 1, 7),
        ({"steps": 5}, 100, 1, 5),
        ({"steps": 50, "epochs": 1}, 100, 1, 13),  # whichever ends first
        ({"batch": 4, "accumulate": 1}, 100, 2, 13),
        ({"batch": 4}, 3, 8, 1),
    ],
)
def test_steps(options: dict[str, Any], rows: int, processes: int, steps: int) -> None:
    assert make("sft", options).planned_steps(rows, processes) == steps


def test_adapters_stand_on_the_language_model_unless_told_otherwise() -> None:
    assert make("sft", {"lora": {}}).train == ("language",)
    assert make("sft", {"lora": {}, "train": ["vision"]}).train == ("vision",)
    assert make("sft", {}).train == ("vision", "projector", "language", "head")
