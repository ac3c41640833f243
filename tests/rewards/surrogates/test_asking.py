"""Surrogates that ask an endpoint: `second_pass` and `utility`, against a scripted server."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from llm.server import Say, Server
from rewards.scenes import COUNTS, FAMILY, counts_blanks, written

from perceptdata.errors import UsageError
from perceptdata.example import Example
from perceptdata.plugins import Rollout, Scored
from perceptdata.rewards import make_surrogate
from perceptdata.rewards.surrogates.asking import says_the_answer
from perceptdata.rewards.surrogates.utility import shuffled

Judge = Callable[..., tuple[Server, dict[str, Any]]]


@pytest.fixture
def cup_copy(cup_ws: Path, tmp_path: Path) -> Path:
    shutil.copytree(cup_ws, tmp_path / "cups")
    return tmp_path / "cups"


@pytest.fixture
def scene_copy(scene_ws: Path, tmp_path: Path) -> Path:
    shutil.copytree(scene_ws, tmp_path / "scenes")
    return tmp_path / "scenes"


def given(asked: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(asked["messages"][-1]["content"])
    return found


def counts_cups(asked: dict[str, Any], times: int) -> Say:
    """One more than the description says; unknown where it says nothing of cups."""
    description = given(asked)["description"]
    number = next((at for at, word in enumerate(("no", "one", "two", "three")) if f"{word} cups" in description), None)
    return Say.text("I cannot tell. \\boxed{unknown}" if number is None else f"One more. \\boxed{{{number + 1}}}")


def test_second_pass_answers_from_the_description_alone(cup_copy: Path, cups: list[Example], judge: Judge) -> None:
    server, endpoint = judge(counts_cups)
    surrogate = make_surrogate("second_pass", {"endpoint": endpoint, "workspace": cup_copy})
    surrogate.prepare()
    descriptions = ["There are three cups.", "There are two cups.", "A table.", "The answer is 4.", "", "It \\boxed{4}"]
    rollouts = [Rollout(cups[0], written(text, "4")) for text in descriptions]
    rollouts.append(Rollout(cups[0], "three cups \\boxed{4}"))  # no tag: the original would take the whole response
    found = surrogate.score(rollouts)
    assert [each.value for each in found] == [1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    assert [each.reason for each in found[3:]] == ["states_answer", "no_description", "states_answer", "no_description"]
    assert len(server.asked) == 3
    for asked in server.asked:
        assert "<image>" not in json.dumps(asked)
        assert "4" not in given(asked)["description"]  # neither the answer nor the rest of the response is shown
    again = make_surrogate("second_pass", {"endpoint": endpoint, "workspace": cup_copy})
    assert again.score(rollouts) == found
    assert len(server.asked) == 3  # answers are kept


def test_a_question_without_an_image_does_not_apply(cup_copy: Path, cups: list[Example], judge: Judge) -> None:
    _, endpoint = judge(counts_cups)
    surrogate = make_surrogate("second_pass", {"endpoint": endpoint, "workspace": cup_copy})
    blind = cups[0].model_copy(update={"images": ()})
    assert surrogate.score([Rollout(blind, written("x", "4"))]) == [Scored(None, "no_image", applies=False)]


def test_no_judge_no_score(cup_copy: Path, cups: list[Example], judge: Judge) -> None:
    _, endpoint = judge(
        lambda asked, times: Say.error(500) if "broken" in given(asked)["description"] else counts_cups(asked, times)
    )
    surrogate = make_surrogate("second_pass", {"endpoint": endpoint, "workspace": cup_copy})
    rollouts = [Rollout(cups[0], written(text, "4")) for text in ("broken", "There are three cups.")]
    broken, good = surrogate.score(rollouts)
    assert good == Scored(1.0)
    assert broken.value is None
    assert str(broken.reason).startswith("judge: server")
    assert broken.applies


def test_a_server_that_is_gone_leaves_all_unscored(cup_copy: Path, cups: list[Example]) -> None:
    endpoint = {"urls": ["http://127.0.0.1:9/v1"], "model": "m", "retries": 0, "timeout": 1}
    surrogate = make_surrogate("second_pass", {"endpoint": endpoint, "workspace": cup_copy})
    (found,) = surrogate.score([Rollout(cups[0], written("There are three cups.", "4"))])
    assert found.value is None
    assert str(found.reason).startswith("judge: ")


def test_an_endpoint_without_its_key_is_a_usage_error(
    cup_copy: Path, cups: list[Example], judge: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_SUCH_KEY", raising=False)
    _, endpoint = judge(counts_cups)
    surrogate = make_surrogate(
        "second_pass", {"endpoint": {**endpoint, "key_env": "NO_SUCH_KEY"}, "workspace": cup_copy}
    )
    with pytest.raises(UsageError, match="NO_SUCH_KEY"):
        surrogate.prepare()
    with pytest.raises(UsageError, match="NO_SUCH_KEY"):
        surrogate.score([Rollout(cups[0], written("x", "4"))])


def test_utility_is_the_share_of_questions_answered(scene_copy: Path, tasks: dict[str, Example], judge: Judge) -> None:
    server, endpoint = judge(counts_blanks)
    surrogate = make_surrogate("utility", {"endpoint": endpoint, "workspace": scene_copy})
    surrogate.prepare()
    task = tasks["cards/train/0"]
    blank = FAMILY.facts((0,) * 16)
    rollouts = [Rollout(task, written(text, "1")) for text in (task.facts or "", blank, "a grid")]
    assert [each.value for each in surrogate.score(rollouts)] == [1.0, 0.0, 0.0]
    orders = {tuple(given(asked)["choices"].values()) for asked in server.asked}
    assert len(orders) > 1  # every description gets the choices in another order
    for order in orders:
        assert sorted(order) == sorted(COUNTS)


def test_utility_is_unscored_where_a_question_went_unanswered(
    scene_copy: Path, tasks: dict[str, Example], judge: Judge
) -> None:
    _, endpoint = judge(lambda asked, times: Say.text("no", finish_reason="length"))
    surrogate = make_surrogate("utility", {"endpoint": endpoint, "workspace": scene_copy})
    task = tasks["cards/train/0"]
    assert surrogate.score([Rollout(task, written("x", "1"))]) == [Scored(None, "judge: length")]
    elsewhere = task.model_copy(update={"images": ()})
    assert surrogate.score([Rollout(elsewhere, written("x", "1"))]) == [Scored(None, "no_questions", applies=False)]


def test_utility_needs_questions(cup_copy: Path, judge: Judge) -> None:
    _, endpoint = judge(counts_blanks)
    surrogate = make_surrogate("utility", {"endpoint": endpoint, "workspace": cup_copy, "questions": "all"})
    with pytest.raises(UsageError, match="view 'all' has no multiple-choice question about one image"):
        surrogate.prepare()


def test_shuffling_keeps_the_right_choice(tasks: dict[str, Example]) -> None:
    question = tasks["cards/train/0-count"]
    for description in ("a", "b", "c"):
        moved = shuffled(question, description)
        assert moved.choices[moved.answer.index or 0] == question.answer.text
        assert shuffled(question, description) == moved


@pytest.mark.parametrize("text", ["So the answer is 7.", "Answer: B", "\\boxed{7}", "the correct option is C"])
def test_a_final_answer_is_no_description(text: str) -> None:
    assert says_the_answer(text)


def test_a_description_may_speak_of_answers(cups: list[Example]) -> None:
    assert not says_the_answer("A quiz with the heading 'Your answers'; option B is ticked.")
