"""What a run logs, as lines and as TensorBoard's events; nothing stands twice when it goes on."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tensorboardX.proto.event_pb2 import Event
from tensorboardX.record_writer import masked_crc32c

from perceptdata.trainer.lines import read_lines
from perceptdata.trainer.record import EVENTS, METRICS, Record


def events(folder: Path) -> list[Any]:
    """Every event of the files in a folder, oldest file first, their checksums proven."""
    found = []
    for path in sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime_ns):
        data = path.read_bytes()
        while data:
            length = int.from_bytes(data[:8], "little")
            assert int.from_bytes(data[8:12], "little") == masked_crc32c(data[:8])
            found.append(Event.FromString(data[12 : 12 + length]))
            data = data[16 + length :]
    return found


def scalars(folder: Path) -> dict[int, dict[str, float]]:
    """By step, as TensorBoard shows them: what comes after a start at step n takes the place of n and later."""
    found: dict[int, dict[str, float]] = {}
    for event in events(folder):
        if event.HasField("session_log"):
            found = {step: values for step, values in found.items() if step < event.step}
        for value in event.summary.value:
            found.setdefault(event.step, {})[value.tag] = value.simple_value
    return found


def test_each_step_is_a_line_with_every_scalar(tmp_path: Path) -> None:
    record = Record(tmp_path)
    record.begin(1)
    given = {"loss": 0.5, "epoch": 9.0, "norm": np.float32(2), "rewards/a/mean": None, "said": "words", "bad": math.nan}
    line = record.add(1, 0.25, given)
    record.end()
    assert set(line) == {"step", "epoch", "seconds", "loss", "norm", "rewards/a/mean", "bad"}
    (read,) = read_lines(tmp_path / METRICS)
    assert (read["step"], read["epoch"], read["loss"], read["norm"]) == (1, 0.25, 0.5, 2.0)
    assert (read["rewards/a/mean"], read["bad"]) == (None, None)
    assert scalars(tmp_path / EVENTS) == {1: {"loss": 0.5, "norm": 2.0}}


def test_tokens_a_second_come_from_the_tokens_seen(tmp_path: Path) -> None:
    record = Record(tmp_path)
    record.begin(4, tokens=1000)
    first = record.add(4, None, {"num_tokens": 1600})
    second = record.add(5, None, {"num_tokens": 1900, "tokens_per_second": 7.0})
    third = record.add(6, None, {"num_tokens": 2100})
    record.end()
    assert first["tokens_per_second"] * first["seconds"] == pytest.approx(600, rel=0.5)  # seconds are rounded
    assert second["tokens_per_second"] == 7.0  # the method knows better
    assert third["tokens_per_second"] > 0


def test_a_run_that_goes_on_writes_no_step_twice(tmp_path: Path) -> None:
    first = Record(tmp_path)
    first.begin(1)
    for step in range(1, 6):
        first.add(step, step / 10, {"loss": float(step)})
    first.end()
    seconds = read_lines(tmp_path / METRICS)[2]["seconds"]
    again = Record(tmp_path)
    again.begin(4)
    again.add(4, 0.4, {"loss": 40.0})
    again.end()
    lines = read_lines(tmp_path / METRICS)
    assert [(line["step"], line["loss"]) for line in lines] == [(1, 1), (2, 2), (3, 3), (4, 40)]
    assert lines[-1]["seconds"] >= seconds
    assert {step: values["loss"] for step, values in scalars(tmp_path / EVENTS).items()} == {1: 1, 2: 2, 3: 3, 4: 40}


def test_without_tensorboardx_there_are_lines_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    record = Record(tmp_path)
    record.begin(1)
    record.add(1, None, {"loss": 1.0})
    record.end()
    assert [path.name for path in tmp_path.iterdir()] == [METRICS]
