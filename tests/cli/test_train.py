"""`perceptdata train`: from a workspace's view, or from files, to a model; a dry run first."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from toys import card, picture, write_lines

Cli = Callable[..., Any]
Tiny = Callable[[str], Path]
SHORT = ("-o", "steps=1", "-o", "batch=2", "-o", "accumulate=1", "-o", "format.use=answer_only")


@pytest.fixture
def ws(cli: Cli, tmp_path: Path) -> Path:
    rows = [card(number, stage="visual_reasoning", question="<image>What?", images=["a.png"]) for number in range(4)]
    write_lines(tmp_path / "cards" / "0.jsonl", [*rows, card(9)])
    (tmp_path / "cards" / "a.png").write_bytes(picture(1))
    assert cli("build", "toy_cards", "-s", "cards", "--name", "cards", "-w", "ws").code == 0
    return tmp_path / "ws"


def test_a_view_is_exported_once_and_trained_on(cli: Cli, ws: Path, tiny: Tiny, tmp_path: Path) -> None:
    words = ("train", "sft", "-w", ws, "--view", "all", "--model", tiny("llava"), "--out", "out", *SHORT)
    said = cli(*words)
    assert said.code == 0, said.err
    assert "out/model: 1 steps on 5 rows, last loss" in said.out
    assert "perceptdata generate --local out/model" in said.out
    files = {path: path.stat().st_mtime_ns for path in (tmp_path / "out" / "view").rglob("*.parquet")}
    again = cli(*words, "--json")
    assert json.loads(again.out)["steps"] == 1
    assert {path: path.stat().st_mtime_ns for path in files} == files
    record = json.loads((tmp_path / "out" / "run.json").read_text())
    assert record["options"]["format"] == {"use": "answer_only"}


def test_a_view_that_changed_does_not_replace_the_rows_of_a_run(cli: Cli, ws: Path, tiny: Tiny, tmp_path: Path) -> None:
    words = ("train", "sft", "-w", ws, "--model", tiny("llava"), "--out", "out", *SHORT)
    assert cli(*words, "--view", "all").code == 0
    before = {path: path.read_bytes() for path in (tmp_path / "out" / "view").rglob("*.*")}
    said = cli(*words, "--view", "textual_reasoning")
    assert said.code == 2
    assert "out holds a run of another view, or of this one before it changed; name another --out" in said.err
    assert {path: path.read_bytes() for path in before} == before


def test_a_dry_run_says_what_would_be_done(cli: Cli, ws: Path, tiny: Tiny, tmp_path: Path) -> None:
    words = ("train", "sft", "-w", ws, "--view", "all", "--model", tiny("qwen3_vl"), "--out", "out", "--dry-run")
    said = cli(*words, *SHORT, "-o", "max_length=80", "-o", "lora.r=4")
    assert said.code == 0, said.err
    assert "sft: 3 of 5 rows (visual_reasoning 2, textual_reasoning 1)" in said.out
    assert "rejected 2: tokens.too_long 2" in said.out
    assert "tokens of row:" in said.out
    assert ", cut at 80" in said.out
    assert "╌ cut" in said.out
    assert "trained: 8,192 parameters; the model itself has 266,720" in said.out
    assert "steps: 1 of 2 rows, on 1 device(s)" in said.out
    assert "* lora, alone" in said.out
    assert " TFLOP/s that a product reached here" in said.out
    assert "checkpoints: out/checkpoints" in said.out
    assert not (tmp_path / "out").exists()
    assert json.loads(cli(*words, *SHORT, "--json").out)["stages"] == {"visual_reasoning": 4, "textual_reasoning": 1}


def test_a_dry_run_refuses_what_cannot_fit(cli: Cli, ws: Path, tiny: Tiny) -> None:
    words = ("train", "sft", "-w", ws, "--view", "all", "--model", tiny("qwen3_vl"), "--out", "out", *SHORT)
    said = cli(*words, "-o", "batch=4000", "--dry-run", "--gpus", 2, "--gpu-memory", 1)
    assert said.code == 2
    assert "* full, DDP                  2" in said.out
    assert "too much" in said.out
    assert "error: sft needs " in said.err
    assert "batch 1 (" in said.err
    said = cli(*words, "--gpus", 2)
    assert said.code == 2
    assert "--gpus and --gpu-memory go with --dry-run" in said.err


def test_an_exported_view_needs_no_workspace(cli: Cli, ws: Path, tiny: Tiny, tmp_path: Path) -> None:
    assert cli("export", "parquet", "--view", "all", "--to", "files", "-w", ws).code == 0
    ws.rename(tmp_path / "elsewhere")
    said = cli("train", "sft", "--rows", "files", "--model", tiny("llava"), "--out", "out", *SHORT)
    assert said.code == 0, said.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "name the rows once: --view VIEW of a workspace, or --rows FOLDER of an exported view"),
        (("--view", "all", "--rows", "x"), "name the rows once"),
        (("--rows", "x", "-o", "steps"), "-o takes KEY=VALUE, not 'steps'"),
        (("--rows", "x", "-o", "lora=3", "-o", "lora.r=4"), "-o lora.r: lora has a value of its own already"),
        (("--rows", "x", "-o", "stepz=4"), "unknown key 'stepz' (did you mean 'steps'?)"),
        (("--rows", "x"), "x is no exported view"),
        (("--view", "nothing"), "there is no view 'nothing'"),
    ],
)
def test_what_is_wrong_is_said(cli: Cli, ws: Path, tiny: Tiny, words: tuple[str, ...], message: str) -> None:
    said = cli("train", "sft", "--model", tiny("llava"), "--out", "out", "-w", ws, *words)
    assert said.code == 2
    assert said.err.startswith("error: ")
    assert message in said.err


def test_several_processes_train_on_files(cli: Cli, ws: Path, tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    said = cli("train", "sft", "-w", ws, "--view", "all", "--model", tiny("llava"), "--out", "out", *SHORT)
    assert said.code == 2
    assert "first: perceptdata export parquet --view all --to FOLDER, then train with --rows FOLDER" in said.err
