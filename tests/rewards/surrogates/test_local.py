"""Surrogates that ask nobody: consensus, solver, render, well-formedness; and what all descriptions go through."""

import random
from pathlib import Path
from typing import Any

import pytest
from rewards.scenes import FAMILY, misread, written

from perceptdata import registry
from perceptdata.errors import UsageError
from perceptdata.example import Answer, CheckerRef, Example, Source
from perceptdata.plugins import Rollout, Scored
from perceptdata.rewards import make_surrogate
from perceptdata.rewards.surrogates.solving import Solving

RNG = random.Random(0)
SOURCE = Source(builder="b", version="1", corpus="c", split="train", key="a", licence="MIT")


@pytest.fixture
def task(tasks: dict[str, Example]) -> Example:
    return tasks["cards/train/0"]


@pytest.fixture
def scene(task: Example) -> Any:
    return FAMILY.parse(task.facts or "")


def score(name: str, rollouts: list[Rollout], **options: Any) -> list[Scored]:
    return make_surrogate(name, options).score(rollouts)


def values(name: str, example: Example, responses: list[str], **options: Any) -> list[float | None]:
    return [each.value for each in score(name, [Rollout(example, text) for text in responses], **options)]


def test_no_description_perceives_nothing_and_padding_neither(task: Example) -> None:
    facts = task.facts or ""
    responses = ["", "\\boxed{1}", written(" \n...", "1"), written(facts + " x" * 5000, "1"), written(facts, "1")]
    found = score("wellformed", [Rollout(task, text) for text in responses])
    assert found[:3] == [Scored(0.0, "no_description")] * 3
    assert found[3:] == [Scored(0.0, "too_long"), Scored(1.0)]
    assert values("wellformed", task, [responses[3]], longest=20000) == [1.0]


def test_a_format_without_a_name_is_a_usage_error(task: Example) -> None:
    with pytest.raises(UsageError, match="surrogate 'wellformed': format names one with 'use'"):
        score("wellformed", [Rollout(task, "")], format={"prefill": ""})


def test_the_format_is_filled_in_where_none_is_given(task: Example) -> None:
    form = registry.make("formats", "facts_trace")
    surrogate = make_surrogate("wellformed", None, form)
    response = f"{task.facts}\n\nSo it goes.\n\\boxed{{1}}"
    assert surrogate.score([Rollout(task, response)]) == [Scored(1.0)]
    assert make_surrogate("wellformed").score([Rollout(task, response)]) == [Scored(0.0, "no_description")]


def test_consensus_is_agreement_with_the_medoid(task: Example, scene: Any) -> None:
    facts, other = FAMILY.facts(scene), FAMILY.facts(misread(scene, RNG))
    # Of 16 cells one differs: S is 1 between the equal two, 15/16 with the third; the medoid is one of the equal two.
    found = values("consensus", task, [written(facts, "1"), written(facts, "1"), written(other, "1")])
    assert found == pytest.approx([(1 + 15 / 16) / 2, 1.0, 15 / 16])


def test_consensus_of_words() -> None:
    example = plain("<image>What is there?")
    same = "Two dogs run. A cat sleeps."
    found = values("consensus", example, [written(text, "1") for text in (same, same, "A red car stands here.")])
    assert found == pytest.approx([0.5, 1.0, 0.0])


def test_consensus_needs_peers_of_the_same_example(task: Example, tasks: dict[str, Example]) -> None:
    other = tasks["cards/train/1"]
    response = written(task.facts or "", "1")
    assert score("consensus", [Rollout(task, response), Rollout(other, response)]) == [Scored(None, "no_peers")] * 2
    found = score("consensus", [Rollout(task, response), Rollout(task, "")])
    assert found == [Scored(None, "no_peers"), Scored(0.0, "no_description")]


def test_solver_solves_what_was_described(task: Example, scene: Any) -> None:
    wrong = misread(scene, random.Random(3))
    responses = [written(FAMILY.facts(scene), "nonsense"), written(FAMILY.facts(wrong), "1"), written("a grid", "1")]
    found = score("solver", [Rollout(task, text) for text in responses])
    assert found[0] == Scored(1.0)
    assert found[1].value == 0.0
    assert found[2] == Scored(0.0, "no_scene_stated")


def test_solver_against_the_own_answer(task: Example, scene: Any) -> None:
    rng = random.Random(7)
    blank = next(at for at, digit in enumerate(scene) if not digit)
    full = FAMILY.parse(task.answer.text.replace("/", "\n")) or ()
    easier = (*scene[:blank], full[blank], *scene[blank + 1 :])  # one more digit is seen than there is
    right = FAMILY.solve(scene, rng).answer
    responses = [written(FAMILY.facts(easier), right), written(FAMILY.facts(scene), right[::-1]), "x"]
    responses.append(f"<description>{task.facts}</description><think>x</think> no answer")
    found = score("solver", [Rollout(task, text) for text in responses], against="own")
    assert [each.value for each in found] == [1.0, 0.0, 0.0, 0.0]
    assert found[3].reason == "no_answer"


def test_solver_of_a_perception_twin_solves_the_task(task: Example, scene: Any) -> None:
    checker = CheckerRef(name="family_perception", args=task.answer.checker.args if task.answer.checker else {})
    answer = task.answer.model_copy(update={"checker": checker})
    twin = task.model_copy(update={"answer": answer})
    boxed = f"<description>x</description><think>x</think>\\boxed{{{task.facts}}}"
    assert values("solver", twin, [boxed]) == [1.0]


def test_a_scene_that_would_take_hours_is_given_up() -> None:
    family = registry.make("families", "sudoku")
    empty = family.facts((0,) * 81)
    scene = family.generate(random.Random(1))
    with Solving(seconds=1) as solving:
        assert solving.solve(family, empty) is None
        assert solving.solve(family, family.facts(scene)) == family.solve(scene, random.Random(0)).answer
        assert solving.check(family, family.facts(scene), family.solve(scene, random.Random(0)).answer) == 1.0
        assert solving.solve(family, "no scene") is None
        repeated = (1, 1, *scene[2:])
        assert solving.solve(family, family.facts(repeated)) is None  # no solution: the family raises


def test_render_compares_pixels(task: Example, scene: Any, scene_ws: Path) -> None:
    wrong = misread(scene, RNG)
    responses = [written(FAMILY.facts(scene), "1"), written(FAMILY.facts(wrong), "1"), written("none", "1")]
    assert values("render", task, responses, workspace=scene_ws) == [1.0, 0.0, 0.0]
    exact, near, _ = values("render", task, responses, workspace=scene_ws, dense=True)
    assert exact == 1.0
    assert near is not None
    assert 0.5 < near < 1.0


def test_render_says_what_it_cannot_draw(task: Example, scene_ws: Path) -> None:
    graph = CheckerRef(name="family", args={"family": "graph_coloring"})
    chance = task.model_copy(update={"answer": task.answer.model_copy(update={"checker": graph})})
    unseen = task.model_copy(update={"images": ()})
    rollouts = [Rollout(each, written("x", "1")) for each in (chance, unseen, plain("What?"))]
    found = score("render", rollouts, workspace=scene_ws)
    assert [(each.reason, each.applies) for each in found] == [
        ("drawn_by_chance", False),
        ("no_image", False),
        ("no_family", False),
    ]


def test_another_size_is_another_picture(tasks: dict[str, Example], scene_ws: Path) -> None:
    example = tasks["cards/train/0"]
    large = CheckerRef(name="family", args={"family": "sudoku"})
    nine = example.model_copy(update={"answer": example.answer.model_copy(update={"checker": large})})
    family = registry.make("families", "sudoku")
    response = written(family.facts(family.generate(random.Random(0))), "1")
    assert score("render", [Rollout(nine, response)], workspace=scene_ws) == [Scored(0.0, "other_size")]


@pytest.mark.parametrize(
    ("description", "scored"),
    [
        ("A man in a red coat walks two dogs past a fountain.", Scored(1.0)),
        ("dogs " * 40, Scored(0.0, "repeats_itself")),
        ("How many dogs are there in front of the fountain?", Scored(0.0, "repeats_question")),
        ("Dogs.", Scored(1.0)),
    ],
)
def test_wellformed_without_a_family(description: str, scored: Scored) -> None:
    example = plain("<image>How many dogs are there in front of the fountain?")
    assert score("wellformed", [Rollout(example, written(description, "2"))]) == [scored]


def plain(question: str) -> Example:
    """A row of no family."""
    return Example.model_construct(
        id="a",
        stage="visual_reasoning",
        group="a",
        images=(),
        question=question,
        choices=(),
        answer=Answer(text="2", kind="number"),
        source=SOURCE,
    )
