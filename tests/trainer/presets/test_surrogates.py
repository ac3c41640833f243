"""Surrogates among the rewards of GRPO: weights, order, and options."""

from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import ValidationError

from perceptdata import registry
from perceptdata.errors import UsageError
from perceptdata.example import Answer, Example, Source
from perceptdata.plugins import Rollout, Scored
from perceptdata.trainer.presets.grpo import Grpo

FORM = registry.make("formats", "facts_trace")
SOURCE = Source(builder="b", version="1", corpus="c", split="train", key="a", licence="MIT")


def options(**given: Any) -> Grpo:
    return Grpo.model_validate({"steps": 1, **given})


def job() -> Any:
    return SimpleNamespace(form=FORM)


def test_they_stand_behind_the_others_with_their_weights() -> None:
    chosen = options(alpha=0.5, surrogates={"wellformed": 0.2, "consensus": 0.3})
    assert chosen.mixing().weights == pytest.approx((0.45, 0.1, 0.45, 0.2, 0.3))
    assert list(chosen._scores(job())) == ["outcome", "format", "perception", "wellformed", "consensus"]
    assert list(options()._scores(job())) == ["outcome", "format"]


def test_they_read_the_run_s_own_format() -> None:
    (score, weight) = options(surrogates={"wellformed": 0.2})._scores(job())["wellformed"]
    task = Example(
        id="a", stage="textual_reasoning", group="a", question="What?", answer=Answer(text="7"), source=SOURCE
    )
    response = "Two dogs run over grass.\n\nSo it is 7.\n\\boxed{7}"
    assert weight == 0.2
    assert score([Rollout(task, response), Rollout(task, "7")]) == [Scored(1.0), Scored(0.0, "no_description")]


@pytest.mark.parametrize("wrong", [{"surrogates": {"wellformed": 0}}, {"surrogate_options": {"wellformed": {}}}])
def test_wrong_options_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        options(**wrong)


def test_what_a_surrogate_lacks_is_told_before_the_run() -> None:
    with pytest.raises(UsageError, match="'captions' is required"):
        options(surrogates={"facts": 0.2})._scores(job())
    with pytest.raises(UsageError, match="did you mean 'consensus'"):
        options(surrogates={"consensu": 0.2})._scores(job())
