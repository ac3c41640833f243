"""A few steps of each experiment, from bases without a skill: that they run, go on after a break, and are kept."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from benchmarks.reproduce import bases, real, rl, sft
from benchmarks.reproduce.__main__ import AGAIN, main


def test_bases_learn_and_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bases, "CAPTION_STEPS", 2)
    monkeypatch.setattr(bases, "TRACE_STEPS", 1)
    monkeypatch.setattr(bases, "ITEMS", 64)
    model = bases.base("reasoner", 0, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"captioner-64-0.pt", "reasoner-64-0.pt"}
    again = bases.base("reasoner", 0, tmp_path)
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), again.parameters(), strict=True))
    captioner = bases.base("captioner", 0, tmp_path)
    assert not torch.equal(captioner.head.weight, again.head.weight)


@pytest.mark.parametrize("arm", ["standard", "0.3", "ngdiff", "first", "0.3/shuffled"])
def test_a_supervised_arm(arm: str, folder: Path) -> None:
    row = sft.run(arm, 0, {"design": "C", "steps": 3, "items": 64, "test": 4}, folder)
    assert row["steps"] == 3
    assert row["token_share"] == 0.05
    assert 0 < row["loss_share"] < 1
    if arm != "ngdiff":
        assert row["lambda"] == {"0": 0.3, "s": 0.05, "f": 0.05}[arm[0]]  # of three steps no whole quarter goes first
    assert (folder / "start-C-3-0.pt").exists() == (arm == "standard")


def test_a_start_ends_where_it_is_told_to(folder: Path) -> None:
    design = replace(sft.DESIGNS["A"], train_items=64, steps=4)
    _, _, said = sft.train("standard", 0, design, folder, until=lambda model, step: step == 2)
    assert said["steps"] == 2
    assert sum(p.numel() for p in rl.start("A-half", 0, folder).parameters()) == 194_208


OPTIONS: dict[str, Any] = {"start": "A-half", "steps": 3, "prompts": 1, "test": 4, "items": 8}


def test_a_run_that_was_killed_ends_as_if_it_had_not_been(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arm = "pgpo_cap=5"
    monkeypatch.setattr(rl, "SAVED_EVERY", 2)
    # Untrained, no response is ever right: let the noise of a useless checker give groups something to learn.
    useless = rl.Arm(alpha=0.5, reliable=0.5, gate=rl.Arm.of(arm).gate)
    monkeypatch.setattr(rl.Arm, "of", classmethod(lambda cls, name: useless))
    whole = rl.run(arm, 0, OPTIONS, folder)
    update, steps = rl._update, []

    def killed(*given: Any) -> dict[str, float]:
        steps.append(1)
        if len(steps) == 3:
            raise KeyboardInterrupt
        return update(*given)

    monkeypatch.setattr(rl, "_update", killed)
    with pytest.raises(KeyboardInterrupt):
        rl.run(arm, 0, OPTIONS, folder)
    assert list(folder.glob("unfinished-*"))
    monkeypatch.setattr(rl, "_update", update)
    assert rl.run(arm, 0, OPTIONS, folder) == whole
    assert not list(folder.glob("unfinished-*"))
    assert whole["gradient"] > 0


def test_arms_mean_what_they_are_called() -> None:
    assert rl.Arm.of("alpha=0.3") == rl.Arm(alpha=0.3)
    assert rl.Arm.of("surrogate=0.9") == rl.Arm(alpha=0.5, reliable=0.9)
    assert rl.Arm.of("dapo").refill
    gate = rl.Arm.of("pgpo_cap=5").gate
    assert gate is not None
    assert gate.max_weight == 5
    with pytest.raises(ValueError, match="there is no arm 'ppo'"):
        rl.Arm.of("ppo")


def test_refilled_batches_leave_out_groups_that_are_all_alike(folder: Path) -> None:
    sampler = rl.Sampler(rl.Arm.of("dapo"), 0, 1, 8)
    batch = sampler.draw(rl.start("A-half", 0, folder), 0)
    assert len(batch.items) == len(batch.written) == len(batch.advantages) == 8


def test_the_command_runs_what_is_missing_and_stops_when_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [
        "sft",
        "--arms",
        "standard",
        "--seeds",
        "0",
        "--set",
        "steps=2",
        "test=4",
        "items=32",
        "--out",
        str(folder),
    ]
    assert main([*words, "--workers", "1", "--minutes", "0.001"]) == AGAIN
    assert "0 of 1 runs are done; run it again to go on" in capsys.readouterr().err
    assert main([*words, "--workers", "1"]) == 0
    assert "| standard | 1 |" in capsys.readouterr().out
    (row,) = map(json.loads, (folder / "sft.jsonl").read_text().splitlines())
    assert (row["arm"], row["seed"], row["options"]) == (
        "standard",
        0,
        {"design": "C", "steps": 2, "test": 4, "items": 32},
    )
    assert main(words) == 0
    assert len((folder / "sft.jsonl").read_text().splitlines()) == 1


def test_a_real_model_is_trained_by_perceptdatas_own_commands(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    steps = real.commands("some/model", tmp_path, ["0.3"], {"rows": 10, "items": 5, "epochs": 2})
    assert [step[1] for step in steps] == ["build", "diagnose", "train", "diagnose"]
    assert "lambda=0.3" in steps[2]
    assert "epochs=2" in steps[2]
    assert main(["real", "--model", "some/model", "--arms", "ngdiff", "--out", str(tmp_path), "--dry-run"]) == 0
    assert "lambda=ngdiff" in capsys.readouterr().out
    assert real.run([["perceptdata", "train", "nothing"]], dry=False) != 0
