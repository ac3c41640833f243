"""`perceptdata train plan`, and the plans of `examples/training/`."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from accelerate.commands.config.config_args import load_config_from_file
from toys import card, picture, write_lines

from perceptdata.errors import UsageError
from perceptdata.steps.declared import make_output
from perceptdata.steps.train import Train
from perceptdata.trainer.legs import choose, lay_out
from perceptdata.trainer.plan import Plan
from perceptdata.trainer.presets import METHODS
from perceptdata.trainer.rows import read_rows

Cli = Callable[..., Any]
Tiny = Callable[[str], Path]
ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = sorted((ROOT / "examples/training").glob("*.yaml"))
STAGES = ("perception", "textual_reasoning", "visual_reasoning")
COUNTS = dict(zip(STAGES, (3300, 13_000, 16_195), strict=True))  # fit the paper's steps (its Table of data)


@pytest.fixture
def view(cli: Cli, tmp_path: Path) -> Path:
    """Two rows of each stage, with responses."""
    rows = [
        card(
            number,
            stage=stage,
            **({} if stage.startswith("text") else {"question": "<image>What?", "images": ["a.png"]}),
        )
        for number, stage in enumerate(2 * STAGES)
    ]
    write_lines(tmp_path / "cards" / "0.jsonl", rows)
    (tmp_path / "cards" / "a.png").write_bytes(picture(1))
    assert cli("build", "toy_cards", "-s", "cards", "--name", "cards", "-w", "ws").code == 0
    assert cli("export", "parquet", "--view", "all", "--to", "view", "-w", "ws").code == 0
    return tmp_path / "view"


@pytest.fixture
def write(tiny: Tiny, view: Path, tmp_path: Path) -> Callable[..., Path]:
    """A plan file, as given, over that view and a tiny model."""

    def write(**declared: Any) -> Path:
        base = {"model": str(tiny("qwen2_5_vl")), "rows": "view", "out": "runs", "method": "sft"}
        path = tmp_path / "plan.yaml"
        path.write_text(yaml.safe_dump({**base, **declared}))
        return path

    return write


SHORT = {"steps": 1, "batch": 2, "accumulate": 1, "format": {"use": "answer_only"}}


def test_a_plan_is_shown_trained_and_shown_again(cli: Cli, write: Callable[..., Path], tmp_path: Path) -> None:
    stages = [{"name": "visual_reasoning"}, {"name": "perception", "options": {"lora": {"r": 2}}}]
    path = write(options=SHORT, stages=stages)
    before = cli("train", "plan", path, "--dry-run")
    assert before.code == 0, before.err
    assert "1-visual_reasoning: sft, 2 rows, 1 steps, from" in before.out
    assert "trains vision, projector, language, head; checkpoints: " in before.out
    assert "trains language, adapters of rank 2;" in before.out
    assert before.out.endswith("2 steps in all, on 1 device(s)\n")
    assert "2 steps in all, on 2 device(s)" in cli("train", "plan", path, "--dry-run", "--gpus", 2).out
    assert not (tmp_path / "runs").exists()
    said = cli("train", "plan", path)
    assert said.code == 0, said.err
    assert "1-visual_reasoning: 1 steps on 2 rows, last loss" in said.out
    assert "runs/2-perception/model --workspace WORKSPACE" in said.out
    after = cli("train", "plan", path, "--dry-run")
    assert "1-visual_reasoning: sft, 2 rows, 1 steps (done, 1 of them saved), from" in after.out
    shown = json.loads(cli("train", "plan", path, "--dry-run", "--json").out)
    assert [(leg["name"], leg["state"]) for leg in shown] == [("1-visual_reasoning", "done"), ("2-perception", "done")]
    ended = json.loads(cli("train", "plan", path, "--json").out)
    assert [leg["outcome"]["steps"] for leg in ended] == [1, 1]


def test_rejects_are_counted(cli: Cli, write: Callable[..., Path]) -> None:
    path = write(options={**SHORT, "max_length": 80}, stages=[{"name": "first", "of": list(STAGES)}])
    said = cli("train", "plan", path, "--dry-run")
    assert said.code == 0, said.err
    assert "1-first: sft, 5 rows, 1 steps" in said.out
    assert "rejected 1: tokens.too_long 1" in said.out
    none = cli("train", "plan", write(options={**SHORT, "max_length": 20}, stages=[{"name": "perception"}]))
    assert "error: stage perception: none of the 2 rows can be trained on; the first: cards/train/0" in none.err


def test_only_rank_0_speaks(cli: Cli, write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(options=SHORT, stages=[{"name": "visual_reasoning"}])
    assert cli("train", "plan", path).code == 0
    monkeypatch.setenv("RANK", "1")
    assert cli("train", "plan", path).out == ""


def test_what_is_wrong_is_said(cli: Cli, write: Callable[..., Path]) -> None:
    said = cli("train", "plan", write(stages=[{"name": "perception", "options": {"lerning_rate": 1}}]))
    assert (said.code, said.out) == (2, "")
    assert "plan.yaml: stage perception: train sft: unknown key 'lerning_rate'" in said.err
    assert "train plan" in cli("--help").out


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_is_a_plan(path: Path, cli: Cli, write: Callable[..., Path], view: Path) -> None:
    """As it stands it has the paper's steps; small, it goes through the dry run."""
    declared = yaml.safe_load(path.read_text())
    rates = [{"id": row["id"], "pass_rate": 0.5} for row in read_rows(view)]
    (view.parent / "pass_rate.json").write_text(json.dumps(rates))
    own = {key: declared[key] for key in declared if key not in ("model", "rows", "out")}
    as_it_stands = Plan.load(write(**own))
    chosen = choose(as_it_stands, {name: {"kept": COUNTS[name], "rejected": {}} for name in STAGES})
    steps = sum(leg.steps for leg in lay_out(as_it_stands, chosen, processes=8))
    if declared["method"] == "seeing_to_thinking":
        assert steps == 4 * 930
    else:
        assert steps > 100
    small = {"batch": 5, "accumulate": 1, "updates": 1, "group": 5, "max_new_tokens": 8}
    few = {key: small[key] for key in small if declared["method"] != "sft" or key in ("batch", "accumulate")}
    own["options"] = {**own.get("options", {}), **few}
    for stage in own["stages"]:
        if stage.get("method") == "pgpo":
            stage["options"] |= small
    said = cli("train", "plan", write(**own), "--dry-run")
    assert said.code == 0, said.err
    assert "steps in all" in said.out


def test_there_are_examples() -> None:
    assert {path.stem for path in EXAMPLES} == {"look_then_think", "staged_internvl", "staged_merged", "staged_qwen"}


@pytest.mark.parametrize(("name", "kind"), [("ddp", "MULTI_GPU"), ("fsdp2", "FSDP"), ("zero3", "DEEPSPEED")])
def test_accelerate_reads_its_configurations(name: str, kind: str) -> None:
    """Its own parser refuses keys that it does not know."""
    config = load_config_from_file(str(ROOT / f"examples/training/accelerate/{name}.yaml"))
    assert (config.distributed_type, config.num_processes, config.mixed_precision) == (kind, 8, "bf16")


def test_a_stage_too_small_for_its_batch_is_named(write: Callable[..., Path]) -> None:
    plan = Plan.load(write(method="grpo", stages=[{"name": "perception"}]))
    with pytest.raises(
        UsageError, match="stage perception: 2 rows, 8 rollouts each, do not fill a rollout batch of 32"
    ):
        lay_out(plan, choose(plan))


def test_the_guide_names_every_method_and_its_yaml_is_right() -> None:
    text = (ROOT / "docs/training.md").read_text()
    assert [name for name in METHODS if f"`train {name}`" not in text] == []
    plan, recipe = (yaml.safe_load(block.split("```")[0]) for block in text.split("```yaml\n")[1:])
    assert [stage.name for stage in Plan.of(plan).stages] == ["perception", "textual_reasoning", "visual_reasoning"]
    (output,) = recipe["outputs"]
    made = make_output(output)
    assert isinstance(made, Train)
    assert list(made.runs()) == ["lambda=0.1", "lambda=0.3", "lambda=ngdiff"]
