"""A plan, run on tiny models: stage after stage, cut off and gone on with, and what its folder says of it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from transformers import TrainerCallback

from perceptdata.errors import UsageError
from perceptdata.trainer.options import Paths
from perceptdata.trainer.plan import Plan
from perceptdata.trainer.presets import make
from perceptdata.trainer.rows import read_rows
from perceptdata.trainer.run import Outcome, train
from perceptdata.trainer.staged import follow, survey

Tiny = Callable[[str], Path]
SFT = {"batch": 2, "accumulate": 1, "learning_rate": 1e-3, "epochs": 1, "format": {"use": "think_boxed"}}
ROLLOUTS = {"batch": 4, "group": 2, "max_new_tokens": 6}


@pytest.fixture
def plan(tiny: Tiny, cards: Path, tmp_path: Path) -> Callable[..., Plan]:
    """Perception by supervision, then visual reasoning by rewards: two steps each."""

    def declared(out: str = "out", **more: Any) -> Plan:
        stages = [
            {"name": "visual_reasoning"},
            {
                "name": "text",
                "of": ["textual_reasoning"],
                "method": "grpo",
                "options": {**ROLLOUTS, "train": ["language"]},
            },
        ]
        base = {"model": str(tiny("qwen3_vl")), "rows": str(cards), "out": out, "method": "sft", "options": SFT}
        return Plan.of({**base, "stages": stages, **more}, tmp_path)

    return declared


class DiesIn(TrainerCallback):
    """The process dies in one leg, at the end of a step of it, before that step is saved."""

    def __init__(self, leg: str, step: int = 1) -> None:
        self.leg, self.step = leg, step

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if self.leg in args.output_dir and state.global_step == self.step:
            raise SystemExit("killed")


class Counts(TrainerCallback):
    """How many steps were really taken."""

    def __init__(self) -> None:
        self.steps = 0

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.steps += 1


def run(plan: Plan, *callbacks: TrainerCallback) -> dict[str, Outcome]:
    return {leg.name: outcome for leg, outcome in follow(plan, callbacks=callbacks)}


def record(out: Path) -> dict[str, Any]:
    return json.loads((out / "plan.json").read_text())


def test_killed_between_and_within_stages_it_ends_alike(plan: Callable[..., Plan], tmp_path: Path) -> None:
    more = {"options": {**SFT, "save_every": 1}}
    whole = run(plan("whole", **more))
    assert {name: outcome.steps for name, outcome in whole.items()} == {"1-visual_reasoning": 2, "2-text": 2}
    with pytest.raises(SystemExit):
        run(plan(**more), DiesIn("2-text", step=2))
    half = record(tmp_path / "out")
    assert list(half["outcomes"]) == ["1-visual_reasoning"]
    assert "finished" not in half
    assert [(each.state, each.step) for each in survey(plan(**more))] == [("done", 2), ("begun", 1)]
    counts = Counts()
    cut = run(plan(**more), counts)
    assert counts.steps == 1  # neither the first stage nor the first step of the second again
    assert cut["2-text"].resumed == 1
    assert [cut[name].loss for name in whole] == [whole[name].loss for name in whole]
    ended = record(tmp_path / "out")
    assert ended["finished"]
    assert [leg["steps"] for leg in ended["legs"]] == [2, 2]
    assert run(plan(**more)) == cut
    assert record(tmp_path / "out") == ended
    second = json.loads((tmp_path / "out/2-text/run.json").read_text())
    assert second["source"] == str(tmp_path / "out/1-visual_reasoning/model")
    assert second["trained"]["parameters"] < second["trained"]["of"]


def test_a_cycle_keeps_the_newest_weights_alone(plan: Callable[..., Plan], tmp_path: Path) -> None:
    stages = [{"name": "visual_reasoning"}, {"name": "textual_reasoning", "options": {"epochs": 1}}]
    cyclic = plan(schedule="cyclic", stages=stages, options={**SFT, "epochs": 2, "batch": 4})
    done = run(cyclic)
    assert {name: outcome.steps for name, outcome in done.items()} == {
        "1-visual_reasoning": 1,
        "2-textual_reasoning": 1,
        "3-visual_reasoning": 1,
    }
    assert [folder.parent.name for folder in (tmp_path / "out").glob("*/model")] == ["3-visual_reasoning"]
    assert [folder.parent.name for folder in (tmp_path / "out").glob("*/checkpoints")] == ["3-visual_reasoning"]
    assert len(list((tmp_path / "out").glob("*/run.json"))) == 3
    assert run(cyclic) == done


def test_a_curriculum_is_trained_in_its_order(plan: Callable[..., Plan], cards: Path, tmp_path: Path) -> None:
    rates = {row["id"]: at / 12 for at, row in enumerate(read_rows(cards))}
    (tmp_path / "rates.json").write_text(json.dumps([{"id": key, "pass_rate": rate} for key, rate in rates.items()]))
    more = {"curriculum": {"difficulty": "rates.json"}, "schedule": "merged", "options": {**SFT, "batch": 4}}
    seen: list[list[str]] = []

    class Sees(TrainerCallback):
        def on_train_begin(self, args: Any, state: Any, control: Any, train_dataloader: Any, **kwargs: Any) -> None:
            seen.append(list(train_dataloader.dataset["id"]))
            assert args.train_sampling_strategy == "sequential"

    stages = [{"name": "perception"}, {"name": "visual_reasoning"}]
    done = run(plan(**more, stages=stages), Sees())
    assert {name: outcome.steps for name, outcome in done.items()} == {"merged": 2}
    assert seen == [[f"cards/train/{number:02d}" for number in (11, 10, 7, 5, 4, 2, 1)]]  # 08 has no response
    (tmp_path / "rates.json").write_text("[]")
    with pytest.raises(UsageError, match="holds a plan with another curriculum"):
        survey(plan(**more, stages=stages))


def test_adapters_of_every_stage_are_merged_into_the_next(plan: Callable[..., Plan], tmp_path: Path) -> None:
    stages = [{"name": "visual_reasoning"}, {"name": "textual_reasoning", "options": {"lora": {"r": 2}}}]
    run(plan(stages=stages, options={**SFT, "lora": {"r": 4}}))
    assert (tmp_path / "out/1-visual_reasoning/adapter").exists()
    config = json.loads((tmp_path / "out/2-textual_reasoning/adapter/adapter_config.json").read_text())
    assert config["r"] == 2
    assert config["base_model_name_or_path"] == str(tmp_path / "out/1-visual_reasoning/model")


def test_another_plan_is_refused(plan: Callable[..., Plan]) -> None:
    with pytest.raises(SystemExit):
        run(plan(), DiesIn("1-visual"))
    others: dict[str, dict[str, Any]] = {
        "options": {"options": {**SFT, "epochs": 2}},
        "stages": {"order": ["visual_reasoning"]},
        "schedule": {"schedule": "cyclic"},
    }
    for key, more in others.items():
        with pytest.raises(UsageError, match=f"holds a plan with another {key}; name another 'out'"):
            run(plan(**more))
    with pytest.raises(UsageError, match="was begun on 1 devices and this is 2"):
        survey(plan(), processes=2)


def test_a_stage_that_left_no_model_is_named(plan: Callable[..., Plan], tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        run(plan(), DiesIn("2-text"))
    first = tmp_path / "out/1-visual_reasoning"
    (first / "model").rename(first / "adapter")
    with pytest.raises(UsageError, match=r"leg 1-visual_reasoning left only adapters .*train without lora"):
        run(plan())
    (first / "adapter").rename(tmp_path / "elsewhere")
    with pytest.raises(UsageError, match="leg 1-visual_reasoning left no model"):
        run(plan())


def test_a_run_is_told_its_rows_and_keeps_to_them(tiny: Tiny, cards: Path, tmp_path: Path) -> None:
    paths = Paths(model=str(tiny("qwen3_vl")), view=cards, out=tmp_path / "out")
    method = make("sft", {**SFT, "order": "view"})
    done = train(method, paths, places=[4, 1, 8])
    assert (done.rows, done.steps, done.rejected) == (2, 1, {"text.missing": 1})
    assert train(method, paths, places=[4, 1, 8]) == done
    for places in ([1, 4, 8], None):
        with pytest.raises(UsageError, match="holds a run with another places"):
            train(method, paths, places=places)
