"""The model that is trained: what moves, and what is refused before anything does."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from models import tiny as factory
from safetensors.torch import load_file, save_file

from perceptdata.errors import UsageError
from perceptdata.trainer.model import TrainedModel
from perceptdata.trainer.options import Lora, Options, Paths
from perceptdata.trainer.presets import make
from perceptdata.trainer.run import train

Tiny = Callable[[str], Path]


@pytest.fixture
def blind(tmp_path: Path) -> Path:
    """A model whose image features are all 0."""
    folder = factory.write("llava", tmp_path)
    weights = load_file(folder / "model.safetensors")
    dead = {name: torch.zeros_like(value) if "projector" in name else value for name, value in weights.items()}
    save_file(dead, folder / "model.safetensors", {"format": "pt"})
    return folder


def test_a_model_that_does_not_look_is_not_trained(blind: Path, cards: Path, tmp_path: Path) -> None:
    paths = Paths(model=str(blind), view=cards, out=tmp_path / "out")
    with pytest.raises(UsageError, match="predicts the same for a blank image and a drawing: it does not look"):
        train(make("sft", {"steps": 1}), paths)
    assert not (tmp_path / "out" / "run.json").exists()
    TrainedModel.load(str(blind), Options(), rows_have_images=False)  # nothing to look at: no matter


@pytest.mark.parametrize("family", factory.TRAINED)
def test_everything_moves_unless_told_otherwise(tiny: Tiny, family: str) -> None:
    model = TrainedModel.load(str(tiny(family)), Options())
    assert len(model.trained) == len(list(model.network.parameters()))
    assert model.network.training
    assert model.reader.tokenizer.padding_side == "left"
    assert model.stored == torch.float32


@pytest.mark.parametrize("family", factory.TRAINED)
def test_parts_that_are_not_named_stand_still(tiny: Tiny, family: str) -> None:
    model = TrainedModel.load(str(tiny(family)), Options(train=("head",)))
    assert model.trained == ("lm_head.weight",)


@pytest.mark.parametrize("family", factory.TRAINED)
def test_adapters_are_on_the_language_model_alone(tiny: Tiny, family: str) -> None:
    model = TrainedModel.load(str(tiny(family)), Options(lora=Lora(r=2)))
    assert len(model.trained) == 2 * 7 * factory.LAYERS
    assert all("language_model" in name and "lora_" in name for name in model.trained)


def test_adapters_go_where_the_options_say(tiny: Tiny) -> None:
    chosen = Options(lora=Lora(r=2, targets=("q_proj",)), train=("vision", "language"))
    model = TrainedModel.load(str(tiny("internvl")), chosen)
    assert any("vision_tower" in name for name in model.trained)
    with pytest.raises(UsageError, match=r"no layer called c_attn among the parts that are trained; set lora\.targets"):
        TrainedModel.load(str(tiny("internvl")), Options(lora=Lora(targets=("c_attn",))))


def test_a_text_model_is_refused(tiny: Tiny) -> None:
    with pytest.raises(UsageError, match=r"belongs to no known part; known are Qwen2\.5-VL"):
        TrainedModel.load(str(tiny("qwen3")), Options(), rows_have_images=False)


def test_the_dtype_on_disk_is_remembered(tmp_path: Path) -> None:
    folder = factory.write("llava", tmp_path)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "dtype": "bfloat16"}))
    model = TrainedModel.load(str(folder), Options())
    assert (model.stored, model.network.dtype) == (torch.bfloat16, torch.float32)


def test_max_pixels_reaches_the_processor(tiny: Tiny) -> None:
    model = TrainedModel.load(str(tiny("qwen2_5_vl")), Options(max_pixels=28 * 28 * 5))
    size = model.reader.processor.image_processor.size
    assert (size["shortest_edge"], size["longest_edge"]) == (28 * 28, 28 * 28 * 5)
    free = TrainedModel.load(str(tiny("internvl")), Options(max_pixels=28 * 28 * 5))
    assert free.reader.processor.image_processor.size["height"] == 28
