"""What a training run recorded of perception, and what each part of a trace owes to the picture."""

import json
from pathlib import Path

import pytest

from perceptdata import registry
from perceptdata.diagnosis.shares import dependency, over_training
from perceptdata.errors import UsageError


def test_over_training(tmp_path: Path) -> None:
    lines = [{"step": step, "loss": 1.0, "token_share": 0.05, "loss_share": 1 / step} for step in range(1, 21)]
    lines[4]["loss_share"] = None
    for line in lines[::10]:  # a distillation run measures leakage every so often
        line["palr/all"] = 0.1 * line["step"]
    (tmp_path / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    found = over_training(tmp_path)
    assert [each.name for each in found.courses] == ["token_share", "loss_share", "palr/all"]
    assert found.curves["palr/all"] == ((1, 0.1), (11, pytest.approx(1.1)))
    loss = found.courses[1]
    assert (loss.steps, loss.first) == (19, 1.0)  # a tenth of 19 steps is one
    assert loss.last == pytest.approx(1 / 20)
    assert found.courses[0].mean == pytest.approx(0.05)
    assert found.curves["token_share"][0] == (1, 0.05)


def test_a_run_that_recorded_nothing(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"has no metrics\.jsonl"):
        over_training(tmp_path)
    (tmp_path / "metrics.jsonl").write_text('{"step": 1, "loss": 2.0}\n')
    with pytest.raises(UsageError, match="recorded nothing of perception"):
        over_training(tmp_path)


def test_dependency_by_role() -> None:
    form = registry.make("formats", "describe_think_boxed", {})
    text = "<description>ab</description><think>cd</think> \\boxed{4}"
    a, c = text.index("ab"), text.index("cd")
    rows = [
        {"text_id": "x", "values": [3.0, 1.0, 0.5, 0.25], "start": [a, a + 1, c, 0]},
        {"text_id": "gone", "values": [9.0], "start": [0]},
    ]
    found = {each.role: each for each in dependency(rows, {"x": text}, form)}
    assert (found["description"].mean, found["description"].tokens) == (2.0, 2)
    assert found["description"].part == pytest.approx(4 / 4.75)
    assert (found["think"].mean, found["other"].mean) == (0.5, 0.25)
    assert dependency([], {}, form) == []
