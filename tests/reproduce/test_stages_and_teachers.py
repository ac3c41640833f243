"""Stages, distillation and probes: a step of each, and what their losses are nothing of."""

from copy import deepcopy
from pathlib import Path

import pytest
import torch

from benchmarks.reproduce import distil, probes, rl, solver, staged
from benchmarks.reproduce.model import TinyVLM
from benchmarks.reproduce.runs import keep
from benchmarks.reproduce.task import ANSWER, HARD, PERCEPTION, dataset
from perceptdata.trainer.core import segments


def test_plans_hold_the_same_prompts_in_other_orders() -> None:
    data = staged.pictures_of_two_kinds(0)
    plans = {arm: staged.plan(arm, 60, data, 0) for arm in staged.ARMS}
    assert all(sorted(plan) == sorted(plans["merged"]) for plan in plans.values())
    kinds = {arm: [kind for kind, _ in plan] for arm, plan in plans.items()}
    assert kinds["staged"] == sorted(kinds["merged"])
    assert kinds["reverse"] == sorted(kinds["merged"], reverse=True)
    assert plans["captions"] == plans["staged"]
    assert kinds["merged"] != kinds["staged"]
    eases = [staged.ease(item, data) for _, item in plans["difficulty"]]
    assert eases == sorted(eases, reverse=True)
    assert kinds["both"] == kinds["staged"]
    with pytest.raises(ValueError, match="there is no arm 'random'"):
        staged.plan("random", 3, data, 0)


@pytest.mark.parametrize("arm", ["merged", "captions"])
def test_stages_train(arm: str, folder: Path) -> None:
    row = staged.run(arm, 0, {"start": "A-half", "steps": 2, "prompts": 3, "test": 4}, folder)
    assert row["gain_a"] == row["a"] - row["before"]["a"]
    assert "length" not in row  # all traces have one
    assert row["gradient"] >= 0


def test_stages_of_free_traces_tell_their_length(folder: Path) -> None:
    torch.manual_seed(0)
    keep(folder / "start-F-half-0.pt", TinyVLM(free=True).state_dict())
    row = staged.run("staged", 0, {"steps": 3, "prompts": 1, "test": 4, "start": "F-half"}, folder)
    assert 0 < row["length"] <= 320
    assert row["gain_length"] == round(row["length"] - row["before"]["length"], 2)


def test_descriptions_are_paid_for_through_a_solver_that_fails(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model, data = rl.start("A-half", 0, folder), dataset(6, 1, HARD, 2)
    written = data.responses[:, :PERCEPTION].clone()
    assert solver.right(written, data.given) == [True] * 6
    written[1, 3] += 1
    assert solver.right(written, data.given) == [True, False, *[True] * 4]
    assert solver.seen_right(model, data) == 0

    def as_it_is(model: TinyVLM, pictures: torch.Tensor, **said: object) -> torch.Tensor:
        return torch.zeros(len(pictures), PERCEPTION, dtype=torch.long)

    monkeypatch.setattr(TinyVLM, "generate", as_it_is)
    monkeypatch.setattr(solver, "right", lambda written, given: [True] * len(written))  # all see, half of them fail
    options = {"start": "A-half", "steps": 30, "prompts": 2, "test": 4, "items": 8, "failing": 0.5}
    row = solver.run("outcome", 0, options, folder)
    assert row["gain_a_p"] == 0
    assert row["r_a_p"] is None  # perception never varies
    assert row["failed"] == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize("arm", ["opsd", "vigos"])
def test_distillation_runs(arm: str, folder: Path) -> None:
    row = distil.run(arm, 0, {"steps": 1, "prompts": 2, "test": 4, "items": 8}, folder)
    assert {"score", "prior", "a", "a_p"} <= row.keys()
    assert row["palr_description"] == 0 or arm == "opsd"
    assert row["invalid"] == 1.0  # untrained, nothing parses


def test_a_student_has_nothing_to_learn_of_itself_and_something_of_who_knows() -> None:
    torch.manual_seed(0)
    model, data = TinyVLM(), dataset(6, 1, HARD, 2)
    told = data.responses[:, -ANSWER:]
    given = (model, deepcopy(model), data.pictures, data.responses, told)
    assert distil.distillation(segments.VIGOS[:1], *given).item() == pytest.approx(0, abs=1e-6)
    assert distil.distillation(segments.OPSD, *given).item() > 1e-5
    written = data.responses.clone()
    written[0, -1] = 0
    assert segments.valid(distil.rollouts(written)).tolist() == [False, *[True] * 5]


def test_leakage_is_nothing_where_no_teacher_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    student, teacher, data = TinyVLM(), TinyVLM(), dataset(6, 1, HARD, 2)
    monkeypatch.setattr(TinyVLM, "generate", lambda self, *a, **k: data.responses)
    found = {name: distil.leakage(plan, student, teacher, data, 0, 6) for name, plan in distil.PLANS.items() if plan}
    assert found["vigos"]["palr_description"] == 0
    assert 0 < found["opsd"]["palr_description"] < 100
    assert found["vigos"]["palr_rest"] == found["opsd"]["palr_rest"]


def test_probes_say_where_the_weight_lies(folder: Path) -> None:
    row = probes.run("A-half", 0, {"prompts": 2}, folder)
    assert 0 <= row["mass_on_perception"] <= 1
    assert row["mixed"] == 0.0
