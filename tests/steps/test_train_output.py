"""The recipe's output `train:` : one run, or one for each value of an option."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from toys import card, write_lines

from perceptdata.errors import UsageError
from perceptdata.recipe import Recipe
from perceptdata.steps.declared import Shared, make_output
from perceptdata.steps.output import Written
from perceptdata.steps.pipeline import run_recipe
from perceptdata.steps.train import Train
from perceptdata.workspace import Workspace

Tiny = Callable[[str], Path]
SHORT = {"steps": 1, "batch": 2, "accumulate": 1}


def made(**options: Any) -> Train:
    found = make_output({"train": "sft", "view": "sft", "model": "m", "to": "runs", **options})
    assert isinstance(found, Train)
    return found


def test_a_list_makes_a_run_of_each_value() -> None:
    runs = made(**{"lambda": [0.1, 0.3, "ngdiff"]}, learning_rate=3e-6).runs()
    assert list(runs) == ["lambda=0.1", "lambda=0.3", "lambda=ngdiff"]
    assert [run.model_dump()["lambda_"] for run in runs.values()] == [0.1, 0.3, "ngdiff"]
    assert {run.learning_rate for run in runs.values()} == {3e-6}


def test_two_lists_make_every_combination() -> None:
    runs = made(**{"lambda": [0.1, 0.3]}, options={"seed": [1, 2]}).runs()
    assert list(runs) == ["lambda=0.1,seed=1", "lambda=0.1,seed=2", "lambda=0.3,seed=1", "lambda=0.3,seed=2"]


def test_an_option_that_is_a_list_is_one_value() -> None:
    (run,) = made(train="grpo", options={"train": ["language", "head"], "band": [0.1, 0.9]}).runs().values()
    assert run.train == ("language", "head")
    assert run.model_dump()["band"] == (0.1, 0.9)
    assert list(made(options={"lora": [{"r": 4}, {"r": 8}]}).runs()) == ["lora={'r': 4}", "lora={'r': 8}"]


def test_the_recipes_format_is_the_runs() -> None:
    declared = {"train": "sft", "view": "sft", "model": "m", "to": "runs"}
    shared = Shared(format={"use": "answer_only"})
    for more, use in (({}, "answer_only"), ({"format": {"use": "think_boxed"}}, "think_boxed")):
        output = make_output({**declared, **more}, shared=shared)
        assert isinstance(output, Train)
        assert output.runs()[""].format == {"use": use}
    assert make_output({"report": "x.html"}, shared=shared).name == "report"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lamda": [0.1, 0.3]}, r"train sft: unknown key 'lamda' \(did you mean 'lambda'\?\)"),
        ({"lambda": [0.1, 1.3]}, "lambda is 1.3; write a number from 0 to 1"),
        ({"lambda": []}, "'lambda' is an empty list; give it one value, or several"),
        ({"train": "sff"}, "there is no training method 'sff'; did you mean 'sft'"),
        ({"model": None}, "'model'"),
        ({"options": {"seeds": 1}}, "unknown key 'seeds'"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_made(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        made(**options)


@pytest.mark.usefixtures("with_toys")
def test_a_recipe_trains(tiny: Tiny, tmp_path: Path) -> None:
    write_lines(tmp_path / "cards" / "0.jsonl", [card(number) for number in range(4)])
    train = {
        "train": "sft",
        "view": "all",
        "model": str(tiny("qwen2_5_vl")),
        "to": "runs",
        "lambda": [0.2, "standard"],
        **SHORT,
    }
    declared = {
        "sources": [{"use": "toy_cards", "path": "cards"}],
        "format": {"use": "answer_only"},
        "outputs": [train],
    }
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(declared, sort_keys=False))
    recipe = Recipe.load(tmp_path / "recipe.yaml")
    ws = Workspace.create(tmp_path / "workspace")

    def run() -> Written:
        with ws.lock("test"):
            (*_, last) = run_recipe(ws, recipe)
        assert isinstance(last, Written)
        return last

    written = run()
    folders = [tmp_path / "runs" / name for name in ("lambda=0.2", "lambda=standard")]
    assert written.files == [folder / "model" for folder in folders]
    assert written.rows == 8
    records = [json.loads((folder / "run.json").read_text()) for folder in folders]
    assert [record["options"]["lambda"] for record in records] == [0.2, "standard"]
    assert {record["options"]["format"]["use"] for record in records} == {"answer_only"}
    exported = (tmp_path / "runs/view/export.json").stat().st_mtime_ns
    assert run() == written  # what is trained is trained
    assert (tmp_path / "runs/view/export.json").stat().st_mtime_ns == exported
    assert [json.loads((folder / "run.json").read_text()) for folder in folders] == records
