"""What real runs write down: every step once, rollouts with their weights, and a line for whoever watches."""

import io
import json
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from models.training import Dies, losses, run

from perceptdata.errors import PerceptDataError
from perceptdata.rewards import Rollout, Scored
from perceptdata.trainer.lines import read_lines
from perceptdata.trainer.presets.grpo import Grpo
from perceptdata.trainer.probe import Probe

Tiny = Callable[[str], Path]
SHORT: dict[str, Any] = {"batch": 4, "accumulate": 2, "group": 4, "max_new_tokens": 8, "band": None}


def test_each_step_stands_once_also_when_the_run_dies(tiny: Tiny, cards: Path, tmp_path: Path) -> None:
    more: dict[str, Any] = {"steps": 4, "save_every": 2, "lambda": "ngdiff"}
    whole = run(tiny("qwen3_vl"), cards, tmp_path / "whole", **more)
    with pytest.raises(SystemExit):
        run(tiny("qwen3_vl"), cards, tmp_path / "cut", Dies(4), **more)
    assert [line["step"] for line in read_lines(tmp_path / "cut" / "metrics.jsonl")] == [1, 2, 3]
    run(tiny("qwen3_vl"), cards, tmp_path / "cut", **more)
    lines = read_lines(tmp_path / "cut" / "metrics.jsonl")
    assert [line["step"] for line in lines] == [1, 2, 3, 4]
    assert [line["loss"] for line in lines] == losses(whole)
    assert {"lambda", "norm_perception", "loss_reasoning", "tokens_per_second", "seconds", "epoch"} <= set(lines[0])
    assert [line["seconds"] for line in lines] == sorted(line["seconds"] for line in lines)
    assert len(list((tmp_path / "cut" / "tensorboard").iterdir())) == 2
    assert not (tmp_path / "cut" / "samples.jsonl").exists()


def test_a_loss_that_is_no_number_is_on_record(tiny: Tiny, cards: Path, tmp_path: Path) -> None:
    with pytest.raises(PerceptDataError, match=r"is (nan|inf) at step"):
        run(tiny("llava"), cards, tmp_path, learning_rate=1e30, steps=5, max_grad_norm=1e30)
    last = read_lines(tmp_path / "metrics.jsonl")[-1]
    assert None in (last["loss"], last["grad_norm"])


def test_rollouts_are_kept_with_the_weight_of_each_token(
    tiny: Tiny, graphs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PGPO on real rollouts, and what the probe says of them, in every place where it should stand."""

    def letters(rollouts: Sequence[Rollout]) -> list[Scored]:
        return [Scored(min(1.0, len(set(rollout.response)) / 40)) for rollout in rollouts]

    monkeypatch.setattr(Grpo, "_weights", lambda self: {"outcome": 0.5, "seen": 0.5})
    scores = {"outcome": (letters, 0.5), "seen": (lambda said: [Scored(None, "no_judge")] * len(said), 0.5)}
    monkeypatch.setattr(Grpo, "_scores", lambda self, job: scores)
    options = {**SHORT, "steps": 3, "sample_every": 2, "probe": {"every": 2}, "format": {"use": "describe_think_boxed"}}
    run(tiny("qwen3_vl"), graphs, tmp_path, method="pgpo", **options)
    metrics = read_lines(tmp_path / "metrics.jsonl")
    assert [line["step"] for line in metrics] == [1, 2, 3]
    assert [line.get("probe/perception") for line in metrics] == [None, 0.0, None]
    assert metrics[1]["probe/rollouts"] == 16
    assert (metrics[0]["unscored/seen"], metrics[0]["rewards/seen/mean"]) == (1.0, None)
    assert metrics[0]["tokens_per_second"] > 0
    lines = read_lines(tmp_path / "samples.jsonl")
    assert [line["step"] for line in lines] == [1] * 4 + [3] * 4
    for line in lines:
        assert line["response"].startswith("<description>")
        assert line["rewards"]["seen"]["reason"] == "no_judge"
        assert 0 < line["rewards"]["outcome"]["value"] <= 1
        assert line["tokens"] <= 8
    weighed = [line["weights"] for line in lines if line["weights"]]
    assert weighed
    assert any(len({weight for _, _, weight in weights}) > 1 for weights in weighed)
    advantages = [line["advantage"] for line in lines]
    assert any(advantages)


def test_distillation_keeps_rollouts_too(tiny: Tiny, graphs: Path, tmp_path: Path) -> None:
    options: dict[str, Any] = {"batch": 2, "accumulate": 1, "steps": 1, "max_new_tokens": 6, "learning_rate": 1e-4}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # untrained models do not keep to the format
        run(tiny("qwen3_vl"), graphs, tmp_path, method="vigos", **options)
    lines = read_lines(tmp_path / "samples.jsonl")
    assert len(lines) == 2
    assert set(lines[0]["rewards"]) == {"outcome"}
    assert (lines[0]["advantage"], lines[0]["weights"]) == (None, None)


def test_a_listener_that_stops_ends_the_run_with_its_last_checkpoint(
    tiny: Tiny, graphs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[tuple[int, bool]] = []

    def hacked(self: Probe, rolled: Any) -> dict[str, float]:
        given.append((rolled.step, self.stop))
        if rolled.step == 2:
            raise PerceptDataError("hacked")
        return {}

    monkeypatch.setattr(Probe, "__call__", hacked)
    with pytest.raises(PerceptDataError, match="hacked"):
        run(tiny("qwen3_vl"), graphs, tmp_path, method="grpo", steps=3, save_every=1, probe={"stop": True}, **SHORT)
    assert given == [(1, True), (2, True)]
    assert not (tmp_path / "model").exists()
    assert [path.name for path in (tmp_path / "checkpoints").glob("checkpoint-*")] == ["checkpoint-1"]


class Terminal(io.StringIO):
    """Standard error of somebody who watches."""

    def isatty(self) -> bool:
        return True


def test_who_watches_sees_a_line(tiny: Tiny, cards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Terminal()
    monkeypatch.setattr("sys.stderr", stream)
    run(tiny("llava"), cards, tmp_path, steps=2)
    shown = stream.getvalue()
    assert "2/2" in shown
    assert "loss" in shown
    assert "{'loss'" not in shown  # not the dictionaries that transformers would print
    assert json.loads((tmp_path / "run.json").read_text())["outcome"]["steps"] == 2
