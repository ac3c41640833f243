"""The papers' plans: valid for our own trainer on a model and rows that are here, every hyper-parameter said and
marked, and the hours as they are written down.
"""

import re
import runpy
from collections.abc import Callable
from pathlib import Path

import pytest

from perceptdata import strict_yaml
from perceptdata.publishing.exports.parquet import Parquet
from perceptdata.recipe import Recipe
from perceptdata.steps.declared import make_step
from perceptdata.steps.run import run_step
from perceptdata.trainer.plan import Plan
from perceptdata.trainer.staged import survey
from perceptdata.view import View, ViewSpec
from perceptdata.workspace import Workspace

VALUE = re.compile(r"^ *(?:- )?(\w+): *([^\s#].*?) *(?:#(.*))?$")
MARK = re.compile(r"\b(seen|inferred|unknown)\b")
PLANS = ("asymmetric", "seeing_to_thinking", "pgpo", "vigos")
PLACES = {"name", "rows", "out"}
"""Keys that say where things are and what they are called."""
ENGINE = {"checkpointing", "keep", "probe", "sample_every", "save_every", "seed", "workers"}
"""Options that change what is kept and shown, and nothing that is learnt."""
IDLE = {"straddle", "palr_every", "palr_wrong", "reading", "wording"}
"""Options that act on spans, and on what is measured, of which RL and distillation have none here."""
ROWS, CONTEXT = 66, 65_536


def plan_of(root: Path, name: str) -> Path:
    return root / "examples" / "papers" / f"{name}.yaml"


@pytest.mark.parametrize("name", PLANS)
def test_every_value_is_marked(root: Path, name: str) -> None:
    lines = [line for line in plan_of(root, name).read_text("utf-8").splitlines() if not line.startswith("#")]
    found = [match for line in lines if (match := VALUE.match(line)) is not None]
    values = [match for match in found if match[1] not in PLACES]
    assert len(values) > 10
    assert [match[0] for match in values if not MARK.search(match[3] or "")] == []


@pytest.mark.parametrize("name", PLANS)
def test_every_hyperparameter_that_acts_is_said(root: Path, name: str) -> None:
    plan = Plan.load(plan_of(root, name))
    for stage in plan.stages:
        options = plan.method_of(stage).model_dump(by_alias=True)
        acting = {key for key, value in options.items() if value not in (None, 0, 0.0, False, {}, ())}
        unsaid = acting - ENGINE - {**plan.options, **stage.options}.keys()
        assert unsaid <= (set() if (stage.method or plan.method) == "sft" else IDLE)


@pytest.fixture(scope="module")
def here(tiny: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the plans name: rows of all stages, rows for SFT and for RL, and a model with room."""
    folder = tmp_path_factory.mktemp("papers")
    ws = Workspace.create(folder / "workspace")
    some = {"train_sft": 6, "train_rl": ROWS}
    with ws.lock("test"):
        run_step(ws, "graphs", make_step("build", {"use": "graph_coloring", "rows": some, "vertices": [6]}))
    for name, where in (
        ("view", "source.split = 'train_rl'"),
        ("sft", "stage = 'visual_reasoning' and source.split = 'train_sft'"),
        ("rl", "stage = 'visual_reasoning' and source.split = 'train_rl'"),
    ):
        Parquet().export(View(ws, name, ViewSpec(where=where)), folder / name)
    for family in ("qwen2_5_vl", "qwen3_vl"):
        copied = folder / family
        copied.mkdir()
        for file in tiny(family).iterdir():
            copied.joinpath(file.name).write_bytes(file.read_bytes())
        config = copied / "config.json"
        config.write_text(re.sub(r'("max_position_embeddings": )\d+', rf"\g<1>{CONTEXT}", config.read_text()))
    return folder


@pytest.mark.parametrize(
    ("name", "family", "steps"),
    [
        # On one GPU: 6 rows are less than the 2 x 8 of a step, two epochs; 66 prompts at 8 x 16 / 8 a step.
        ("asymmetric", "qwen3_vl", [2, 4]),
        # 4 x 20 rollouts a step are 16 prompts, four steps a batch of 64: one batch an epoch, 15 epochs.
        ("seeing_to_thinking", "qwen3_vl", [60, 60, 60]),
        # Three steps a batch of 48 prompts, two epochs.
        ("pgpo", "qwen2_5_vl", [6]),
        # 1 x 4 a step.
        ("vigos", "qwen2_5_vl", [16]),
    ],
)
def test_a_plan_goes_with_its_paths_alone_changed(
    root: Path, here: Path, name: str, family: str, steps: list[int]
) -> None:
    content = strict_yaml.read(plan_of(root, name), "plan", "")
    plan = Plan.of({**content, "model": str(here / family)}, here)
    assert [each.leg.steps for each in survey(plan, 1)] == steps


def test_the_rows_of_the_first_plan(root: Path) -> None:
    recipe = Recipe.load(root / "examples" / "papers" / "asymmetric_data.yaml")
    plan = Plan.load(plan_of(root, "asymmetric"))
    assert {stage.rows.name for stage in plan.stages if stage.rows} == set(recipe.views)


def test_the_released_step_counts(root: Path) -> None:
    plan = Plan.load(plan_of(root, "seeing_to_thinking"))
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
    runs = {run.name: run for run in found["RUNS"]}
    assert runs["pgpo 3B"].hours()[0] == pytest.approx(2 * 3.8e9 * 387_840 * 1200 / 98.9e12 / 3600)
    for name, parts in (
        ("asymmetric", ("asymmetric, SFT 8B", "asymmetric, RL 8B")),
        ("seeing_to_thinking", ("seeing_to_thinking 8B",)),
        ("pgpo", ("pgpo 7B",)),
        ("vigos", ("vigos 7B",)),
    ):
        said = " + ".join(f"{sum(runs[part].hours()):.0f}" for part in parts)
        assert f"# Takes {said} GPU-hours" in plan_of(root, name).read_text("utf-8")
    # The sizes are the plans': so many rollout batches on eight GPUs.
    for name, batches in (("seeing_to_thinking", 930), ("pgpo", 202)):
        plan = Plan.load(plan_of(root, name))
        made = plan.method_of(plan.stages[0])
        rollouts = batches * made.batch * made.accumulate * 8 * made.updates
        assert next(run.sequences for key, run in runs.items() if key.startswith(name)) == rollouts
