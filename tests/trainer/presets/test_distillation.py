"""The presets of distillation: options become plans, and every family trains on them from rollout to update."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from models.training import logs, run

from perceptdata.errors import UsageError
from perceptdata.trainer.core.segments import OPSD, SDFT, VIGOS, Segment
from perceptdata.trainer.presets import make
from perceptdata.trainer.presets.distillation import Distillation

Tiny = Callable[[str], Path]


def preset(name: str, **options: Any) -> Distillation:
    made = make(name, options)
    assert isinstance(made, Distillation)
    return made


def test_each_preset_is_its_paper_s_plan() -> None:
    assert preset("vigos").plan() == VIGOS
    assert preset("opsd").plan() == OPSD
    assert preset("sdft").plan() == SDFT
    assert preset("vigos").format == {"use": "describe_think_boxed"}
    assert preset("opsd", divergence="reverse_kl").plan()[0].divergence == "reverse_kl"
    perception, reasoning, reference = preset(
        "vigos", reasoning_prefix="think_only", clip=0.1, clip_mode="scale", weights=(0.5, 1.5, 0)
    ).plan()
    assert (perception.weight, reasoning.weight, reference.weight) == (0.5, 1.5, 0)
    assert (perception.clip, perception.clip_mode, reasoning.prefix) == (0.1, "scale", "segment")
    assert {segment.clip_mode for segment in preset("vigos", clip=None).plan()} == {"none"}


def test_a_step_is_one_rollout_batch() -> None:
    assert preset("vigos", batch=2, accumulate=4).planned_steps(50, processes=2) == 3
    assert preset("vigos", batch=2, accumulate=4, epochs=2.5).planned_steps(50, 2) == 8
    assert preset("vigos", batch=2, accumulate=4, steps=2).planned_steps(50, 2) == 2
    with pytest.raises(UsageError, match="15 rows do not fill one rollout batch of 16; lower accumulate or batch"):
        preset("vigos", batch=2, accumulate=4).planned_steps(15, 2)


@pytest.mark.parametrize(
    ("name", "options", "complaint"),
    [
        ("vigos", {"lora": {}, "teacher_ema": 0.9}, "teacher_ema averages whole models"),
        ("vigos", {"weights": (0, 0, 0)}, "weights must not be negative"),
        ("vigos", {"segments": [{"segment": "completion", "teacher": "demonstration"}]}, "use sdft"),
        ("opsd", {"segments": []}, "segments"),
        ("opsd", {"segments": [{"segment": "completion", "teacher": "oracle"}]}, "teacher"),
        ("opsd", {"beta": 1.0}, "beta"),
        ("sdft", {"clip": 0.1}, "clip"),
    ],
)
def test_options_without_a_meaning_are_refused(name: str, options: dict[str, Any], complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint):
        make(name, options)


def test_what_is_told_to_trl(tmp_path: Path) -> None:
    common = {"output_dir": str(tmp_path), "use_cpu": True, "bf16": False, "train_sampling_strategy": "sequential"}
    told: Any = preset("vigos", order="view", max_new_tokens=77).arguments(common)
    assert (told.temperature, told.top_p, told.top_k, told.max_completion_length) == (1.1, 0.95, 20, 77)
    assert not told.shuffle_dataset
    assert preset("vigos", max_new_tokens=77).new_tokens == 77
    fast: Any = preset("opsd", vllm={"mode": "server", "port": 9000}).arguments(common)
    assert (fast.use_vllm, fast.vllm_mode, fast.vllm_server_port) == (True, "server", 9000)


RUNS: list[tuple[str, str, dict[str, Any]]] = [
    ("qwen2_5_vl", "vigos", {}),
    ("qwen2_5_vl", "opsd", {"lora": {"r": 4}}),
    ("qwen2_5_vl", "sdft", {"teacher_ema": 0.9}),
    ("qwen3_vl", "vigos", {"lora": {"r": 4}}),
    ("internvl", "vigos", {"reading": "released", "reasoning_prefix": "think_only"}),
]


@pytest.mark.filterwarnings("ignore:.*of the last rollouts")
@pytest.mark.parametrize(("family", "method", "options"), RUNS)
def test_every_family_trains(
    tiny: Tiny, cards: Path, tmp_path: Path, family: str, method: str, options: dict[str, Any]
) -> None:
    """Rollouts, teachers and update, on rows with no image, one and two; random weights never keep to a format."""
    done = run(tiny(family), cards, tmp_path / "out", method=method, max_new_tokens=8, steps=1, **options)
    (seen,) = logs(done)
    assert seen["loss"] > 0
    assert seen["grad_norm"] > 0
    plan: tuple[Segment, ...] = preset(method, **options).plan()
    weighed = sum(segment.weight * seen.get(f"loss/{segment.name}", 0) for segment in plan)
    assert seen["loss"] == pytest.approx(weighed, rel=1e-5)
    assert sum(seen[f"tokens/{segment.name}"] for segment in plan) == pytest.approx(6 * seen["completions/mean_length"])
    assert {"rollouts/accuracy", "rollouts/unscored", "seconds/teachers", "entropy"} <= seen.keys()
    assert seen.get("rollouts/invalid", 1) == 1
    record = json.loads((tmp_path / "out" / "run.json").read_text())
    assert record["options"]["wording"] == "teachers@1"
    assert (tmp_path / "out" / "adapter").exists() == ("lora" in options)
