"""A file of steps that a run adds to, also after it was cut off."""

import json
import math
from pathlib import Path

import pytest

from perceptdata.errors import UsageError, WorkspaceError
from perceptdata.trainer.lines import StepLines, read_lines


def test_lines_after_the_checkpoint_are_dropped(tmp_path: Path) -> None:
    path = tmp_path / "out" / "metrics.jsonl"
    log = StepLines(path)
    assert log.begin(1) is None
    log.add(*({"step": step, "loss": 1 / step} for step in range(1, 6)))
    assert StepLines(path).begin(4) == {"step": 3, "loss": 1 / 3}
    log.add({"step": 4})
    assert [line["step"] for line in read_lines(path)] == [1, 2, 3, 4]


def test_what_is_no_number_is_null(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    StepLines(path).add({"step": 1, "loss": math.nan, "inner": {"a": [math.inf, 2.0, (-math.inf,)]}, "text": "é\u2028"})
    assert "NaN" not in path.read_text("utf-8")
    assert json.loads(path.read_text("utf-8")) == {
        "step": 1,
        "loss": None,
        "inner": {"a": [None, 2.0, [None]]},
        "text": "é\u2028",
    }
    assert len(read_lines(path)) == 1  # U+2028 ends no line


def test_a_line_that_was_cut_off_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"step": 1}\n{"step": 2, "lo')
    assert read_lines(path) == [{"step": 1}]
    assert StepLines(path).begin(9) == {"step": 1}
    assert path.read_text() == '{"step": 1}\n'


def test_a_line_of_somebody_else_is_named(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"step": 1}\n{"stage": 2}\n{"step": 3}\n')
    with pytest.raises(UsageError, match=r"metrics\.jsonl, line 2: no object with a step"):
        read_lines(path)
    assert read_lines(tmp_path / "none.jsonl") == []


def test_a_file_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError, match="cannot be written"):
        StepLines(tmp_path).add({"step": 1})
