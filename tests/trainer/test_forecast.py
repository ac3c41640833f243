"""Which ways fit, what would, and how long it takes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from perceptdata.trainer.forecast import GIB, PASSES, Device, Forecast, Rows, forecast, work_of
from perceptdata.trainer.memory import Network, Work
from perceptdata.trainer.options import Paths
from perceptdata.trainer.presets import make
from perceptdata.trainer.preview import preview, skeleton

Tiny = Callable[[str], Path]
ROWS = Rows(tokens=2048, scored=512, images=64)
MIB = 1 << 20


def gpu(memory: float) -> Device:
    return Device("a small GPU", round(memory), 1e12, gpu=True, present=False)


def seen(tiny: Tiny, method: str, options: dict[str, Any], memory: float, devices: int = 1) -> Forecast:
    model = str(tiny("qwen3_vl"))
    return forecast(lambda: skeleton(model), make(method, options), ROWS, 10, gpu(memory), devices)


def test_every_way_has_a_line(tiny: Tiny) -> None:
    found = seen(tiny, "sft", {}, GIB)
    ways = [(line.lora, line.way, line.devices) for line in found.lines]
    each = [("one", 1), ("ddp", 2), ("fsdp", 2), ("fsdp", 4), ("fsdp", 8)]
    assert ways == [(lora, *way) for lora in (False, True) for way in each]
    assert [(line.lora, line.way) for line in found.lines if line.chosen] == [(False, "one")]
    assert all(line.fits for line in found.lines)
    assert found.refusal is None
    assert found.to_json()["lines"][0]["need"]["total"] == found.lines[0].need.total


def real_width() -> Any:
    """Qwen2.5-VL-3B, as its configuration says."""
    rope = {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [16, 24, 24]}
    text = {"vocab_size": 151_936, "hidden_size": 2048, "intermediate_size": 11_008, "num_hidden_layers": 36}
    text |= {"num_attention_heads": 16, "num_key_value_heads": 2, "tie_word_embeddings": True, "rope_parameters": rope}
    vision = {"depth": 32, "hidden_size": 1280, "intermediate_size": 3420, "num_heads": 16, "out_hidden_size": 2048}
    config = transformers.Qwen2_5_VLConfig(text_config=text, vision_config=vision, tie_word_embeddings=True)
    config.dtype = torch.bfloat16
    with torch.device("meta"):
        return transformers.Qwen2_5_VLForConditionalGeneration(config)


def test_three_billion_parameters_on_small_gpus() -> None:
    """16 bytes a trained weight: 3.75 G of them are 55.9 GiB before a token is read. Adapters need 7 GiB of weights."""
    found = forecast(real_width, make("sft", {}), Rows(4096, 1024, 1024), 10, Device.chosen(40), devices=1)
    full, lora = (next(line for line in found.lines if line.lora is kind) for kind in (False, True))
    assert 55.9 * GIB < sum(full.need[:3]) < 56 * GIB
    assert 7 * GIB < lora.need.weights < 7.5 * GIB
    assert (full.fits, lora.fits) == (False, True)
    assert found.refusal is not None
    assert found.refusal.startswith("sft needs ")
    assert "on a GPU of 40 GiB, and 36.7 can be used there; it would fit with lora (" in found.refusal
    assert "or 2 devices with FSDP (" in found.refusal


def test_several_devices_are_shared_or_not(tiny: Tiny) -> None:
    found = seen(tiny, "grpo", {"lora": {}}, GIB, devices=6)
    chosen = [line for line in found.lines if line.chosen]
    assert [(line.way, line.devices, line.lora) for line in chosen] == [
        ("ddp", 6, True),
        ("fsdp", 6, True),
        ("zero3", 6, True),
    ]
    ddp, fsdp, zero3 = (line.need for line in chosen)
    assert fsdp.optimiser == ddp.optimiser // 6
    assert zero3.sampling > fsdp.sampling  # it gathers the model


def test_what_does_not_fit_is_refused_with_what_would(tiny: Tiny) -> None:
    room = seen(tiny, "sft", {"batch": 4}, GIB).lines[0].need.total
    found = seen(tiny, "sft", {"batch": 4}, room)  # a twelfth is left to the driver
    assert not found.lines[0].fits
    assert found.refusal is not None
    assert found.refusal.startswith(
        f"sft needs {room / GIB:.3g} GiB on a small GPU, and {11 / 12 * room / GIB:.3g} can"
    )
    assert "it would fit with batch 1 (" in found.refusal
    length = int(found.refusal.rpartition("max_length ")[2])
    assert length % 64 == 0
    shorter = Rows(length, 512 - (2048 - length), 64)
    again = forecast(
        lambda: skeleton(str(tiny("qwen3_vl"))), make("sft", {"batch": 4}), shorter, 10, gpu(room), devices=1
    )
    assert again.refusal is None


def test_more_devices_are_named_where_they_help(tiny: Tiny) -> None:
    """The vocabulary's own parts stay whole on each device, so a tiny model gains little; a copy per device is most."""
    options = {"beta": 0.1, "max_new_tokens": 64, "accumulate": 1}
    rows = Rows(128, 64, 4)
    model = str(tiny("qwen3_vl"))

    def found(memory: float, devices: int) -> Forecast:
        return forecast(lambda: skeleton(model), make("grpo", options), rows, 10, gpu(memory), devices)

    least = min(line.need.total for line in found(GIB, 2).lines if line.way == "fsdp" and not line.lora)
    refused = found(least * 12 / 11 - MIB / 4, 2).refusal
    assert refused is not None
    assert "even split over 2 of them" in refused
    assert "devices with FSDP (" in refused


def test_nothing_helps(tiny: Tiny) -> None:
    refused = seen(tiny, "sft", {"lora": {}}, 1000).refusal
    assert refused is not None
    assert refused.endswith("take a smaller model")


def test_a_rollout_may_be_made_shorter(tiny: Tiny) -> None:
    model = str(tiny("qwen3_vl"))
    options = make("grpo", {"max_new_tokens": 1024, "lora": {}})
    rows = Rows(1100, 1024, 4)
    whole = forecast(lambda: skeleton(model), options, rows, 1, gpu(GIB), 1).lines
    need = next(line.need.total for line in whole if line.chosen)
    refused = forecast(lambda: skeleton(model), options, rows, 1, gpu(need), 1).refusal
    assert refused is not None
    assert 64 <= int(refused.rpartition("max_new_tokens ")[2]) < 1024


def test_an_option_without_its_other_is_shown_alone(tiny: Tiny) -> None:
    assert {line.lora for line in seen(tiny, "vigos", {"teacher_ema": 0.9}, GIB).lines} == {False}


def test_seconds_by_hand(tiny: Tiny) -> None:
    """sft: 3 passes back and forth, 1 again, of both stacks; 8 N H V for the head; 8 micro-batches; 0.4e12 a second."""
    network = Network.of(skeleton(str(tiny("qwen3_vl"))), make("sft", {}))
    assert network.tower is not None
    forward = 2048 * network.language.operations(1024)
    tower = 256 * network.tower.operations(256)
    head = 512 * 64 * network.vocabulary
    assert PASSES["trained"] == 3
    wanted = 8 * (4 * forward + 4 * tower + 8 * head) / 0.4e12
    found = seen(tiny, "sft", {}, GIB)
    assert found.step_seconds == pytest.approx(wanted)
    assert found.seconds == pytest.approx(10 * wanted)
    assert found.assumption == "40% of the 1 TFLOP/s that are assumed, not measured"


def test_looks_and_rollouts_take_time(tiny: Tiny) -> None:
    grpo, pgpo, reference, updates = (
        seen(tiny, method, {"max_new_tokens": 512, **options}, GIB).step_seconds
        for method, options in (("grpo", {}), ("pgpo", {}), ("grpo", {"beta": 0.1}), ("grpo", {"updates": 2}))
    )
    assert pgpo - grpo == pytest.approx(2 * (reference - grpo))
    assert updates - grpo == pytest.approx(reference - grpo, rel=0.01)  # a look more; to sample takes its arithmetic
    never, each, second, more = (
        seen(tiny, "vigos", {"max_new_tokens": 512, "palr_every": every, "palr_wrong": wrong}, GIB).step_seconds
        for every, wrong in ((0, 3), (1, 3), (2, 3), (1, 8))
    )
    assert each > never > 0
    assert each - never == pytest.approx(2 * (second - never))
    assert more - never == pytest.approx(2 * (each - never))  # 8 + 2 passes of two teachers, of whom one knows; 3 + 2


def test_one_pass_of_a_method(tiny: Tiny) -> None:
    network = Network.of(skeleton(str(tiny("qwen3_vl"))), make("sft", {}))
    assert work_of(network, make("sft", {"batch": 3}), ROWS) == Work(3, 2048, 512, 256, 0, 0)
    grpo = make("grpo", {"updates": 2, "max_new_tokens": 512})
    assert work_of(network, grpo, ROWS) == Work(4, 2048, 512, 256, 4 * 8 * 2, 512)


def test_the_device_is_the_one_that_is_meant() -> None:
    elsewhere = Device.chosen(80)
    assert (elsewhere.name, elsewhere.memory, elsewhere.gpu) == ("a GPU of 80 GiB", 80 * GIB, True)
    here = Device.chosen(None)
    assert here.memory > GIB
    assert here.rate > 1e8
    assert here.assumption.endswith("that a product reached here")


def test_a_preview_forecasts_its_own_rows(tiny: Tiny, cards: Path, tmp_path: Path) -> None:
    paths = Paths(model=str(tiny("qwen3_vl")), view=cards, out=tmp_path)
    grpo = preview(make("grpo", {"max_new_tokens": 64, "accumulate": 1}), paths, 4, gpu_memory=24)
    assert [line.devices for line in grpo.forecast.lines if line.chosen] == [4, 4, 4]
    assert grpo.forecast.seconds == pytest.approx(grpo.steps * grpo.forecast.step_seconds)
    assert grpo.to_json()["forecast"]["device"]["memory"] == 24 * GIB
