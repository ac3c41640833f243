"""The table of what became of the rows."""

import csv
from pathlib import Path
from typing import Any

import pytest
from drawn import put_json

from perceptdata.errors import UsageError
from perceptdata.steps.declared import make_output, make_step
from perceptdata.steps.run import run_step
from perceptdata.view import ViewSpec, define_view
from perceptdata.workspace import Workspace

ROWS = [
    {"question": f"How much is {n} + 1?", "answer": str(n + 1), "response": f"\\boxed{{{n + 1 if n < 3 else 0}}}"}
    for n in range(5)
]


@pytest.fixture
def ws(tmp_path: Path) -> Workspace:
    put_json(tmp_path / "own.jsonl", [*ROWS, {"question": "And?", "answer": ""}])
    made = Workspace.create(tmp_path / "ws")
    with made.lock("test"):
        run_step(made, "own", make_step("build", {"use": "auto", "path": tmp_path / "own.jsonl"}))
        run_step(made, "sane", make_step("score", {"from": "response"}))
        run_step(made, "easy", make_step("sift", {"right": ["sane"]}))
        define_view(made, "rl", ViewSpec(where="easy.kept"))
    return made


def test_the_table(ws: Workspace, tmp_path: Path) -> None:
    written = make_output({"tally": "easy", "to": tmp_path / "deep/kept.csv"}).write(ws)
    with (tmp_path / "deep/kept.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    assert rows == [
        ["of", "what", "why", "rows"],
        ["own", "made", "", "5"],
        ["own", "rejected", "answer.missing", "1"],
        ["easy", "kept", "", "3"],
        ["easy", "dropped", "sane wrong", "2"],
        ["view rl", "chosen", "textual_reasoning", "3"],
    ]
    assert [note.split()[-1] for note in written.notes] == ["5", "1", "3", "2", "3"]
    assert len({len(note) for note in written.notes}) == 1  # a table stands in columns
    assert make_output({"tally": []}).write(ws).rows == 3


def test_a_step_without_scores_is_refused(ws: Workspace) -> None:
    with pytest.raises(UsageError, match="step 'own' has no scores"):
        make_output({"tally": ["own"]}).write(ws)


def test_sift_from_a_shell(ws: Workspace, cli: Any) -> None:
    said = cli("sift", "--wrong", "sane", "--name", "hard", "-w", ws.path)
    assert said.code == 0, said.err
    assert "hard: 5 scores" in said.out
    why = cli("sql", "select meta->>'why' as why, count(*) from hard group by all order by 1", "-w", ws.path, "--json")
    assert '"kept"' in why.out
    assert '"sane right"' in why.out
    assert cli("sift", "-w", ws.path).code == 2
