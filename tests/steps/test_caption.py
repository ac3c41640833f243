"""Caption: every image once, wherever its captions come from, with claims, and with what cannot be used said."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from llm.judging import image_of, text_of
from llm.server import Say, Script, Server
from steps.picturing import images, rejects, rows, run, shows, workspace
from toys import card

from perceptdata.errors import UsageError
from perceptdata.layers import text_sha256
from perceptdata.recipe import Recipe
from perceptdata.steps.declared import make_step
from perceptdata.steps.pipeline import steps_of
from perceptdata.steps.run import Outcome, plan_step
from perceptdata.view import View, ViewSpec
from perceptdata.workspace import Workspace

pytestmark = pytest.mark.usefixtures("with_toys")

FACTS = "a card that reads 42"


@pytest.fixture
def ws(tmp_path: Path) -> Workspace:
    first = [
        shows(1, 1),
        shows(2, 1, question="<image>Again?", answer={"text": "7", "kind": "number"}),
        shows(3, 2, facts=FACTS, facts_quality="oracle", captions=["A card.", "It reads 42."]),
        shows(4, 2, captions=["A card."]),
    ]
    second = [shows(5, 2, captions=["A white card."]), shows(6, 3, stage="perception"), shows(7, 1)]
    return workspace(tmp_path, first, second)


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    opened: list[Server] = []

    def start(script: Script) -> Server:
        opened.append(Server(script).__enter__())
        return opened[-1]

    yield start
    for each in opened:
        each.__exit__(None, None, None)


def caption(ws: Workspace, server: Server, name: str = "caps", **options: Any) -> Outcome:
    return run(ws, name, "caption", endpoint={"urls": [server.url], "model": "m", "retries": 0}, **options)


def describe(asked: dict[str, Any], times: int) -> Say:
    return Say.text("Two cups. The sum is 42.\r\n")


def test_each_image_is_captioned_once(ws: Workspace, serve: Callable[..., Server]) -> None:
    server = serve(describe)
    done = caption(ws, server, n=2, temperature=0.5)
    assert done.made == {"layers/captions": 6, "layers/spans": 6}
    assert len(server.asked) == 6
    shown = images(ws)
    found = rows(ws, "caps", "captions")
    assert {row["text_id"] for row in found} == {f"img:{shown[n]}#caps/{k}" for n in "123" for k in (0, 1)}
    by = {row["image"]: row for row in found}
    one = by[shown["1"]]
    assert (one["text"], one["text_sha256"]) == ("Two cups. The sum is 42.", text_sha256("Two cups. The sum is 42."))
    assert (one["model"], one["prompt_tokens"], one["finish_reason"]) == ("served-1", 10, "stop")
    # Examples of both shards show it; another asks for another number.
    assert one["meta"] == {"leaks": ["cards/train/1", "cards/train/7"]}
    assert by[shown["2"]]["meta"] == {}  # the facts say it too
    assert by[shown["3"]]["meta"] == {}  # to look is all that is asked
    assert caption(ws, server, n=2, temperature=0.5).skipped == 2
    assert len(server.asked) == 6


def test_claims_stand_beside_their_caption(ws: Workspace, serve: Callable[..., Server]) -> None:
    caption(ws, serve(describe))
    for row in rows(ws, "caps", "spans"):
        assert (row["scheme"], row["segmenter"]) == ("claims@1", "clauses@1")
        spans = [(each["start"], each["end"], each["label"], each["tagger"]) for each in row["spans"]]
        assert spans == [(0, 9, "count", "clauses"), (10, 24, "count", "clauses")]


def test_a_model_may_cut_claims(ws: Workspace, serve: Callable[..., Server]) -> None:
    text = "A red cube left of a ball and a dog behind."

    def script(asked: dict[str, Any], times: int) -> Say:
        if image_of(asked):
            return Say.text(text)
        number = int(text_of(asked)[1:4])
        quotes = ["A red cube left of a ball", "a dog behind"]
        return Say.text(json.dumps({"sentences": [{"id": number, "quotes": quotes}]}))

    server = serve(script)
    endpoint = {"urls": [server.url], "model": "cutter", "retries": 0}
    caption(ws, server, decompose=endpoint)
    (claims,) = {tuple(text[e["start"] : e["end"]] for e in row["spans"]) for row in rows(ws, "caps", "spans")}
    assert claims == ("A red cube left of a ball", "a dog behind")
    assert rows(ws, "caps", "spans")[0]["segmenter"].startswith("clauses@1+")
    assert len(server.asked) == 4  # three captions, and one text to cut


def test_what_cannot_be_used_is_said_and_the_rest_goes_on(ws: Workspace, serve: Callable[..., Server]) -> None:
    said = {0: Say.text("Cut off", finish_reason="length"), 1: Say.text("<|im_start|>system"), 2: Say.text("Fine.")}
    order: dict[str, int] = {}

    def script(asked: dict[str, Any], times: int) -> Say:
        return said[order.setdefault(image_of(asked), len(order))]

    done = caption(ws, serve(script))
    assert done.made == {"layers/captions": 1, "layers/spans": 1}
    assert done.rejected == {"caption.length": 1, "text.special_token": 1}
    assert "raise max_tokens" in dict(rejects(ws, "caps"))["caption.length"]


def test_a_budget_stops_between_shards_and_the_next_run_goes_on(ws: Workspace, serve: Callable[..., Server]) -> None:
    server = serve(describe)
    first = caption(ws, server, budget={"max_calls": 2})
    assert first.stopped is not None
    done = caption(ws, server)
    assert done.stopped is None
    assert len(server.asked) == 3
    assert done.made["layers/captions"] == 3


def test_sources_captions_become_one_layer(ws: Workspace) -> None:
    done = run(ws, "given", "caption", **{"from": "corpus"})
    found = rows(ws, "given", "captions")
    assert [row["text"] for row in found] == ["A card.", "It reads 42.", "A white card."]  # each text once
    assert [row["sample"] for row in found] == [0, 1, 2]
    assert len({row["text_id"] for row in found}) == 3
    assert found[2]["meta"]["from"].startswith("img:")
    assert done.rejected == {}


def test_facts_become_captions_of_their_one_image(ws: Workspace) -> None:
    run(ws, "facts", "caption", **{"from": "facts"})
    (row,) = rows(ws, "facts", "captions")
    assert (row["text"], row["image"]) == (FACTS, images(ws)["2"])
    assert row["meta"] == {"from": "facts", "quality": "oracle"}


def test_descriptions_are_cut_out_of_responses(tmp_path: Path) -> None:
    answered = [
        {"text": "<description>Two cups.</description><think>So 2.</think>\\boxed{2}"},
        {"text": "<think>No description.</think>\\boxed{2}"},
        {"text": "<description>\n A dog. \n</description><think>x</think>\\boxed{2}"},
    ]
    ws = workspace(tmp_path, [shows(1, 1, responses=answered), shows(2, 1, responses=answered[:1])], [shows(3, 2)])
    run(ws, "seen", "caption", **{"from": "cards", "format": {"use": "describe_think_boxed"}})
    found = rows(ws, "seen", "captions")
    assert [(row["text"], row["sample"]) for row in found] == [("Two cups.", 0), ("A dog.", 2)]
    assert found[0]["meta"] == {"from": "cards/train/1#cards/0", "start": 13, "end": 22}
    assert [code for code, _ in rejects(ws, "seen")] == ["caption.no_description"]


def test_a_changed_shard_is_made_again_and_its_sharers_owner_too(tmp_path: Path) -> None:
    ws = workspace(tmp_path, [shows(1, 1)], [shows(2, 1), shows(3, 2, facts="two", facts_quality="oracle")])
    run(ws, "facts", "caption", **{"from": "facts"})
    assert [row["text"] for row in rows(ws, "facts", "captions")] == ["two"]
    more = shows(2, 1, facts="one", facts_quality="oracle")
    (tmp_path / "cards" / "1.jsonl").write_text(f"{json.dumps(more)}\n")
    run(ws, "cards", "build", use="toy_cards", path=tmp_path / "cards")
    run(ws, "facts", "caption", **{"from": "facts"})
    assert [row["text"] for row in rows(ws, "facts", "captions")] == ["one"]  # image 2 is gone, image 1 has facts now


def test_recipes_name_endpoints(tmp_path: Path) -> None:
    recipe = {
        "endpoints": {"vl": {"urls": ["http://h/v1"], "model": "big"}, "txt": {"urls": ["http://h/v1"], "model": "t"}},
        "sources": [{"use": "toy_cards", "path": "cards"}],
        "steps": {
            "caps": {"do": "caption", "with": "vl", "n": 2, "temperature": 0.7, "decompose": "txt"},
            "more": {"do": "caption", "use": {"llm": "vl", "max_tokens": 9}},
        },
    }
    (tmp_path / "recipe.yaml").write_text(json.dumps(recipe))
    steps = {item.name: step for item, step in steps_of(Recipe.load(tmp_path / "recipe.yaml"))}
    assert steps["caps"].captioner.endpoint.model == "big"
    assert (steps["caps"].captioner.n, steps["caps"].decompose.model) == (2, "t")
    assert steps["more"].captioner.max_tokens == 9


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "name a model with 'with', or captions that are there with 'from'"),
        ({"from": "facts", "endpoint": {"urls": ["http://h/v1"], "model": "m"}}, "name one of them"),
        ({"use": {"llm": {}, "other": {}}}, "'use' is a captioner"),
        ({"use": "lllm"}, "did you mean 'llm'"),
    ],
)
def test_wrong_options_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        make_step("caption", options)


def test_without_images_there_is_nothing_to_caption(tmp_path: Path) -> None:
    ws = workspace(tmp_path, [card(1), card(2)])
    with pytest.raises(UsageError, match="no example shows an image"):
        run(ws, "caps", "caption", **{"from": "facts"})


def test_a_step_without_texts_is_refused(tmp_path: Path) -> None:
    ws = workspace(tmp_path, [shows(1, 1)])
    with pytest.raises(UsageError, match="no source brought captions"):
        run(ws, "given", "caption", **{"from": "corpus"})
    with pytest.raises(UsageError, match="step 'cot' has no responses"):
        run(ws, "seen", "caption", **{"from": "cot"})


def test_an_estimate_counts_calls_and_sends_nothing(ws: Workspace, serve: Callable[..., Server]) -> None:
    server = serve(describe)
    step = make_step("caption", {"endpoint": {"urls": [server.url], "model": "m"}})
    plan = plan_step(ws, "caps", step)
    assert step.estimate(ws, "caps", plan.todo)["calls"] == 3
    assert step.needs() == ()
    assert server.asked == []
    assert make_step("caption", {"from": "facts"}).estimate(ws, "facts", []) == {}


def test_a_captioner_of_a_third_party_needs_one_method(ws: Workspace) -> None:
    done = run(ws, "caps", "caption", use={"toy_sizes": {"n": 2}})
    shown = images(ws)
    texts = {(row["image"], row["text"]) for row in rows(ws, "caps", "captions")}
    assert texts == {(shown[n], f"It is shown {times} times.") for n, times in (("1", 3), ("2", 3), ("3", 1))}
    assert done.made["layers/captions"] == 6
    assert rows(ws, "caps", "captions")[0]["meta"]["bytes"] > 50


def test_workers_make_the_same_rows(ws: Workspace, serve: Callable[..., Server]) -> None:
    server = serve(describe)
    caption(ws, server)
    one = rows(ws, "caps", "captions")
    run(ws, "twice", "caption", workers=2, endpoint={"urls": [server.url], "model": "m", "retries": 0})
    two = rows(ws, "twice", "captions")
    assert [row["text"] for row in one] == [row["text"] for row in two]
    assert len(server.asked) == 3


def test_a_view_carries_the_captions_of_its_rows_images(ws: Workspace, serve: Callable[..., Server]) -> None:
    caption(ws, serve(describe), n=2, temperature=0.5)
    view = View(ws, "captioned", ViewSpec(captions="caps"))
    for row in view:
        assert row["captions"] == ["Two cups. The sum is 42."] * 2 * len(row["image_info"])
    assert "captions" in view.to_dataset().features
    assert view.fingerprint != View(ws, "captioned", ViewSpec()).fingerprint
    with pytest.raises(UsageError, match="caps"):
        View(ws, "wrong", ViewSpec(captions="cups"))
