"""What a builder would make of a source, counted without a workspace."""

import json
from pathlib import Path

import pytest
from toys import write_lines

from perceptdata.errors import UsageError
from perceptdata.steps.build import Build
from perceptdata.steps.validate import validate

GOOD = {"id": "1", "question": "1 + 1?", "answer": "2"}
ROWS = [GOOD, {**GOOD, "id": "2"}, {**GOOD, "id": "1"}, {"id": "3", "question": "2 + 2?"}, "no JSON"]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(f"{row if isinstance(row, str) else json.dumps(row)}\n" for row in ROWS))
    return file


def test_counts_and_reasons(source: Path) -> None:
    found = validate(Build.of({"use": "auto", "path": source, "licence": "MIT", "corpus": "mine"}))
    assert (found.examples, found.failed, found.ok) == (2, 0, True)
    assert found.rejected == {"id.duplicate": 1, "answer.missing": 1, "row.unreadable": 1}
    assert [reject.key for reject in found.rejects] == ["1", "3", "rows/4"]
    assert found.uses == {("mine", "MIT", "train"): 2}
    assert found.stages == {"textual_reasoning": 2}
    assert found.to_json()["uses"] == [{"corpus": "mine", "licence": "MIT", "allowed_use": "train", "examples": 2}]


def test_a_limit_and_what_is_kept(source: Path) -> None:
    found = validate(Build.of({"use": "auto", "path": source, "limit": 2}), keep=1)
    assert (found.examples, len(found.kept)) == (2, 1)
    found = validate(Build.of({"use": "auto", "path": source}), keep=1)
    assert (len(found.rejects), found.rejected.total()) == (1, 3)
    with pytest.raises(UsageError, match="does not exist"):
        validate(Build.of({"use": "auto", "path": source / "x"}))


def test_rows_that_contradict_themselves(with_toys: None, tmp_path: Path) -> None:
    """A gold answer that its checker refuses, and a checker that takes anything."""
    wrong = {"text": "x", "accepts": ["y"] * 5, "checker": {"name": "vqa"}}
    lax = {
        "text": "x",
        "kind": "text",
        "checker": {"name": "anls", "args": {"threshold": 0}},
        "accepts": ["qxz such no"],
    }
    rows = [{"key": str(n), "question": "Which?", "answer": answer} for n, answer in enumerate((wrong, lax))]
    write_lines(tmp_path / "cards/00.jsonl", [{"stage": "textual_reasoning", **row} for row in rows])
    found = validate(Build.of({"use": "toy_cards", "path": tmp_path / "cards"}))
    assert found.rejected == {"answer.gold_fails": 1}
    assert len(found.lenient) == 1
    assert (found.failed, found.ok) == (2, False)


def test_the_flag_of_build(cli, source: Path) -> None:
    said = cli("build", "auto", "--source", source, "--validate")
    assert said.code == 0
    assert "auto: 2 examples (2 textual_reasoning)" in said.out
    assert "1 rejected: id.duplicate, such as 1: " in said.out
    assert "gold answers right by their own checker: 2 of 2" in said.out
    assert not (source.parent / "workspace").exists()
    assert json.loads(cli("build", "auto", "-s", source, "--validate", "--json").out)["examples"] == 2
    source.write_text('{"question": "1 + 1?"}\n{"question": "2 + 1?", "answer": null}\n')
    assert cli("build", "auto", "--source", source, "--validate").code == 1  # nothing is made of it
