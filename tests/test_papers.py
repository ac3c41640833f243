"""The papers' plans: valid for our own parser, every value marked, and the hours as they are written down."""

import re
import runpy
from pathlib import Path

import pytest

from perceptdata.trainer.plan import Plan

MARK = re.compile(r"#.*\b(seen|inferred|unknown)\b")
PLANS = ("asymmetric", "seeing_to_thinking", "pgpo", "vigos")


@pytest.mark.parametrize("name", PLANS)
def test_every_value_is_marked_and_the_plan_is_valid(root: Path, name: str) -> None:
    path = root / "examples" / "papers" / f"{name}.yaml"
    plan = Plan.load(path)
    assert plan.stages
    unmarked = [
        line
        for line in path.read_text("utf-8").splitlines()
        if re.match(r" {2,}(- )?\w+: *\S", line)
        and not MARK.search(line)
        and not re.match(r" *(- name|rows|options|method: \w+ *$)", line.strip())
        and "name:" not in line
    ]
    assert unmarked == []


def test_the_released_step_counts(root: Path) -> None:
    plan = Plan.load(root / "examples" / "papers" / "seeing_to_thinking.yaml")
    made = plan.method_of(plan.stages[0])
    # 3,072 to 3,583 rows are six rollout batches of 512 an epoch: 90 in all, each of four optimiser steps.
    assert made.batch * made.accumulate * 8 == 128 * 5
    assert made.train != plan.method_of(plan.stages[1]).train


def test_the_hours_are_those_of_the_page(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = runpy.run_path(str(root / "examples" / "papers" / "hours.py"))
    found["main"]()
    table = capsys.readouterr().out
    assert table.strip() in (root / "docs" / "papers.md").read_text("utf-8")
    # By hand: 2 x 3.8e9 weights x 387,840 rollouts x 1,200 tokens at a tenth of 989e12 a second.
    run = next(run for run in found["RUNS"] if run.name == "pgpo 3B")
    assert run.hours()[0] == pytest.approx(2 * 3.8e9 * 387_840 * 1200 / 98.9e12 / 3600)
