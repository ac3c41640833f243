"""`perceptdata score` on the command line."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from toys import card, write_lines


def test_score(cli: Callable[..., Any], tmp_path: Path) -> None:
    tries = [{"text": "2 + 1\nA: 3"}, {"text": "2 + 2\nA: 4"}]
    write_lines(tmp_path / "cards" / "0.jsonl", [card(3, responses=tries)])
    assert cli("build", "toy_cards", "--source", "cards").code == 0
    planned = cli("score", "--from", "toy_cards", "--dry-run", "--json")
    assert json.loads(planned.out)["todo"] == 1
    done = cli("score", "--from", "toy_cards", "--set", "labels=[A]")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("pass: 4 scores in ")
    query = done.out.splitlines()[2].strip().removeprefix("perceptdata sql ").partition('" --')[0].strip('"')
    table = cli("sql", query, "--json")
    assert sorted(json.loads(table.out), key=lambda row: row["name"]) == [
        {"name": "correct", "rate": 0.5, "n": 2},
        {"name": "format", "rate": 1.0, "n": 2},
    ]


def test_wrong_use(cli: Callable[..., Any], tmp_path: Path) -> None:
    write_lines(tmp_path / "cards" / "0.jsonl", [card(3)])
    cli("build", "toy_cards", "--source", "cards")
    missing = cli("score", "--from", "toy_cards")
    assert (missing.code, missing.err) == (2, "error: step 'toy_cards' has no responses; no step has\n")
    unknown = cli("score", "--from", "response", "--format", "boxed")
    assert unknown.code == 2
    assert "there is no format 'boxed'" in unknown.err
