"""`perceptdata curate …`, as a person types it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from curation.cards import corpus
from toys import card, write_lines


@pytest.fixture
def at(cli: Callable[..., Any], tmp_path: Path) -> Callable[..., Any]:
    corpus(tmp_path / "cards")
    assert cli("build", "toy_cards", "--source", "cards", "--name", "cards").code == 0
    return cli


def test_dedup_says_what_it_found_and_split_keeps_it_together(at: Callable[..., Any]) -> None:
    planned = at("curate", "dedup", "--dry-run")
    assert "dedup: 2 of 2 shards to make" in planned.out
    said = at("curate", "dedup", "--workers", "1")
    assert (said.code, said.err) == (0, "")
    assert "  unique: 12\n  duplicate: 6\n  duplicate by exact: 4\n" in said.out
    assert "kept, of one template with another: 4" in said.out
    found = json.loads(
        at("curate", "dedup", "--exact", "--name", "exact", "--prefer", "cards", "--workers", "1", "--json").out
    )
    assert found["found"] == {
        "unique": 14,
        "duplicate": 4,
        "duplicate by exact": 4,
        "kept, of one template with another": 4,
    }
    command = ("curate", "split", "--into", "train=0.7", "--into", "test=0.3", "--from", "dedup", "--view", "held")
    said = at(*command, "--workers", "1", "--json")
    sides = json.loads(said.out)["found"]
    assert sum(sides.values()) == 18
    assert set(sides) <= {"train", "test"}
    assert json.loads(at("sql", "select count(*) as n from sides", "--json").out) == [{"n": 18}]
    assert "error: --into takes KEY=VALUE" in at("curate", "split", "--into", "train").err


def test_guard_and_decontaminate(at: Callable[..., Any], tmp_path: Path) -> None:
    write_lines(tmp_path / "bench" / "a.jsonl", [card(14, question="What is 3 + 4?"), "not json"])
    said = at("curate", "guard", "toy_cards", "--source", "bench", "--name", "bench", "--out", "guards/bench.parquet")
    assert "guard bench: 1 items in guards/bench.parquet" in said.out
    assert "rejected 1" in said.out
    as_json = at(
        "curate", "guard", "toy_cards", "--source", "bench", "--out", "other/b.parquet", "--salt", "s", "--json"
    )
    assert json.loads(as_json.out)["items"] == 1
    said = at("curate", "decontaminate", "--guards", "guards", "--workers", "1")
    assert "  clean: 17\n  leaking: 1\n  leaking by exact: 1\n" in said.out
    assert "kept, with template_twin: 1" in said.out
    assert at("curate", "decontaminate", "--guards", "nowhere").code == 2


def test_difficulty(at: Callable[..., Any], tmp_path: Path) -> None:
    tries = {"responses": [{"text": "0"}, {"text": "1"}]}
    write_lines(tmp_path / "tried" / "a.jsonl", [card(0, **tries), card(1, **tries), card(2)])
    at("build", "toy_cards", "--source", "tried", "--name", "tried")
    assert at("score", "--from", "tried", "--name", "pass").code == 0
    said = at("curate", "difficulty", "--from", "pass", "--workers", "1")
    assert "difficulty: 3 scores" in said.out
    rates = json.loads(at("sql", "select value from difficulty order by example_id", "--json").out)
    assert [row["value"] for row in rates] == [0.5, 0.5, None]
    assert at("curate", "difficulty", "--from", "nothing").code == 2
