"""Rows on disk at once; a torn line is forgotten, whole ones never."""

from pathlib import Path

import pytest

from perceptdata.errors import WorkspaceError
from perceptdata.layers import Producer, Reject, TokenScores
from perceptdata.steps.journal import Journal

MAKER = Producer(name="t", version="1", config="00000000")
SCORES = TokenScores(
    text_id="e#r",
    text_sha256="0" * 64,
    tokenizer="t",
    name="n",
    values=(0.1, 2.0),
    start=(0, 4),
    end=(4, 9),
    producer=MAKER,
)
REJECT = Reject(builder="t", split="s", key="f#r", code="a.b", message="Zeile\nzwei „é“", producer=MAKER)
ROWS = [("layers/token_scores", SCORES), ("rejects", REJECT)]


def test_rows_come_back_in_order(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "cache" / "a.jsonl")
    assert list(journal) == []
    journal.append(ROWS)
    journal.append(ROWS[:1])
    assert list(journal) == [*ROWS, ROWS[0]]


@pytest.mark.parametrize("cut", [1, 20, 60])
def test_a_torn_line_is_written_anew(tmp_path: Path, cut: int) -> None:
    journal = Journal(tmp_path / "a.jsonl")
    journal.append(ROWS)
    whole = journal.path.read_bytes()
    journal.path.write_bytes(whole[:-cut])
    assert list(journal) == ROWS[:1]
    journal.append(ROWS[1:])
    assert journal.path.read_bytes() == whole


def test_a_first_line_that_is_torn(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "a.jsonl")
    journal.path.write_bytes(b'["rejects", {"bui')
    assert list(journal) == []
    journal.append(ROWS)
    assert list(journal) == ROWS


def test_a_disk_that_refuses_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file where a folder should be")
    with pytest.raises(WorkspaceError, match="cannot be written"):
        Journal(tmp_path / "cache" / "a.jsonl").append(ROWS)
