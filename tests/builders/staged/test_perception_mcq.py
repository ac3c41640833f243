"""The packaged recipe as a user runs it: written out by `init`, against a scripted model server on the loopback."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from drawn import put_json
from PIL import Image

from perceptdata.errors import UsageError
from perceptdata.recipe import Recipe
from perceptdata.steps.packaged import packaged, write_packaged
from perceptdata.steps.pipeline import run_recipe
from perceptdata.steps.run import Outcome
from perceptdata.workspace import Workspace

from llm.server import Say, Server  # isort: skip

COLOURS = ("red", "blue", "green", "white", "black", "grey", "pink")
# What each model answers from the picture of bench n; from captions both are right but at 3, where `small` is wrong.
FROM_PICTURE = {0: "right", 1: "A red bench, I think", 2: "wrong", 3: "wrong", 4: "wrong", 5: "fails", 6: "wrong"}


def script(asked: dict[str, Any], times: int) -> Say:
    content = asked["messages"][-1]["content"]
    text = content if isinstance(content, str) else " ".join(part.get("text", "") for part in content)
    if "You set questions" in text:
        colour, n = re.findall(r"A (\w+) bench, number (\d)", text)[-1]
        options = dict(zip("ABCD", [colour, "violet", "brown", "gold"], strict=True))
        made = {"question": f"What colour is bench {n}?", "options": options, "answer": "A"}
        return Say.text(f"```json\n{json.dumps(made)}\n```")
    n = int(re.findall(r"What colour is bench (\d)", text)[0])
    options = dict(re.findall(r"^([A-D]): (\w+)$", text, re.MULTILINE))
    right = next(letter for letter, colour in options.items() if colour in COLOURS)
    wrong = next(letter for letter in "DCBA" if letter != right)
    if "Here is a description" in text:
        return Say.text(wrong if n == 3 and asked["model"] == "Qwen2.5-VL-7B-Instruct" else f"Answer: {right}")
    assert not isinstance(content, str)  # the picture is there
    if FROM_PICTURE[n] == "fails":
        return Say.text(None, finish_reason="content_filter")
    return Say.text({"right": right, "wrong": f"{wrong}."}.get(FROM_PICTURE[n], FROM_PICTURE[n]))


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(script) as opened:
        yield opened


@pytest.fixture
def recipe(server: Server, tmp_path: Path, cli: Callable[..., Any]) -> Path:
    """The recipe for seven captions, written by `init`, its endpoints all the scripted one."""
    rows = []
    for n, colour in enumerate(COLOURS):
        (tmp_path / "photos").mkdir(exist_ok=True)
        Image.new("RGB", (8, 8), colour).save(tmp_path / f"photos/{n}.png")
        rows.append({"id": f"p{n}", "image": f"{n}.png", "caption": f"A {colour} bench, number {n}, stands by a tree."})
    put_json(tmp_path / "captions.jsonl", rows)
    said = cli("init", "captions.jsonl", "--images", "photos", "--recipe", "perception_mcq", "--licence", "CC0-1.0")
    assert said.code == 0, said.err
    path = tmp_path / "recipe.yaml"
    written = yaml.safe_load(path.read_text())
    for endpoint in written["endpoints"].values():
        endpoint |= {"urls": [server.url], "retries": 0}
    return save(path, written)


def save(path: Path, recipe: dict[str, Any]) -> Path:
    path.write_text(yaml.safe_dump(recipe, sort_keys=False))
    return path


def run(path: Path) -> dict[str, Any]:
    ws = Workspace.create(path.parent / "workspace")
    with ws.lock("test"):
        return {next(iter(done.to_json().values())): done for done in run_recipe(ws, Recipe.load(path))}


def sifted(path: Path) -> dict[str, tuple[float | None, str]]:
    ws = Workspace(path.parent / "workspace")
    rows = ws.layer("sifted", "scores").to_table().to_pylist()
    return {row["example_id"][-1]: (row["value"], json.loads(row["meta"])["why"]) for row in rows}


def test_the_filter_and_its_quirks_cost_nothing_to_change(recipe: Path, server: Server) -> None:
    done = run(recipe)
    assert sifted(recipe) == {
        "0": (0.0, "looked_small right"),
        "1": (0.0, "looked_small unparsed"),
        "2": (1.0, "kept"),
        "3": (0.0, "told_small wrong"),
        "4": (1.0, "kept"),
        "5": (None, "looked_small missing"),
        "6": (1.0, "kept"),
    }
    assert done["perception"].rows == 3
    assert any("looked_small unparsed" in note for note in done["tally"].notes)
    asked = len(server.asked)
    assert asked == 7 + 4 * 7  # a question, and two passes of two models

    declared = yaml.safe_load(recipe.read_text())
    declared["steps"]["sifted"] |= {"missing": "wrong"}  # as the released filter counts it
    declared["format"] = {"use": "letter", "prose": True}  # "A red bench" is the answer A, which may be right
    run(save(recipe, declared))
    found = sifted(recipe)
    assert found["5"] == (1.0, "kept")
    assert found["1"][1] in ("kept", "looked_small right")
    declared["steps"]["sifted"] |= {"unparsed": "wrong"}
    declared["format"] = {"use": "letter"}
    run(save(recipe, declared))
    assert sifted(recipe)["1"] == (1.0, "kept")
    assert len(server.asked) == asked  # every reply was there


def test_all_that_was_said_is_a_layer(recipe: Path) -> None:
    run(recipe)
    ws = Workspace(recipe.parent / "workspace")
    looked = ws.layer("look_small", "responses").to_table().to_pylist()
    assert len(looked) == 6  # one was filtered, and is a reject
    assert {row["prompt_tokens"] for row in looked} == {10}
    assert ws.rejects("look_small").to_table().column("code").to_pylist() == ["generate.content_filter"]
    made = ws.examples("mcq").to_table().to_pylist()
    assert {(row["source"]["licence"], row["source"]["allowed_use"], row["source"]["corpus"]) for row in made} == {
        ("CC0-1.0", "train", "user")
    }
    photos = {row["images"][0]["sha256"] for row in ws.examples("photos").to_table(columns=["images"]).to_pylist()}
    assert {row["images"][0]["sha256"] for row in made} == photos
    assert not [file for step, _, _, file in ws.shards("images") if step == "mcq"]  # no picture is stored twice
    assert ws.view("perception")[0]["images"][0].size == (8, 8)


def test_a_second_run_asks_and_makes_nothing(recipe: Path, server: Server) -> None:
    run(recipe)
    asked = len(server.asked)
    again = [done for done in run(recipe).values() if isinstance(done, Outcome)]
    assert len(server.asked) == asked
    assert {done.step for done in again if done.skipped != done.shards} == set()


def test_a_changed_prompt_is_another_question(recipe: Path, server: Server) -> None:
    run(recipe)
    asked = len(server.asked)
    prompt = recipe.parent / "prompts/answer_from_image.v1.txt"
    prompt.write_text(prompt.read_text() + "Look twice.\n")
    run(recipe)
    assert len(server.asked) == asked + 14


def test_prompts_of_ones_own_are_kept(tmp_path: Path) -> None:
    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts/write_question.v1.txt").write_text("mine")
    text, written = write_packaged("perception_mcq", tmp_path / "c.jsonl", None, "internal", tmp_path / "r.yaml")
    assert (tmp_path / "prompts/write_question.v1.txt").read_text() == "mine"
    assert len(written) == 3
    assert "images" not in yaml.safe_load(text)["sources"][0]


def test_packaged_recipes_are_named() -> None:
    assert list(packaged()) == ["perception_mcq"]
    with pytest.raises(UsageError, match="did you mean 'perception_mcq'"):
        write_packaged("perception_mc", Path("c.jsonl"), None, "internal", Path("r.yaml"))
