"""A plan as it is written: what stands where, and a sentence for everything that cannot be meant."""

from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from perceptdata.errors import UsageError
from perceptdata.trainer.plan import Plan

PLAN: dict[str, Any] = {
    "model": "Qwen3-VL-8B-Instruct",
    "rows": "view",
    "out": "runs/staged",
    "method": "seeing_to_thinking",
    "options": {"epochs": 15, "lora": {"r": 8}},
    "stages": [
        {"name": "perception"},
        {"name": "textual_reasoning", "options": {"train": ["language"], "lora": None, "learning_rate": 3e-7}},
        {"name": "looking", "of": ["visual_reasoning"], "method": "sft", "model": "previous"},
    ],
}


def plan(**more: Any) -> Plan:
    return Plan.of({**PLAN, **more}, Path("folder"))


def test_options_of_a_stage_stand_over_those_of_the_plan() -> None:
    perception, text, looking = [plan().method_of(stage) for stage in plan().stages]
    assert (perception.method, perception.epochs, perception.learning_rate) == ("seeing_to_thinking", 15, 1e-6)
    assert perception.lora is not None
    assert (text.train, text.lora, text.learning_rate, text.epochs) == (("language",), None, 3e-7, 15)
    assert (looking.method, looking.epochs) == ("sft", 15)


def test_paths_begin_at_the_folder_and_a_hub_name_is_none(tmp_path: Path) -> None:
    (tmp_path / "base").mkdir()
    stages = [{"name": "perception", "rows": "mine"}, {"name": "visual_reasoning", "model": "base"}]
    found = Plan.of({**PLAN, "stages": stages, "curriculum": {"difficulty": "rates.json"}}, tmp_path)
    assert (found.rows, found.out, found.model) == (tmp_path / "view", tmp_path / "runs/staged", PLAN["model"])
    assert found.stages[0].rows == found.view_of(found.stages[0]) == tmp_path / "mine"
    assert [stage.model for stage in found.stages] == ["previous", str(tmp_path / "base")]
    assert [found.model_of(stage) for stage in found.stages] == [PLAN["model"], str(tmp_path / "base")]
    assert found.curriculum is not None
    assert found.curriculum.file == tmp_path / "rates.json"
    assert [found.capabilities_of(stage) for stage in found.stages] == [None, ("visual_reasoning",)]


NAMES = [stage["name"] for stage in PLAN["stages"]]


@pytest.mark.parametrize("order", [each for some in (1, 2, 3) for each in permutations(NAMES, some)])
def test_every_order_and_every_part_of_one(order: tuple[str, ...]) -> None:
    assert tuple(stage.name for stage in plan(order=order).stages) == order


def test_a_curriculum_gives_the_order_of_rows() -> None:
    found = plan(curriculum={})
    assert found.method_of(found.stages[0]).order == "view"
    assert plan().method_of(plan().stages[0]).order == "random"
    with pytest.raises(UsageError, match="stage perception: a curriculum gives the order of rows"):
        plan(curriculum={}, options={"order": "random"})


def stages(**more: Any) -> dict[str, Any]:
    return {"stages": [{"name": "perception", **more}]}


MERGED: dict[str, Any] = {"schedule": "merged", "options": {"epochs": 2}}


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"modle": "x"}, r"unknown key 'modle' \(did you mean 'model'\?\)"),
        (stages(optoins={}), r"unknown key 'stages.0.optoins' \(did you mean 'options'\?\)"),
        (stages(options={"lerning_rate": 1}), "stage perception: train .*did you mean 'learning_rate'"),
        (stages(options={"train": ["tower"]}), "stage perception: train seeing_to_thinking: 'train.0'"),
        (stages(method="sfft"), "stage perception: there is no training method 'sfft'; did you mean 'sft'"),
        (stages(of=["seeing"]), "stages.0.of"),
        ({"stages": []}, "stages"),
        ({"stages": [{"name": "percepton"}]}, r"stage percepton names no rows; did you mean 'perception'\?"),
        ({"stages": [{"name": "first"}]}, r"names no rows; there are perception, .* or give it 'of: \[perception\]'"),
        ({"stages": [{"name": "perception"}, {"name": "perception", "of": ["perception"]}]}, "no other stage's name"),
        ({"stages": [{"name": "Stage 1", "rows": "x"}]}, "'Stage 1' cannot name a stage"),
        ({"order": ["perceptoin"]}, "'order' names 'perceptoin', which is no stage; did you mean 'perception'"),
        ({"order": ["perception", "perception"]}, "'order' names 'perception' twice"),
        ({"schedule": "circular"}, "schedule"),
        ({"curriculum": {"capability": True}}, "capability orders the rows of schedule: merged"),
        ({"schedule": "merged"}, "stages perception and textual_reasoning differ in lora, train, learning_rate; a mer"),
        (MERGED, "differ in train, learning_rate"),
        ({**MERGED, "stages": [{"name": "perception"}, PLAN["stages"][2]]}, "differ in method"),
    ],
)
def test_what_is_wrong_is_said(more: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        plan(**more)


def test_a_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "plan.yaml"
    with pytest.raises(UsageError, match=r"plan.yaml cannot be read .*; docs/training.md shows one"):
        Plan.load(path)
    path.write_text("[1]")
    with pytest.raises(UsageError, match=r"plan\.yaml is not a plan: it has no keys"):
        Plan.load(path)
    path.write_text("model: x\nmodel: y\n")
    with pytest.raises(UsageError, match="the key 'model' stands twice"):
        Plan.load(path)
    path.write_text("model: x\n")
    with pytest.raises(UsageError, match=r"plan\.yaml: 'rows' is required; 'out' is required"):
        Plan.load(path)
