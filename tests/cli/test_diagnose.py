"""`perceptdata diagnose` and what is made of diagnoses, on the command line."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from diagnosis.answering import diagnosed, ones
from diagnosis.simulated import Simulated
from llm.server import Say, Server
from review.reading import fill_in

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
        assert pq.read_table(folder / "blame.parquet").num_rows == known.judged.wrong
        assert "Told by judges" in (folder / "index.html").read_text()
        planned = cli("review", "plan", "blamed", "--diagnosis", "diag", "--people", "ann", "--budget", 35)
        assert "texts on the errors screen" in planned.out
        assert "nobody has answered review 'blamed' yet" in cli("diagnose", "blame", "--audited", "blamed").err
        assert cli("review", "push", "--to", tmp_path / "sheets").code == 0
        fill_in(tmp_path / "sheets" / "ann.jsonl", lambda at, row: {**row, "verdict": "perception"})
        pulled = cli("review", "pull")
        assert "perceptdata diagnose blame --name diag --audited blamed" in pulled.out
        assert "said by people" in cli("diagnose", "blame", "--audited", "blamed").out
        assert "Told by people" in (folder / "index.html").read_text()
        both = cli("diagnose", "blame", *judges, "--audited", "blamed")
        assert (both.code, "the judge is right on 100.0 %" in both.out) == (0, True)
        assert "too few for people's word to count" in both.out
        assert "there is no review 'nowhere'" in cli("diagnose", "blame", *judges, "--audited", "nowhere").err
        again = ("review", "plan", "other", "--people", "ann", "--diagnosis")
        assert "leave --from and --captions out" in cli(*again, "diag", "--from", "diag_image").err
        assert "holds no diagnosis" in cli(*again, "nothing").err
        assert "name the judges" in cli("diagnose", "blame").err


def test_compare(cli: Cli, tmp_path: Path) -> None:
    before, after = keep(tmp_path / "before", 20, 80, 60), keep(tmp_path / "after", 60, 90, 160)
    said = cli("compare", before, after)
    assert said.out.startswith(f"{after} has +20.0 [+")
    assert "Reasoning gained more than perception." in " ".join(said.out.split())
    assert "40 items won, 0 lost, McNemar p = " in said.out
    assert (tmp_path / "comparison.html").exists()
    assert json.loads(cli("compare", before, after, "--json").out)["gains"][0]["a_r"]["difference"] == 0.5
    assert "a comparison of diagnoses would be written" in cli("compare", before, after, "--dry-run").out
    other = keep(tmp_path / "other", 10, 10, 10, 100)
    refused = cli("compare", before, other)
    assert (refused.code, "different items" in refused.err) == (2, True)
    assert cli("compare", before, other, "--intersection").code == 0
    assert cli("compare", before, tmp_path).code == 2


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
