"""reasoning-gym as it is installed: its tasks prove themselves, and what they make is scored by them."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from perceptdata import answers
from perceptdata.builders.corpora import gym
from perceptdata.builders.corpora.gym import TASKS, ReasoningGym, self_test
from perceptdata.draft import Draft
from perceptdata.errors import PluginError, UsageError
from perceptdata.example import Example
from perceptdata.ingest import Ingest
from perceptdata.layers import Producer

pytestmark = pytest.mark.services
pytest.importorskip("reasoning_gym")


def examples(builder: ReasoningGym) -> list[Example]:
    ingest = Ingest(builder, builder.name, Producer(name=builder.name, version=builder.version, config="00000000"))
    drafts = [row for part in builder.parts(None) for row in builder.read(part)]
    return [ingest(draft).example for draft in drafts if isinstance(draft, Draft)]


def test_every_task_that_is_built_proves_itself() -> None:
    made = examples(ReasoningGym(rows=2))
    assert len(made) == 2 * len(TASKS)
    assert {example.meta["task"] for example in made} == set(TASKS)
    for example in made:
        assert answers.score(example.answer.text, example) == 1.0
        assert answers.score("garbage", example) <= 0.05
    assert {example.stage for example in made} == {"textual_reasoning"}


def test_the_same_seed_makes_the_same_items() -> None:
    def built(seed: int, **more: Any) -> list[tuple[str, str]]:
        made = examples(ReasoningGym(tasks=("chain_sum", "syllogism"), rows=5, seed=seed, **more))
        return [(example.question, example.answer.text) for example in made]

    assert built(3) == built(3)
    assert not {question for question, _ in built(3)[:5]} & {question for question, _ in built(4)[:5]}
    longer = built(3, settings={"chain_sum": {"min_terms": 8, "max_terms": 8}})
    assert all(question.count(" + ") + question.count(" - ") >= 7 for question, _ in longer[:5])
    assert longer[5:] == built(3)[5:]


def test_the_checker_makes_the_item_again() -> None:
    (example,) = examples(ReasoningGym(tasks=("chain_sum",), rows=1))
    gym._item.cache_clear()
    gym._task.cache_clear()
    assert answers.score(example.answer.text, example) == 1.0
    assert answers.score("no number", example) == 0.0
    other = example.model_copy(update={"question": "1+1?"})
    with pytest.raises(PluginError, match="makes another item"):
        answers.score("2", other)


@pytest.mark.parametrize(
    ("task", "said"),
    [
        ("rush_hour", "does not score its own answer"),  # it has none
        ("game_of_life_halting", "for garbage"),
        ("list_functions", "another item each time"),
        ("chain_summ", "has no task chain_summ"),
    ],
)
def test_a_task_that_fails_is_named(task: str, said: str) -> None:
    def try_seeds() -> None:
        for seed in range(20):  # a scorer may be right by luck
            self_test(task, seed=seed)

    with pytest.raises(UsageError, match=said):
        try_seeds()


def test_wrong_requests(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="reads no source"):
        ReasoningGym().parts(tmp_path)
    with pytest.raises(UsageError, match="not among the tasks"):
        ReasoningGym(tasks=("chain_sum",), settings={"syllogism": {}}).parts(None)
    with pytest.raises(UsageError, match="refuses its settings"):
        ReasoningGym(tasks=("chain_sum",), settings={"chain_sum": {"terms": 3}}).parts(None)


def test_a_scorer_that_fails_pays_nothing() -> None:
    class Failing:
        def score_answer(self, answer: str, entry: Mapping[str, Any]) -> float:
            return float(int(answer))

    assert gym._score(Failing(), "twelve", {}) == 0.0
    assert gym._score(Failing(), "12", {}) == 1.0


def test_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "reasoning_gym", None)
    with pytest.raises(UsageError, match=r"perceptdata\[gym\]"):
        self_test("chain_sum")


def test_a_user_builds_it(cli) -> None:
    chosen = ("--set", "rows=3", "--set", "tasks=[chain_sum, syllogism]")
    said = cli("build", "reasoning_gym", "-w", "ws", *chosen, "--workers", "1", "--json")
    assert said.code == 0, said.err
    assert json.loads(said.out)["made"]["examples"] == 6
