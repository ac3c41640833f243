"""On a GPU: a step of every method, and its memory against the forecast. Without one: that the bench says so."""

import argparse
import importlib
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from models.training import run

from perceptdata.trainer.memory import Network, Way, Work, needed
from perceptdata.trainer.presets import METHODS, make
from perceptdata.trainer.presets.grpo import Grpo
from perceptdata.trainer.preview import skeleton

Tiny = Callable[[str], Path]
gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="There is no CUDA GPU on this machine.")


@pytest.fixture(scope="module")
def bench(root: Path) -> Iterator[Any]:
    """benchmarks/train.py as a module."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", [str(root / "benchmarks"), *sys.path])
        yield importlib.import_module("train")
    for name in ("train", "_vlm", "_toy", "_measure"):
        sys.modules.pop(name, None)


@pytest.fixture(scope="module")
def measured(bench: Any, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], dict[str, Any]]:
    """`measured("sft/turns")`: one route of the bench in this process, on a tiny model."""
    folder = tmp_path_factory.mktemp("bench")
    bench.write_model("tiny", folder / "model")
    bench.write_view(8, folder)
    options = argparse.Namespace(gpu=torch.cuda.is_available(), size="tiny", steps=1, folder=str(folder))

    def run_route(route: str) -> dict[str, Any]:
        group, name = route.split("/")
        found: dict[str, Any] = bench.ROUTES[group](options, name)
        return found

    return run_route


@pytest.mark.skipif(torch.cuda.is_available(), reason="There is a GPU here: `make gpu-check` runs the bench on it.")
def test_without_a_gpu_the_bench_measures_nothing(bench: Any, monkeypatch: Any, capsys: Any) -> None:
    monkeypatch.setattr(sys, "argv", ["train.py", "--gpu", "--groups", "sft", "presets"])
    bench.main()
    assert json.loads(capsys.readouterr().out) == {"not_measured": "there is no CUDA GPU on this machine"}


def test_every_group_has_routes(bench: Any) -> None:
    assert set(bench.ROUTES) == set(bench.GROUPS)
    assert set(bench.names("presets")) == set(METHODS)


def test_the_bench_compares_equal_work(measured: Callable[[str], dict[str, Any]]) -> None:
    """On the same tokens. TRL takes a mean of the micro-batches' means, we one over all tokens."""
    found = measured("sft/turns")
    assert found["standard"]["loss"] == pytest.approx(found["trl"]["loss"], rel=1e-3)
    assert found["standard"]["peak_mib"] <= found["trl"]["peak_mib"]
    assert all(each["seconds"] > 0 and each["ceiling"] > 0 for each in found.values())


def test_the_bench_takes_a_step_apart(measured: Callable[[str], dict[str, Any]]) -> None:
    pgpo = measured("sight/pgpo")
    assert pgpo["parts"].keys() == {"sampling", "scoring pass", "blind pass"}
    assert sum(pgpo["parts"].values()) < pgpo["seconds"]
    vigos = measured("vigos/vigos")["parts"]
    roles = {segment.name for segment in make("vigos", {}).plan()}
    assert {name for name in vigos if name.startswith("teacher")} == {f"teacher {role}" for role in roles}
    assert {name for name in vigos if name.startswith("divergence")} == {f"divergence {role}" for role in roles}


@gpu
@pytest.mark.parametrize("method", METHODS)
def test_every_method_in_bfloat16(tiny: Tiny, cards: Path, tmp_path: Path, method: str) -> None:
    """What CPU tests show in float32 holds where autocast, Triton and recomputed activations come in."""
    given: dict[str, Any] = {"batch": 2, "accumulate": 2, "steps": 2}
    if method != "sft":
        given["max_new_tokens"] = 12
    if isinstance(make(method, {}), Grpo):
        given |= {"group": 2, "band": None}
    if method == "vigos":
        given["format"] = {"use": "describe_think_boxed"}
    done = run(tiny("qwen2_5_vl"), cards, tmp_path, method=method, **given)
    assert done.steps == 2
    assert done.loss is not None


@gpu
@pytest.mark.parametrize("options", [{}, {"lora": {}}, {"checkpointing": False}], ids=["full", "lora", "kept"])
def test_the_forecast_bounds_what_cuda_counts(tiny: Tiny, cards: Path, tmp_path: Path, options: dict[str, Any]) -> None:
    """Of a tiny model, whose tile of logits is most of it; `make gpu-check` compares at real width."""
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    given = {"batch": 2, "accumulate": 2, "steps": 2, **options}
    run(tiny("qwen2_5_vl"), cards, tmp_path, **given)
    measured = torch.cuda.max_memory_allocated() - before
    chosen = make("sft", given)
    work = Work(rows=2, tokens=160, scored=60, patches=64)
    said = needed(Network.of(skeleton(str(tiny("qwen2_5_vl"))), chosen), work, Way("one"), chosen).total
    assert measured <= 1.5 * said
