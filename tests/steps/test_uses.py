"""Who may train on what: rows for evaluation are refused, by corpus and number, unless somebody chooses otherwise."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from drawn import png, put, put_json

from perceptdata.errors import UsageError
from perceptdata.example import use_under
from perceptdata.registry import about
from perceptdata.steps.declared import make_output, make_step
from perceptdata.steps.run import run_step
from perceptdata.steps.uses import check_trained
from perceptdata.view import ViewSpec, define_view
from perceptdata.workspace import Workspace


@pytest.fixture
def ws(tmp_path: Path) -> Workspace:
    """Two rows to train on and one of a benchmark, whose split somebody called train."""
    picture = base64.b64encode(png("x")).decode()
    put(
        tmp_path / "bench/train.tsv",
        f"index\timage\tquestion\tA\tB\tanswer\n1\t{picture}\tWhich?\tred\tblue\tB\n".encode(),
    )
    put_json(tmp_path / "own.jsonl", [{"id": n, "question": f"How much is {n} + 1?", "answer": n + 1} for n in (1, 2)])
    made = Workspace.create(tmp_path / "ws")
    with made.lock("test"):
        run_step(
            made, "bench", make_step("build", {"use": "vlmevalkit", "path": tmp_path / "bench", "corpus": "Bench"})
        )
        run_step(made, "own", make_step("build", {"use": "auto", "path": tmp_path / "own.jsonl", "licence": "MIT"}))
    return made


def test_a_benchmark_is_not_trained_on_by_accident(ws: Workspace, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        make_output({"export": "jsonl", "view": "all", "to": tmp_path / "out"}).write(ws)
    said = str(caught.value)
    assert "view 'all' would train on rows that are for evaluation alone" in said
    assert "Bench (1 rows, unstated), such as bench/train/1" in said
    assert not (tmp_path / "out").exists()
    with pytest.raises(UsageError, match="Bench"):
        make_output({"train": "sft", "view": "all", "model": "m", "to": tmp_path / "run"}).write(ws)
    check_trained(ws.view("all"), ["Bench"])
    assert make_output({"export": "jsonl", "view": "all", "to": tmp_path / "out", "allow": "Bench"}).write(ws).rows == 3


def test_what_is_left_out_or_measured_is_nobodys_business(ws: Workspace) -> None:
    with ws.lock("test"):
        check_trained(define_view(ws, "rest", ViewSpec(where="source.allowed_use <> 'evaluate'")))
        check_trained(define_view(ws, "apart", ViewSpec(splits={"test": 1})))
        with pytest.raises(UsageError):
            check_trained(define_view(ws, "mixed", ViewSpec(splits={"train_rl": 1})))


def test_the_command_line_asks_too(ws: Workspace, cli: Any) -> None:
    refused = cli("export", "jsonl", "--to", "out", "-w", ws.path)
    assert (refused.code, "for evaluation alone" in refused.err) == (2, True)
    done = json.loads(cli("export", "jsonl", "--to", "out", "-w", ws.path, "--allow", "Bench", "--json").out)
    assert done["rows"] == 3


@pytest.mark.parametrize(
    ("licence", "use", "found"),
    [
        ("unstated", "train", "research"),
        (" Unknown ", "train", "research"),
        ("", "train", "research"),
        ("unstated", "evaluate", "evaluate"),
        ("MIT", "train", "train"),
        ("internal", "train", "train"),
    ],
)
def test_without_a_licence_rows_are_for_research(licence: str, use: Any, found: str) -> None:
    assert use_under(licence, use) == found


def test_builders_say_so(ws: Workspace) -> None:
    for name in ("clevr_count", "geoqa", "perception_r1", "asymmetric"):
        assert about("builders", name)["allowed_use"] == "research"
    assert about("builders", "gsm8k")["allowed_use"] == "train"


def test_an_exports_options_stand_beside_it(tmp_path: Path) -> None:
    output: Any = make_output({"export": "verl", "view": "rl", "images": "path"}, tmp_path)
    assert output.to == tmp_path / "out/verl-rl"
    with pytest.raises(UsageError, match=r"export verl: unknown key 'imags' \(did you mean 'images'\?\)"):
        make_output({"export": "verl", "view": "rl", "imags": "path"})
    with pytest.raises(UsageError, match="'images'"):
        make_output({"export": "verl", "view": "rl", "images": "paths"})
    with pytest.raises(UsageError, match="there is no exporter 'verll'"):
        make_output({"export": "verll"})
