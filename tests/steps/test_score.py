"""Scores: two rows a response, every reason on its row, only what changed scored again."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from toys import card, write_lines

from perceptdata.errors import UsageError
from perceptdata.execution.local import Local
from perceptdata.recipe import Recipe
from perceptdata.steps.declared import make_step
from perceptdata.steps.pipeline import run_recipe, steps_of
from perceptdata.steps.run import Outcome, run_step
from perceptdata.view import TextChoice, View, ViewSpec
from perceptdata.workspace import Workspace

pytestmark = pytest.mark.usefixtures("with_toys")

EXPRESSION = {"text": "x^2+x", "kind": "expression"}
BOXED = {"use": "think_boxed"}


def boxed(*answers: str) -> str:
    return "<think>I see it.</think> So " + " and ".join(rf"\boxed{{{answer}}}" for answer in answers) + "."


def cards() -> list[dict[str, Any]]:
    """1 has every kind of response, 2 an answer that needs algebra, 3 a gold answer that nothing can read."""
    tries = [
        boxed("1"),
        boxed("2"),
        boxed("2", "1"),
        r"It is \boxed{1}.",
        "The answer is 1.",
        boxed("3 + 2. Checking 1"),
        r"<think></think>\boxed{1",
        boxed(""),
    ]
    return [
        card(1, responses=[{"text": text} for text in tries], scores={"difficulty": 0.9}, response=boxed("1")),
        card(2, answer=EXPRESSION, responses=[{"text": boxed("x(x+1)")}, {"text": boxed("x+1")}], response=None),
        card(3, answer={"text": "about 3", "kind": "number"}, responses=[{"text": boxed("3")}], response=boxed("2")),
    ]


def make(folder: Path) -> Workspace:
    write_lines(folder / "cards" / "0.jsonl", cards())
    write_lines(folder / "cards" / "1.jsonl", [card(9, responses=[{"text": boxed("9")}])])
    ws = Workspace.create(folder / "ws")
    run(ws, "cards", "build", use="toy_cards", path=folder / "cards")
    return ws


def run(ws: Workspace, name: str, do: str, workers: int = 1, **options: Any) -> Outcome:
    with ws.lock("test"):
        return run_step(ws, name, make_step(do, options), Local(workers=workers))


def score(ws: Workspace, workers: int = 1, **options: Any) -> Outcome:
    return run(ws, "pass", "score", workers, **{"from": "cards", "format": BOXED, **options})


@pytest.fixture(scope="module")
def made(toy_site: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(toy_site)
        ws = make(tmp_path_factory.mktemp("score"))
        score(ws)
    return ws.path


@pytest.fixture
def ws(made: Path) -> Workspace:
    return Workspace(made)


def rows(ws: Workspace, name: str) -> dict[str, tuple[Any, ...]]:
    """Value, unscored and meta by the text's name, of the scores with that name."""
    found = ws.layer("pass", "scores").to_table().to_pylist()
    return {
        row["text_id"].removeprefix("cards/train/"): (row["value"], row["unscored"], row["meta"])
        for row in found
        if row["name"] == name
    }


def test_answers_are_taken_by_the_format_and_every_verdict_has_its_reason(ws: Workspace) -> None:
    text, number = '{"rung":"text"}', '{"rung":"number"}'
    assert rows(ws, "correct") == {
        "1#cards/0": (1.0, None, text),
        "1#cards/1": (0.0, None, number),
        "1#cards/2": (1.0, None, '{"boxes":2,"rung":"text"}'),
        "1#cards/3": (1.0, None, text),  # the answer counts, the format does not hold
        "1#cards/4": (0.0, None, '{"reason":"tag_missing","rung":"format"}'),  # what parse saw first
        "1#cards/5": (0.0, None, '{"reason":"answer_unreadable","rung":"number"}'),
        "1#cards/6": (0.0, None, '{"reason":"box_unclosed","rung":"format"}'),
        "1#cards/7": (0.0, None, '{"reason":"answer_empty","rung":"format"}'),
        "2#cards/0": (1.0, None, '{"rung":"algebra"}'),
        "2#cards/1": (0.0, None, '{"rung":"algebra"}'),
        "3#cards/0": (None, "gold_unreadable", number),
        "9#cards/0": (1.0, None, text),
    }


def test_keeping_to_the_format_is_a_score_of_its_own(ws: Workspace) -> None:
    found = rows(ws, "format")
    assert {key for key, (value, *_) in found.items() if value == 0.0} == {f"1#cards/{n}" for n in (3, 4, 6, 7)}
    assert found["1#cards/3"][2] == '{"reason":"tag_missing"}'
    assert found["1#cards/0"][2] == "{}"


def test_a_view_s_rate_is_of_right_answers_alone(ws: Workspace) -> None:
    rates = View(ws, "all", ViewSpec(where='"pass".rate > 0.3 and "pass".rate < 0.4'))
    assert rates.rows.column("example_id").to_pylist() == ["cards/train/1"]  # 3 of 8; the format's 4 of 8 stay out
    unscored = View(ws, "all", ViewSpec(where="pass.unscored = 1 and pass.n = 0"))
    assert unscored.rows.column("example_id").to_pylist() == ["cards/train/3"]
    best = View(
        ws, "all", ViewSpec(where="pass.best = 1", text=TextChoice(**{"from": "cards", "pick": "best", "by": "pass"}))
    )
    assert best.rows.column("text_id").to_pylist() == [
        "cards/train/1#cards/0",
        "cards/train/2#cards/0",
        "cards/train/9#cards/0",
    ]
    worst = View(ws, "all", ViewSpec(text=TextChoice(**{"from": "cards", "pick": "worst", "by": "pass"})))
    assert worst.rows.column("text_id").to_pylist()[:2] == ["cards/train/1#cards/1", "cards/train/2#cards/1"]


def test_scores_of_other_names_count_where_there_is_no_correct(tmp_path: Path) -> None:
    write_lines(tmp_path / "cards" / "0.jsonl", [card(1, scores={"difficulty": 0.9})])
    ws = Workspace.create(tmp_path / "ws")
    run(ws, "cards", "build", use="toy_cards", path=tmp_path / "cards")
    assert len(View(ws, "all", ViewSpec(where="cards.rate > 0.8"))) == 1


def test_workers_and_order_change_no_byte(ws: Workspace, tmp_path: Path) -> None:
    """Algebra is asked from spawned workers too."""
    other = make(tmp_path)
    score(other, workers=2)

    def contents(one: Workspace) -> dict[str, bytes]:
        return {file.path: one.file(file).read_bytes() for _, _, _, file in one.shards("layers/scores", "pass")}

    assert contents(ws) == contents(other)
    assert len(contents(ws)) == 2


def test_the_source_s_own_responses(ws: Workspace, made: Path, tmp_path: Path) -> None:
    shutil.copytree(made, tmp_path / "ws")
    own = Workspace(tmp_path / "ws")
    done = run(own, "sane", "score", **{"from": "response", "format": BOXED})
    assert done.made == {"layers/scores": 6}  # of 1, 3 and 9: number 2 has none
    found = own.layer("sane", "scores").to_table().to_pylist()
    correct = {row["text_id"]: row["value"] for row in found if row["name"] == "correct"}
    assert correct == {"cards/train/1#response": 1.0, "cards/train/3#response": None, "cards/train/9#response": 0.0}


def test_only_what_changed_is_scored_again(tmp_path: Path) -> None:
    ws = make(tmp_path)
    assert score(ws).skipped == 0
    assert score(ws).skipped == 2
    write_lines(tmp_path / "cards" / "1.jsonl", [card(9, responses=[{"text": boxed("8")}])])
    run(ws, "cards", "build", use="toy_cards", path=tmp_path / "cards")
    assert score(ws).skipped == 1
    assert rows(ws, "correct")["9#cards/0"][0] == 0.0
    assert score(ws, format={"use": "answer_only"}).skipped == 0  # another format is another layer
    assert rows(ws, "correct")["1#cards/4"][2] == '{"reason":"answer_unreadable","rung":"number"}'


def test_an_examples_shard_without_responses_leaves_an_empty_layer(tmp_path: Path) -> None:
    write_lines(tmp_path / "cards" / "0.jsonl", [card(1, response=None)])
    ws = Workspace.create(tmp_path / "ws")
    run(ws, "cards", "build", use="toy_cards", path=tmp_path / "cards")
    done = run(ws, "pass", "score", **{"from": "response"})
    assert done.shards == 1
    assert ws.layer("pass", "scores").count_rows() == 0


def test_the_recipe_s_format_is_the_step_s_unless_it_has_its_own(tmp_path: Path) -> None:
    write_lines(tmp_path / "cards" / "0.jsonl", cards())
    text = f"""
format: {{use: facts_trace}}
sources: [{{use: toy_cards, name: cards, path: {tmp_path / "cards"}}}]
steps:
  given: {{do: score, from: cards}}
  own: {{do: score, from: cards, format: {{use: answer_only, labels: [A]}}}}
views: {{right: {{where: "own.best = 1", text: {{from: cards, pick: best, by: own}}}}}}
"""
    (tmp_path / "recipe.yaml").write_text(text)
    recipe = Recipe.load(tmp_path / "recipe.yaml")
    given, own = (step for item, step in steps_of(recipe) if item.do == "score")
    assert given.identity()["format"]["name"] == "facts_trace"
    assert (own.identity()["format"]["name"], own.identity()["format"]["labels"]) == ("answer_only", ["A"])
    ws = Workspace.create(tmp_path / "ws")
    with ws.lock("test"):
        *_, view = run_recipe(ws, recipe)
    assert view.to_json() == {"view": "right", "rows": 2, "dropped": {"not chosen": 1}}


def test_wrong_options_are_named(ws: Workspace) -> None:
    with pytest.raises(UsageError, match="there is no format 'think_box'; did you mean 'think_boxed'"):
        make_step("score", {"from": "cards", "format": {"use": "think_box"}})
    with pytest.raises(UsageError, match="'from' is required"):
        make_step("score", {})
    with pytest.raises(UsageError, match="unknown key 'form'"):
        make_step("score", {"from": "cards", "form": BOXED})
    with pytest.raises(UsageError, match="step 'nothing' has no responses; cards has"):
        make_step("score", {"from": "nothing"}).plan(ws, "pass")
