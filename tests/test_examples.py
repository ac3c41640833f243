"""The examples, run as a reader would run them."""

import importlib
import json
import runpy
import shutil
import sys
from pathlib import Path

import pytest

from perceptdata.recipe import Recipe
from perceptdata.steps.pipeline import run_recipe
from perceptdata.workspace import Workspace


def test_own_data(root: Path, tmp_path: Path) -> None:
    shutil.copytree(root / "examples/own_data", tmp_path / "own")
    recipe = Recipe.load(tmp_path / "own/recipe.yaml")
    ws = Workspace.create(tmp_path / "own/workspace")
    with ws.lock("test"):
        done = {next(iter(each.to_json().values())): each.to_json() for each in run_recipe(ws, recipe)}
    assert done["charts"]["made"]["examples"] == 5
    assert done["charts"]["rejected"] == {"image.missing": 1}
    assert done["sft"]["rows"] == 3
    stages = {row["id"]: row["stage"] for row in ws.examples().to_table(columns=["id", "stage"]).to_pylist()}
    assert stages == {
        "charts/train/rain-1": "perception",
        "charts/train/rain-2": "visual_reasoning",
        "charts/train/sales-1": "perception",
        "charts/train/sales-2": "visual_reasoning",
        "charts/train/text-1": "textual_reasoning",
    }
    assert {row["id"] for row in ws.view("look_first")} == {"charts/train/rain-2", "charts/train/sales-2"}
    assert (tmp_path / "own/report.html").exists()
    assert json.loads((tmp_path / "own/out/export.json").read_text())["rows"] == 3


def test_python_api(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["python_api.py", str(tmp_path / "ws")])
    runpy.run_path(str(root / "examples/python_api.py"), run_name="__main__")
    said = capsys.readouterr().out
    assert "perception" in said
    assert "num_rows: 20" in said


def test_seeing_to_thinking(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(root / "examples/seeing_to_thinking")
    module = runpy.run_path(str(root / "examples/seeing_to_thinking/run.py"))
    done = {next(iter(each.to_json().values())): each.to_json() for each in module["main"](tmp_path)}
    assert done["mcq"]["rejected"] == {"caption_mcq.no_json": 1}
    assert (done["perception"]["rows"], done["textual"]["rows"], done["visual"]["rows"]) == (4, 6, 5)
    said = "\n".join(done["tally"]["notes"])
    assert "looked_large right" in said
    assert "view staged" in said
    staged = Workspace(tmp_path / "examples/workspace").view("staged")
    stages = [row["stage"] for row in staged]
    assert stages == ["perception"] * 4 + ["textual_reasoning"] * 6 + ["visual_reasoning"] * 5
    rows = [json.loads(line) for line in (tmp_path / "examples/out/perception/train.jsonl").read_text().splitlines()]
    assert {row["answer"] in "ABCD" for row in rows} == {True}
    assert all(0 <= row["pass_rate"] <= 1 for row in rows)


@pytest.mark.slow
def test_certified_captions(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in ("certified_captions", "certified_captions/panel"):
        monkeypatch.syspath_prepend(root / "examples" / folder)
    rows = importlib.import_module("run").main(tmp_path)
    came = [row.came for row in rows]
    assert came[0] == "certified (simulated readers)"
    assert all(each.startswith("refused: ") for each in came[1:5])
    assert came[3].endswith("it is not looking")
    assert came[5] == "certified for rewards (simulated readers)"
    assert came[6].startswith("refused: the surrogate does not surely follow perception")
    certified, lenient = (float(row.true) for row in rows[:2])
    assert lenient < 0.95 < float(rows[0].lower) <= certified  # the bound holds of what the oracle knows
