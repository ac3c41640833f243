"""`perceptdata diagnose` and what is made of diagnoses, on the command line."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from diagnosis.answering import diagnosed, ones
from diagnosis.simulated import Simulated
from llm.server import Say, Server

from perceptdata.diagnosis.continuation import Continuation
from perceptdata.diagnosis.diagnosis import conclude, load, save
from perceptdata.workspace import Workspace

Cli = Callable[..., Any]


def keep(folder: Path, a: int, a_p: int, a_r: int, of: int = 200) -> Path:
    """A diagnosis made by hand."""
    table = diagnosed(ones(a, of), ones(a_p, of), ones(a_r, of))
    told = Continuation(dialect="plain", honoured=True)
    save(conclude(folder.name, table, model="m", format={"use": "facts_trace"}, continuation=told), table, folder)
    return folder


def test_from_the_answers_to_the_blame(cli: Cli, tmp_path: Path) -> None:
    assert cli("build", "sudoku", "--set", "size=4", "--set", "rows={test: 40}").code == 0
    model = Simulated.of(Workspace(tmp_path / "workspace"), a_p=0.5, a_r=0.95)

    def script(asked: dict[str, Any], times: int) -> Say:
        if asked["model"] == "judge":
            return Say.text(json.dumps({"first_wrong": 1, "kind": "perception"}))
        return model(asked, times)

    with Server(script) as server:
        asked = ["--url", server.url, "--model", "m", "--only", "oracle", "--items", "40"]
        planned = json.loads(cli("diagnose", *asked, "--dry-run", "--json").out)
        assert planned["total"]["calls"] == 80
        assert list(planned["conditions"]) == ["image", "oracle"]
        said = cli("diagnose", *asked, "--dry-run")
        assert "in all: 80 calls (0 answered already)" in said.out
        assert server.asked == []
        stopped = cli("diagnose", *asked, "--max-calls", "5")
        assert stopped.code == 1
        assert "run the same command again to go on" in stopped.err
        done = cli("diagnose", *asked)
        assert done.code == 0, done.err
        assert done.out.startswith("Perception is the bottleneck")
        assert "answers: right " in done.out
        found = json.loads(cli("diagnose", *asked, "--json").out)
        assert found["rates"][0]["bottleneck"]["verdict"] == "perception"
        folder = tmp_path / "workspace" / "diagnosis" / "diag"
        assert {path.name for path in folder.iterdir()} == {"diagnosis.json", "answers.parquet", "index.html"}
        judges = ["--url", server.url, "--model", "judge"]
        assert "judge: " in cli("diagnose", "blame", *judges, "--dry-run").out
        assert list(json.loads(cli("diagnose", "blame", *judges, "--dry-run", "--json").out)) == ["judge"]
        blamed = cli("diagnose", "blame", *judges)
        assert blamed.code == 0, blamed.err
        assert "wrong answers, 0 of them without a word" in blamed.out
        assert "the judge is right on" in blamed.out
        shares = {each["kind"]: each for each in json.loads(cli("diagnose", "blame", *judges, "--json").out)["shares"]}
        assert shares["perception"]["said"] == 1.0
        known, _ = load(folder)
        assert known.judged is not None
        assert "Told by judges" in (folder / "index.html").read_text()
        audit = cli("diagnose", "blame", "--audit", "5")
        assert "fill in 'kind'" in audit.out
        file = folder / "audit" / "audit.jsonl"
        lines = [json.loads(line) for line in file.read_text().splitlines()]
        assert len(lines) == 5
        assert (folder / "audit" / lines[0]["pictures"][0]).read_bytes().startswith(b"\x89PNG")
        assert cli("diagnose", "blame", "--audit", "5").code == 2  # somebody may be filling it in
        lines[0]["kind"] = "perception"
        file.write_text("".join(json.dumps(line) + "\n" for line in lines))
        assert cli("diagnose", "blame", *judges, "--audited", file).code == 0
        lines[0]["kind"] = "fate"
        file.write_text("".join(json.dumps(line) + "\n" for line in lines))
        wrong = cli("diagnose", "blame", *judges, "--audited", file)
        assert (wrong.code, "'fate' is no kind" in wrong.err) == (2, True)
        file.write_text(json.dumps({"kind": "reasoning", "address": "nobody"}) + "\n")
        assert "is no wrong answer" in cli("diagnose", "blame", *judges, "--audited", file).err
        file.write_text("{\n")
        assert "no JSON object" in cli("diagnose", "blame", *judges, "--audited", file).err
        assert "is not there" in cli("diagnose", "blame", *judges, "--audited", "nowhere").err
        assert "name the judges" in cli("diagnose", "blame").err


def test_compare(cli: Cli, tmp_path: Path) -> None:
    before, after = keep(tmp_path / "before", 20, 80, 60), keep(tmp_path / "after", 60, 90, 160)
    said = cli("diagnose", "compare", before, after)
    assert said.out.startswith("all items (200): reasoning gained more\n  a: +20.0 [+")
    assert "40 won, 0 lost, McNemar p = " in said.out
    assert json.loads(cli("diagnose", "compare", before, after, "--json").out)[0]["a_r"]["difference"] == 0.5
    other = keep(tmp_path / "other", 10, 10, 10, 100)
    refused = cli("diagnose", "compare", before, other)
    assert (refused.code, "different items" in refused.err) == (2, True)
    assert cli("diagnose", "compare", before, tmp_path).code == 2


def test_sweep(cli: Cli, tmp_path: Path) -> None:
    one, two = keep(tmp_path / "one", 20, 80, 160), keep(tmp_path / "two", 60, 120, 150)
    said = cli("diagnose", "sweep", f"standard={one}", f"0.3={two}", "--to", "pages/frontier.html")
    assert said.code == 0, said.err
    assert "0.3: a 30.0 %" in said.out
    assert "+20.0 [" in said.out
    assert "Perception against reasoning" in (tmp_path / "pages" / "frontier.html").read_text()
    assert [each["frontier"] for each in json.loads(cli("diagnose", "sweep", f"a={one}", f"b={two}", "--json").out)]
    assert "two runs at least" in cli("diagnose", "sweep", f"a={one}").err
    assert "is not NAME=VALUE" in cli("diagnose", "sweep", "one", "two").err


def test_advice_and_its_check(cli: Cli, tmp_path: Path) -> None:
    base, probe = keep(tmp_path / "base", 70, 80, 180), keep(tmp_path / "probe", 100, 120, 175)
    said = cli("diagnose", "advise", base, "--probe", f"lambda=0.3:{probe}", "--base", "lambda=0.05")
    assert said.code == 0, said.err
    assert said.out.startswith("set lambda to 0.")
    assert "log-odds of a_p +" in said.out
    assert "perceptdata diagnose check --advice advice.json" in said.out
    checking = ["--advice", "advice.json", "--before", base, "--set", "lambda=0.3"]
    held = cli("diagnose", "check", *checking, "--after", probe)
    assert (held.code, held.out.splitlines()[-1]) == (0, "the forecast: held")
    missed = cli("diagnose", "check", *checking, "--after", keep(tmp_path / "bad", 10, 120, 20), "--json")
    assert (missed.code, json.loads(missed.out)["verdict"]) == (1, "missed")
    assert "perception limits" in json.loads(cli("diagnose", "advise", base, "--dry-run", "--json").out)["sentence"]
    for words, why in (
        (["advise", base, "--probe", "lambda=0.3"], "takes KIND=VALUE:FOLDER"),
        (["advise", base, "--probe", f"lambda=much:{probe}"], "takes a number"),
        (["advise", base, "--base", "alpha=0.1"], "of which there is no probe"),
        (["check", "--advice", "nowhere", "--before", base, "--after", probe, "--set", "a=1"], "holds no advice"),
    ):
        refused = cli("diagnose", *words)
        assert (refused.code, why in refused.err) == (2, True), refused.err


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--only", "sleeping"], "there is no condition 'sleeping'"),
        (["--url", "http://127.0.0.1:9/v1"], "model"),
        ([], "name one model"),
    ],
)
def test_wrong_use(cli: Cli, words: list[str], why: str) -> None:
    cli("build", "sudoku", "--set", "size=4", "--set", "rows={test: 2}")
    refused = cli("diagnose", *words)
    assert (refused.code, why in refused.err) == (2, True), refused.err
