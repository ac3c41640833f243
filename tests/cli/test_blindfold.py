"""`perceptdata blindfold` on the command line."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from llm.server import Say, Server, last
from toys import card, write_lines


def guesses(asked: dict[str, Any], times: int) -> Say:
    return Say.text("3" if "I see 3" in last(asked) else "4")


@pytest.fixture
def tagged(cli: Callable[..., Any], tmp_path: Path) -> None:
    write_lines(tmp_path / "cards" / "0.jsonl", [card(3)])
    assert cli("build", "toy_cards", "--source", "cards").code == 0
    assert cli("tag", "--use", "toy_words").code == 0


@pytest.mark.usefixtures("tagged")
def test_blindfold(cli: Callable[..., Any]) -> None:
    with Server(guesses) as server:
        options = ["--from", "tags", "--url", server.url, "--model", "m", "--format", "answer_only"]
        planned = cli("blindfold", *options, "--dry-run", "--json")
        assert json.loads(planned.out)["estimate"]["calls"] == 2
        assert server.asked == []
        stopped = cli("blindfold", *options, "--max-calls", "1", "--set", "endpoint={urls: [x], model: m}")
        assert stopped.code == 2  # --set wins, and that is no url
        done = cli("blindfold", *options)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("blind: 2 scores in ")
    assert "2 calls (0 cached)" in done.out
    rates, leaks = (
        line.strip().removeprefix("perceptdata sql ").strip('"')
        for line in done.out.splitlines()
        if line.startswith("  perceptdata sql")
    )
    assert sorted(json.loads(cli("sql", rates, "--json").out), key=lambda row: row["name"]) == [
        {"name": "blindfold", "rate": 1.0, "n": 1},
        {"name": "blindfold_control", "rate": 0.0, "n": 1},
    ]
    assert {row["leak"] for row in json.loads(cli("sql", leaks, "--json").out)} == {"true", None}


@pytest.mark.usefixtures("tagged")
def test_without_a_control_and_with_a_key(cli: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BLIND_KEY", "secret")
    with Server(guesses) as server:
        words = ["--from", "tags", "--url", server.url, "--model", "m", "--key-env", "BLIND_KEY", "--no-control"]
        done = cli("blindfold", *words, "--max-calls", "5", "--set", "format={use: answer_only}")
        assert server.keys == ["bearer secret"]  # the test server lowers its headers
    assert done.out.startswith("blind: 1 scores in ")


def test_wrong_use(cli: Callable[..., Any], tmp_path: Path) -> None:
    write_lines(tmp_path / "cards" / "0.jsonl", [card(3)])
    cli("build", "toy_cards", "--source", "cards")
    options = ["--url", "http://127.0.0.1:9/v1", "--model", "m"]
    missing = cli("blindfold", "--from", "tags", *options)
    assert (missing.code, missing.err) == (2, "error: step 'tags' has no spans; no step has\n")
