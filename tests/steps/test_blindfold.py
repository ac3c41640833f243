"""Blindfold: the spans that perceive and nothing else are shown, and what cannot be told from them is said."""

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from llm.server import Say, Server, last
from toys import card, picture, write_lines

from perceptdata import llm
from perceptdata.errors import UsageError
from perceptdata.example import Answer, Example, Source
from perceptdata.execution.local import Local
from perceptdata.layers import Producer, text_sha256
from perceptdata.recipe import Recipe
from perceptdata.shard import ShardWriter
from perceptdata.spans import PRO, SEGMENTS, Scheme, Span, SpanSet
from perceptdata.steps.blindfolded import states_answer
from perceptdata.steps.consensus import Given
from perceptdata.steps.declared import make_step
from perceptdata.steps.pipeline import run_recipe, steps_of
from perceptdata.steps.run import Outcome, plan_step, run_step
from perceptdata.tagging import TextSpans
from perceptdata.view import View, ViewSpec
from perceptdata.workspace import Workspace

pytestmark = pytest.mark.usefixtures("with_toys")

ADD = "I see a 2 and a 3. So the sum is 5."
VISUAL = {"stage": "visual_reasoning", "question": "<image>What is the sum?", "images": ["0.png"]}


def visual(number: int, answer: str, response: str | None, **changes: Any) -> dict[str, Any]:
    gold = {"text": answer, "kind": "number"}
    return card(number, **{**VISUAL, "answer": gold, "response": response, "group": f"g{number}", **changes})


def cards() -> list[dict[str, Any]]:
    return [
        visual(1, "5", ADD),
        visual(2, "7", "I see a 2 and a 3. So the sum is 7."),  # it misread a figure
        visual(3, "5", "So the sum is 5."),  # it says nothing of the image
        visual(4, "5", "I see that the sum is 5."),  # the answer itself
        visual(5, "5", None, responses=[{"text": ADD}, {"text": "I see a 9. So 9."}]),
    ]


@pytest.fixture(scope="module")
def made(toy_site: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(toy_site)
        folder = tmp_path_factory.mktemp("blindfold")
        write_lines(folder / "cards" / "0.jsonl", cards())
        write_lines(folder / "cards" / "1.jsonl", [visual(9, "5", "I see a 4 and a 1. So 5.")])
        (folder / "cards" / "0.png").write_bytes(picture(0))
        ws = Workspace.create(folder / "ws")
        run(ws, "cards", "build", use="toy_cards", path=folder / "cards")
        run(ws, "tags", "tag", use="toy_words", **{"from": ["response", "cards"]})
    return ws.path


@pytest.fixture
def ws(made: Path, tmp_path: Path) -> Workspace:
    shutil.copytree(made, tmp_path / "ws")
    return Workspace(tmp_path / "ws")


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    opened: list[Server] = []

    def start(script: Callable[[dict[str, Any], int], Say] | None = None) -> Server:
        opened.append(Server(script or adds).__enter__())
        return opened[-1]

    yield start
    for each in opened:
        each.__exit__(None, None, None)


def run(ws: Workspace, name: str, do: str, workers: int = 1, **options: Any) -> Outcome:
    with ws.lock("test"):
        return run_step(ws, name, make_step(do, options), Local(workers=workers))


def blindfold(ws: Workspace, server: Server, name: str = "blind", workers: int = 1, **options: Any) -> Outcome:
    endpoint = {"urls": [server.url], "model": "m", "retries": 0}
    return run(ws, name, "blindfold", workers, **{"from": "tags", "endpoint": endpoint, **options})


def adds(asked: dict[str, Any], times: int) -> Say:
    """A model that adds the digits it is told of, and guesses 5 without any."""
    _, _, facts = last(asked).partition("The figure shows:\n")
    digits = [int(sign) for sign in facts.partition("\n\n")[0] if sign.isdigit()]
    return Say.text(f"<think>I add.</think> \\boxed{{{sum(digits) if digits else 5}}}")


def rows(ws: Workspace, name: str = "blind") -> dict[str, tuple[Any, ...]]:
    """Value, unscored and meta of each row, by the text or example it is about."""
    return {
        (row["text_id"] or row["example_id"]).removeprefix("cards/train/"): (
            row["value"],
            row["unscored"],
            json.loads(row["meta"]),
        )
        for row in ws.layer(name, "scores").to_table().to_pylist()
    }


def test_each_text_is_scored_by_what_it_perceives(ws: Workspace, serve: Callable[..., Server]) -> None:
    server = serve()
    done = blindfold(ws, server)
    assert done.made == {"layers/scores": 12}
    assert done.spent is not None
    assert rows(ws) == {
        "1#response": (1.0, None, {"answers": ["5"]}),
        "1": (1.0, None, {"answers": ["5"]}),  # the controls: the model guesses
        "2#response": (0.0, None, {"answers": ["5"]}),
        "2": (0.0, None, {"answers": ["5"]}),
        "3#response": (None, "no_perception", {}),  # and no control: nothing was asked
        "4#response": (1.0, None, {"answers": ["5"], "leak": True}),
        "4": (1.0, None, {"answers": ["5"]}),
        "5#cards/0": (1.0, None, {"answers": ["5"]}),
        "5#cards/1": (0.0, None, {"answers": ["9"]}),
        "5": (1.0, None, {"answers": ["5"]}),  # once, though two texts were tried
        "9#response": (1.0, None, {"answers": ["5"]}),
        "9": (1.0, None, {"answers": ["5"]}),
    }
    names = {(row["name"], row["text_id"] is None) for row in ws.layer("blind", "scores").to_table().to_pylist()}
    assert names == {("blindfold", False), ("blindfold_control", True)}


def test_nothing_but_question_and_perception_is_shown(ws: Workspace, serve: Callable[..., Server]) -> None:
    server = serve()
    blindfold(ws, server)
    prompts = {last(asked) for asked in server.asked}
    rule = "\n\n" + make_step("generate", {"model": "m"}).form.rule
    assert prompts == {
        f"What is the sum?{rule}",
        f"What is the sum?\n\nThe figure shows:\nI see a 2 and a 3.{rule}",
        f"What is the sum?\n\nThe figure shows:\nI see that the sum is 5.{rule}",
        f"What is the sum?\n\nThe figure shows:\nI see a 9.{rule}",
        f"What is the sum?\n\nThe figure shows:\nI see a 4 and a 1.{rule}",
    }
    assert len(server.asked) == 5  # the same question is one question, whoever asks


def test_the_control_is_what_generate_asks_of_a_model_that_sees_nothing(
    ws: Workspace, serve: Callable[..., Server]
) -> None:
    server = serve()
    endpoint = {"urls": [server.url], "model": "m"}
    run(ws, "unseen", "generate", endpoint=endpoint, see="nothing", format={"use": "think_boxed"})
    asked = len(server.asked)
    blindfold(ws, server)
    assert not any("The figure shows" not in last(each) for each in server.asked[asked:])


def test_nothing_is_asked_twice_and_a_budget_stops_cleanly(ws: Workspace, serve: Callable[..., Server]) -> None:
    server = serve()
    stopped = blindfold(ws, server, budget={"max_calls": 1})
    assert "budget of 1 calls" in str(stopped.stopped)
    done = blindfold(ws, server)
    assert done.stopped is None
    assert len(server.asked) == 5
    assert blindfold(ws, server).skipped == 2
    assert blindfold(ws, server, control=False).skipped == 0  # other options are another layer, of the same replies
    assert len(server.asked) == 5
    assert {name.partition("#")[1] for name in rows(ws)} == {"#"}


def test_trouble_leaves_the_shard_and_the_next_run_asks_again(ws: Workspace, serve: Callable[..., Server]) -> None:
    def breaks_once(asked: dict[str, Any], times: int) -> Say:
        return Say.error(500) if "I see a 4" in last(asked) and times == 0 else adds(asked, times)

    server = serve(breaks_once)
    done = blindfold(ws, server)
    assert done.stopped == "1 requests found no answer; run it again to ask them anew"
    assert set(ws.manifest.steps["blind"].current.shards) == {"cards-00000"}
    assert blindfold(ws, server).stopped is None
    assert rows(ws)["9#response"][0] == 1.0


def test_what_the_model_does_wrong_is_told_from_what_the_spans_lack(
    ws: Workspace, serve: Callable[..., Server]
) -> None:
    said = {
        "I see a 2 and a 3.": Say.text("I add. It is 5."),
        "I see a 9.": Say.text("<think>So", finish_reason="length"),
        "I see a 4": Say.text(None, refusal="No."),
        "I see that": Say.error(400, "no such thing"),
    }

    def fails(asked: dict[str, Any], times: int) -> Say:
        return next((say for words, say in said.items() if words in last(asked)), None) or adds(asked, times)

    blindfold(ws, serve(fails))
    found = rows(ws)
    assert found["1#response"] == (0.0, None, {})  # an answer without a box is a wrong one, as in `score`
    assert found["5#cards/1"][:2] == (None, "model: length")
    assert found["9#response"][:2] == (None, "model: refusal")
    assert found["4#response"] == (None, "model: rejected", {"leak": True})


def test_the_mean_of_n(ws: Workspace, serve: Callable[..., Server]) -> None:
    said = iter(["5", "6", None, "5"])

    def wavers(asked: dict[str, Any], times: int) -> Say:
        if "I see a 4" not in last(asked):
            return adds(asked, times)
        answer = next(said)
        return Say.text(None, refusal="No.") if answer is None else Say.text(f"<think>.</think> \\boxed{{{answer}}}")

    blindfold(ws, serve(wavers), n=4, temperature=0.7)
    value, unscored, meta = rows(ws)["9#response"]
    assert (value, unscored, meta["failed"]) == (pytest.approx(2 / 3), None, {"model: refusal": 1})
    assert sorted(meta["answers"]) == ["5", "5", "6"]
    with pytest.raises(UsageError, match="temperature 0 gives the same answer 2 times"):
        blindfold(ws, serve(), n=2)


def test_views_ask_for_the_score_and_not_for_its_control(ws: Workspace, serve: Callable[..., Server]) -> None:
    blindfold(ws, serve())
    half = View(ws, "all", ViewSpec(where="blind.rate = 0.5"))
    assert half.rows.column("example_id").to_pylist() == ["cards/train/5"]
    none = View(ws, "all", ViewSpec(where="blind.unscored = 1 and blind.n = 0"))
    assert none.rows.column("example_id").to_pylist() == ["cards/train/3"]


def test_a_dry_run_says_what_it_would_cost(ws: Workspace, serve: Callable[..., Server]) -> None:
    server = serve()
    endpoint = {"urls": [server.url], "model": "m"}
    step = make_step("blindfold", {"from": "tags", "endpoint": endpoint})
    plan = plan_step(ws, "blind", step)
    foreseen = step.estimate(ws, "blind", plan.todo)
    assert (foreseen["requests"], foreseen["calls"]) == (11, 11)
    assert server.asked == []
    blindfold(ws, server)
    assert step.estimate(ws, "other", plan.shards)["calls"] == 0


def test_workers_change_no_byte(made: Path, tmp_path: Path, serve: Callable[..., Server]) -> None:
    server, found = serve(), []
    for workers in (1, 2):
        shutil.copytree(made, tmp_path / str(workers))
        ws = Workspace(tmp_path / str(workers))
        blindfold(ws, server, workers=workers)
        found.append({f.path: ws.file(f).read_bytes() for _, _, _, f in ws.shards("layers/scores", "blind")})
    assert found[0] == found[1]
    assert len(found[0]) == 2


def test_spans_of_examples_that_are_gone_are_said(ws: Workspace, serve: Callable[..., Server], tmp_path: Path) -> None:
    changed = [visual(1, "5", "I see a 4. So 4."), *cards()[1:3]]
    write_lines(tmp_path / "cards" / "0.jsonl", changed)
    (tmp_path / "cards" / "0.png").write_bytes(picture(0))
    run(ws, "cards", "build", use="toy_cards", path=tmp_path / "cards")
    with pytest.raises(UsageError, match="tags/cards-00001-response speaks of cards/00001, which is not there"):
        blindfold(ws, serve())


def test_a_text_that_was_changed_is_a_reject(ws: Workspace, serve: Callable[..., Server], tmp_path: Path) -> None:
    changed = [visual(1, "5", "I see a 4. So 4."), *cards()[1:3]]
    write_lines(tmp_path / "cards" / "0.jsonl", changed)
    write_lines(tmp_path / "cards" / "1.jsonl", [visual(9, "5", "I see a 4 and a 1. So 5.")])
    (tmp_path / "cards" / "0.png").write_bytes(picture(0))
    run(ws, "cards", "build", use="toy_cards", path=tmp_path / "cards")
    done = blindfold(ws, serve())
    assert done.rejected == {"text.missing": 3, "text.changed": 1}
    assert {"2#response", "3#response", "9#response"} <= set(rows(ws))


def test_other_layers_are_refused(ws: Workspace, serve: Callable[..., Server]) -> None:
    with pytest.raises(UsageError, match="step 'cards' has no spans; tags has"):
        blindfold(ws, serve(), **{"from": "cards"})
    with pytest.raises(UsageError, match="'endpoint' is required"):
        make_step("blindfold", {"from": "tags"})


def test_endpoint_and_format_come_from_the_recipe(tmp_path: Path, serve: Callable[..., Server]) -> None:
    write_lines(tmp_path / "cards" / "0.jsonl", [card(1)])
    server = serve(lambda asked, times: Say.text("1"))
    (tmp_path / "recipe.yaml").write_text(f"""
endpoints: {{words: {{urls: ["{server.url}"], model: m}}}}
format: {{use: answer_only}}
sources: [{{use: toy_cards, name: cards, path: cards}}]
steps:
  tags: {{do: tag, use: toy_words}}
  blind: {{do: blindfold, from: tags, with: words}}
""")
    recipe = Recipe.load(tmp_path / "recipe.yaml")
    *_, (_, step) = steps_of(recipe)
    assert step.identity()["format"]["name"] == "answer_only"
    assert step.needs() == ("tags",)
    ws = Workspace.create(tmp_path / "ws")
    with ws.lock("test"):
        *_, done = run_recipe(ws, recipe)
    assert done.to_json()["made"] == {"layers/scores": 2}
    assert rows(ws)["1#response"][2]["leak"] is True
    moved = llm.Endpoint(urls=("http://n2:8000/v1",), model="m")
    assert make_step("blindfold", {**step.model_dump(by_alias=True), "endpoint": moved}).fingerprint == step.fingerprint


@pytest.mark.parametrize(
    ("seen", "answer", "stated"),
    [
        ("There are 12 cups.", {"text": "12"}, True),
        ("There are 12 cups.", {"text": "2"}, False),
        ("It is 1.2 cm long.", {"text": "2"}, False),
        ("It is 2.5 cm long.", {"text": "2"}, False),
        ("It is 2.", {"text": "2"}, True),
        ("A Red  Car.", {"text": "red car"}, True),
        ("A red carpet.", {"text": "red car"}, False),
        ("A crimson car.", {"text": "red", "accepts": ("crimson",)}, True),
        ("有12个杯子", {"text": "12"}, True),
        ("A cat and a dog.", {"text": "A", "index": 0}, False),  # the choice is "bird": its letter says nothing
        ("A bird.", {"text": "A", "index": 0}, True),
    ],
)
def test_an_answer_is_stated_where_it_stands_as_it_is(seen: str, answer: dict[str, Any], stated: bool) -> None:
    example = Example(
        id="a",
        stage="textual_reasoning",
        group="a",
        question="What?",
        choices=("bird", "fish") if "index" in answer else (),
        answer=Answer(**answer),
        source=Source(builder="b", version="1", corpus="c", split="train", key="a", licence="MIT"),
    )
    assert states_answer(seen, example) is stated


@pytest.fixture
def given(ws: Workspace, tmp_path: Path) -> Callable[..., Any]:
    """`given(scheme)`: the work of a shard with one row of spans, of a caption."""

    def make(scheme: Scheme) -> Any:
        spans = SpanSet.of([Span(0, 5, scheme.labels[0])], scheme)
        row = TextSpans("img:ab#captions/0", text_sha256("A cup"), spans, Producer(name="t", version="1", config="0"))
        pq.write_table(TextSpans.table([row]), tmp_path / "spans.parquet")
        pq.write_table(pa.table({"text_id": [row.text_id], "text": ["A cup"]}), tmp_path / "captions.parquet")
        step = make_step("blindfold", {"from": "tags", "endpoint": {"urls": ["http://n1:8000/v1"], "model": "m"}})
        work: Any = step.plan(ws, "blind")[0].work
        captions = {"captions": [tmp_path / "captions.parquet"]}
        return replace(work, given=Given(work.given.examples, {"tags": [tmp_path / "spans.parquet"]}, captions))

    return make


def test_a_caption_answers_no_question(given: Callable[..., Any], tmp_path: Path) -> None:
    with ShardWriter(tmp_path / "out", "blind", "v", "0") as writer:
        assert list(given(PRO).trials(writer)) == []
    assert writer.entry("", "").rejected == {"blindfold.no_question": 1}


def test_spans_of_another_scheme_say_nothing_of_perception(given: Callable[..., Any]) -> None:
    with pytest.raises(UsageError, match="a blindfold reads what perceives out of pro@1, not segments@1"):
        list(given(SEGMENTS).trials())
