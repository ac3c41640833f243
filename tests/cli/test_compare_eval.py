"""`perceptdata compare`, `eval`, `eval import` and `corrupt`, as a shell runs them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from harnesses import vlmevalkit
from toys import card, write_lines


def test_from_result_files_to_a_page(cli: Callable[..., Any], tmp_path: Path) -> None:
    for name, right in (("base", frozenset({0, 1})), ("tuned", frozenset({0, 1, 2, 3}))):
        vlmevalkit(tmp_path / name, model=name, right=right)
    done = cli("eval", "import", "base")
    assert done.code == 0, done.err
    assert "MathVerse_MINI_Vision_Only" in done.out
    assert "note: MMStar: 1 unreadable answers" in done.out
    done = cli("eval", "import", "tuned", "--baseline", "results/base", "--json")
    assert done.code == 0, done.err
    told = json.loads(done.out)
    rows = {row["benchmark"]: row for row in told["baseline"]["benchmarks"]}
    assert (rows["MMStar"]["wins"], rows["MMStar"]["losses"], rows["MMStar"]["verdict"]) == (2, 0, "too_few")
    done = cli("compare", "results/base", "results/tuned", "--to", "pages/it.html")
    assert done.code == 0, done.err
    assert "too few items" in done.out
    page = (tmp_path / "pages" / "it.html").read_text("utf-8")
    assert "base → tuned" in page
    assert "Which is number" in page
    assert cli("compare", "results/base", "results/tuned", "--dry-run").out.startswith("comparison.html: a comparison")
    dry = cli("eval", "import", "base", "--to", "other", "--dry-run")
    assert "answers would be written" in dry.out
    assert not (tmp_path / "other").exists()


def test_different_items_are_wrong_usage(cli: Callable[..., Any], tmp_path: Path) -> None:
    for name in ("base", "tuned"):
        vlmevalkit(tmp_path / name, model=name)
    for path in (tmp_path / "tuned").rglob("*DynaMath*"):
        path.unlink()
    assert cli("eval", "import", "base").code == 0
    assert cli("eval", "import", "tuned").code == 0
    done = cli("compare", "results/base", "results/tuned")
    assert done.code == 2
    assert "DynaMath: 3 only in base" in done.err
    done = cli("compare", "results/base", "results/tuned", "--intersection", "--json")
    assert json.loads(done.out)["notes"][0].startswith("compared on the")
    assert cli("eval", "import", "base", "--metric", "x").code == 2


def test_a_suite_as_a_folder(cli: Callable[..., Any], tmp_path: Path) -> None:
    done = cli("eval", "some/model", "--suite", "paper-c")
    assert done.code == 0, done.err
    folder = tmp_path / "eval" / "paper-c-model"
    assert {path.name for path in folder.iterdir()} == {"README.md", "launch.py", "run.sh", "suite.json"}
    assert "not in vlmevalkit: Geometry3K, MMK12" in done.out
    dry = cli("eval", "some/model", "--suite", "paper-b", "--with", "lmms-eval", "--dry-run", "--json")
    assert json.loads(dry.out)["harness"] == "lmms-eval"
    for wrong in (["--suite", "paper-x"], ["--suite", "paper-b", "--with", "lm-eval"]):
        assert cli("eval", "some/model", *wrong).code == 2


def test_corrupt_and_compare_layers(cli: Callable[..., Any], tmp_path: Path) -> None:
    write_lines(tmp_path / "cards" / "0.jsonl", [card(at) for at in range(30)])
    assert cli("build", "toy_cards", "--source", "cards").code == 0
    done = cli("tag", "--use", "toy_words", "--name", "tags")
    assert done.code == 0, done.err
    done = cli("corrupt", "--from", "tags", "--flip", "0.3", "--name", "flipped")
    assert done.code == 0, done.err
    assert "perceptdata compare tags flipped" in done.out
    done = cli("compare", "tags", "flipped")
    assert done.code == 0, done.err
    assert "perception → reasoning" in done.out
    assert cli("corrupt", "--from", "tags", "--name", "nothing").code == 2
