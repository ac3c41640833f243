"""`generate`: what a model is given, what is kept, what is never paid for twice. A real server on the loopback."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from perceptdata.errors import PerceptDataError, UsageError
from perceptdata.example import IMAGE
from perceptdata.formats import find_boxes
from perceptdata.layers import text_sha256
from perceptdata.steps.declared import Shared, make_step
from perceptdata.steps.run import Outcome, plan_step, run_step
from perceptdata.workspace import Workspace

from llm.server import Say, Server  # isort: skip

SAID = "<think>Row 1 lacks 3, so r1c1 is 3.</think> \\boxed{3}"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("generate") / "ws"
    ws = Workspace.create(folder)
    small = {"use": "sudoku", "size": 4, "rows": {"train_sft": 4, "train_rl": 4, "test": 4}}
    with ws.lock("test"):
        run_step(ws, "sudoku", make_step("build", small))
    return folder


@pytest.fixture
def ws(built: Path, tmp_path: Path) -> Workspace:
    """A workspace with 12 scenes of 4x4 Sudoku: 36 examples in three shards."""
    shutil.copytree(built, tmp_path / "ws")
    return Workspace(tmp_path / "ws")


@pytest.fixture
def server() -> Iterator[Callable[..., Server]]:
    opened: list[Server] = []

    def start(script: Callable[[dict[str, Any], int], Say] = lambda asked, times: Say.text(SAID)) -> Server:
        opened.append(Server(script).__enter__())
        return opened[-1]

    yield start
    for each in opened:
        each.__exit__(None, None, None)


def generate(ws: Workspace, server: Server, name: str = "cot", **options: Any) -> Outcome:
    endpoint = {"urls": [server.url], "model": "m", "retries": 0, "concurrency": 8}
    step = make_step("generate", {"endpoint": endpoint, **options})
    with ws.lock("test"):
        return run_step(ws, name, step)


def texts(ws: Workspace, name: str = "cot") -> list[dict[str, Any]]:
    return ws.layer(name, "responses").to_table().to_pylist()


VISUAL = "stage = 'visual_reasoning'"


def test_each_sample_is_a_row_and_the_image_is_sent(ws: Workspace, server: Callable[..., Server]) -> None:
    model = server()
    done = generate(ws, model, n=2, temperature=0.7, where=VISUAL)
    assert done.made == {"layers/responses": 24}
    assert done.stopped is None
    rows = texts(ws)
    assert {row["sample"] for row in rows} == {0, 1}
    first = rows[0]
    assert first["text_id"] == f"{first['example_id']}#cot/0"
    assert first["text_sha256"] == text_sha256(first["text"])
    assert (first["text"], first["model"], first["finish_reason"]) == (SAID, "served-1", "stop")
    assert (first["prompt_tokens"], first["completion_tokens"], first["cost"]) == (10, 5, None)
    content = model.asked[0]["messages"][-1]["content"]
    assert [part["type"] for part in content] == ["image_url", "text"]
    assert content[0]["image_url"]["url"].startswith("data:image/png;base64,")
    assert "\\boxed" in content[1]["text"]


def test_nothing_is_paid_for_twice(ws: Workspace, server: Callable[..., Server]) -> None:
    model = server()
    generate(ws, model, where=VISUAL)
    assert len(model.asked) == 12
    again = generate(ws, model, where=VISUAL)
    assert (again.skipped, len(model.asked)) == (3, 12)
    generate(ws, model, where=f"{VISUAL} and source.split = 'test'")  # other options, the same questions
    assert len(model.asked) == 12
    generate(ws, model, name="more", n=3, temperature=0.5, where=VISUAL)
    assert len(model.asked) == 12 + 36


def test_a_budget_stops_cleanly_and_the_next_run_goes_on(ws: Workspace, server: Callable[..., Server]) -> None:
    model = server()
    done = generate(ws, model, where=VISUAL, budget={"max_calls": 5})
    assert "budget of 5 calls" in str(done.stopped)
    assert len(model.asked) <= 5 + 8
    assert ws.manifest.steps["cot"].current.finished is None
    asked = len(model.asked)
    done = generate(ws, model, where=VISUAL)
    assert (done.stopped, done.made) == (None, {"layers/responses": 12})
    assert len(model.asked) == 12
    assert asked < 12


def test_what_stands_for_the_image(ws: Workspace, server: Callable[..., Server]) -> None:
    model = server()
    generate(ws, model, name="blind", see="nothing", where=VISUAL)
    blind = model.asked[-1]["messages"][-1]["content"]
    assert isinstance(blind, str)
    assert IMAGE not in blind
    generate(ws, model, name="read", see="facts", format={"use": "facts_trace"}, where=VISUAL)
    facts = model.asked[-1]["messages"][-1]["content"]
    assert "The figure shows:\n[[" in facts
    assert facts.endswith("End with the final answer inside \\boxed{}.")


def test_distilled_traces_have_a_gold_border(ws: Workspace, server: Callable[..., Server]) -> None:
    model = server(lambda asked, times: Say.text("Row 1 lacks 3, so r1c1 is 3.\n\n\\boxed{3}"))
    done = generate(ws, model, see="facts", format={"use": "facts_trace"}, where=VISUAL)
    assert done.made == {"layers/responses": 12, "layers/spans": 12}
    examples = {row["id"]: row for row in ws.examples().to_table().to_pylist()}
    spans = {row["text_id"]: row["spans"] for row in ws.layer("cot", "spans").to_table().to_pylist()}
    for row in texts(ws):
        found = {span["label"]: row["text"][span["start"] : span["end"]] for span in spans[row["text_id"]]}
        assert found["description"] == examples[row["example_id"]]["facts"]
        assert found["think"] == "Row 1 lacks 3, so r1c1 is 3."
        assert find_boxes(found["answer"]).content == "3"


def test_answers_of_no_use_are_rejects_with_a_reason(ws: Workspace, server: Callable[..., Server]) -> None:
    replies = iter(
        [
            Say.text("cut off", finish_reason="length"),
            Say.text(None, refusal="I would rather not."),
            Say.text("two", choices=2),
            Say.text("it says <|im_start|>"),
            *[Say.text(SAID)] * 8,
        ]
    )
    done = generate(ws, server(lambda asked, times: next(replies)), where=VISUAL)
    assert done.made == {"layers/responses": 9}
    assert done.rejected == {"generate.refusal": 1, "generate.choices": 1, "text.special_token": 1}
    assert sorted({row["finish_reason"] for row in texts(ws)}) == ["length", "stop"]
    keys = {row["key"] for row in ws.rejects("cot").to_table().to_pylist()}
    assert all("#cot/0" in key for key in keys)


def test_an_overlong_prompt_is_a_reject_and_is_not_sent(ws: Workspace, server: Callable[..., Server]) -> None:
    model = server()
    short = {"use": "think_boxed", "max_prompt_tokens": 50}
    done = generate(ws, model, where=VISUAL, format=short)
    assert done.rejected == {"prompt.too_long": 12}
    assert model.asked == []


def test_trouble_on_the_way_is_asked_again(ws: Workspace, server: Callable[..., Server]) -> None:
    broken = iter([True] * 2 + [False] * 100)
    model = server(lambda asked, times: Say.error(500) if next(broken) else Say.text(SAID))
    done = generate(ws, model, where=VISUAL)
    assert "found no answer" in str(done.stopped)
    assert len(texts(ws)) < 12
    done = generate(ws, model, where=VISUAL)
    assert (done.stopped, done.made) == (None, {"layers/responses": 12})


def test_an_endpoint_that_turns_us_away_stops_the_step(ws: Workspace, server: Callable[..., Server]) -> None:
    with pytest.raises(PerceptDataError, match=r"401|key"):
        generate(ws, server(lambda asked, times: Say.error(401, "bad key")), where=VISUAL)
    assert "cot" in ws.manifest.steps
    assert not ws.manifest.steps["cot"].current.shards


def test_a_recipe_names_endpoints_and_a_format_once(ws: Workspace, server: Callable[..., Server]) -> None:
    model = server()
    shared = Shared({"vl": {"urls": [model.url], "model": "m"}}, {"use": "answer_only"})
    step = make_step("generate", {"with": "vl", "where": VISUAL}, shared=shared)
    assert step.identity()["format"]["name"] == "answer_only"
    with pytest.raises(UsageError, match="there is no endpoint 'other'; there are vl"):
        make_step("generate", {"with": "other"}, shared=shared)
    with pytest.raises(UsageError, match="name one model"):
        make_step("generate", {})


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"n": 2}, "temperature 0 gives the same answer 2 times"),
        ({"see": "facts"}, "facts_trace"),
        ({"see": "caption"}, "'captions' names the step"),
        ({"format": {"use": "think_box"}}, "did you mean 'think_boxed'"),
        ({"wher": "true"}, "did you mean 'where'"),
    ],
)
def test_options_that_do_not_fit(options: dict[str, Any], said: str) -> None:
    endpoint = {"urls": ["http://127.0.0.1:9/v1"], "model": "m"}
    with pytest.raises(UsageError, match=said):
        make_step("generate", {"endpoint": endpoint, **options})


def test_a_wrong_condition_is_one_sentence(ws: Workspace, server: Callable[..., Server]) -> None:
    with pytest.raises(UsageError, match="where 'stag = 1'"):
        generate(ws, server(), where="stag = 1")


def test_the_identity_leaves_out_where_the_model_stands() -> None:
    def made(**options: Any) -> str:
        endpoint = {"urls": ["http://n1:8000/v1"], "model": "m", **options.pop("endpoint", {})}
        return make_step("generate", {"endpoint": endpoint, **options}).fingerprint

    assert made() == made(endpoint={"urls": ["http://n2:9000/v1"], "concurrency": 3}, budget={"max_calls": 1})
    assert made() != made(endpoint={"model": "other"})
    assert made() != made(max_tokens=7)


def test_estimate_sends_nothing(ws: Workspace, server: Callable[..., Server]) -> None:
    model = server()
    step = make_step("generate", {"endpoint": {"urls": [model.url], "model": "m"}, "where": VISUAL})
    plan = plan_step(ws, "cot", step)
    foreseen = step.estimate(ws, "cot", plan.todo)
    assert (foreseen["requests"], foreseen["calls"], foreseen["cost"]) == (12, 12, None)
    assert json.dumps(foreseen)
    assert model.asked == []
    assert not (ws.path / "replies").exists()


def test_a_local_model_leaves_the_same_layer(ws: Workspace, tiny: Callable[[str], Path]) -> None:
    step = make_step(
        "generate", {"model": tiny("qwen3_vl"), "where": f"{VISUAL} and source.split = 'test'", "max_tokens": 4}
    )
    with ws.lock("test"):
        done = run_step(ws, "local", step)
    assert done.made["layers/responses"] + sum(done.rejected.values()) == 4
    rows = texts(ws, "local")
    assert all(row["completion_tokens"] <= 4 and row["model"].startswith("local:") for row in rows)
    with ws.lock("test"):
        run_step(ws, "again", step)
    assert [row["text"] for row in texts(ws, "again")] == [row["text"] for row in rows]
