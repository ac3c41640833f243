"""What is loaded, in which class and type; and that every way a checkpoint can be wrong is one sentence."""

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import transformers
from models import tiny as factory

from perceptdata.errors import UsageError
from perceptdata.vlm import loading
from perceptdata.vlm.loading import LocalModel, fingerprint, without_videos

Tiny = Callable[[str], Path]


@pytest.mark.parametrize(
    ("family", "network"),
    [
        ("qwen2_5_vl", transformers.Qwen2_5_VLForConditionalGeneration),
        ("qwen3_vl", transformers.Qwen3VLForConditionalGeneration),
        ("llava", transformers.LlavaForConditionalGeneration),
        ("qwen3", transformers.Qwen3ForCausalLM),
    ],
)
def test_each_family_loads_with_its_own_class(tiny: Tiny, family: str, network: type) -> None:
    model = LocalModel.load(tiny(family))
    assert type(model.network) is network
    assert model.sees_images == (family != "qwen3")
    assert (model.network.dtype, str(model.device), model.context) == (torch.float32, "cpu", 4096)
    assert not model.network.training
    assert not any(weight.requires_grad for weight in model.network.parameters())
    ids = model.tokenizer.convert_tokens_to_ids(["<|im_end|>", "<|endoftext|>", "<|image_pad|>", "<|video_pad|>"])
    assert (model.end_ids, model.pad_id) == ((ids[0],), ids[1])
    assert set(model.media_ids) == {"qwen3": set(), "llava": {ids[2]}}.get(family, {ids[2], ids[3]})


def test_the_weights_are_those_of_the_folder_in_the_type_asked_for(tiny: Tiny) -> None:
    full, half = LocalModel.load(str(tiny("qwen3"))), LocalModel.load(tiny("qwen3"), dtype="bfloat16", device="cpu")
    assert half.network.dtype == torch.bfloat16
    for name, weight in full.network.state_dict().items():
        assert torch.equal(weight.bfloat16(), half.network.state_dict()[name])


def test_the_same_seed_makes_the_same_model(tmp_path: Path) -> None:
    state = torch.random.get_rng_state()
    one, two, other = (
        factory.write("qwen3_vl", tmp_path / name, seed) for name, seed in [("a", 0), ("b", 0), ("c", 1)]
    )
    assert torch.equal(state, torch.random.get_rng_state())
    weights = [(folder / "model.safetensors").read_bytes() for folder in (one, two, other)]
    assert weights[0] == weights[1] != weights[2]
    assert fingerprint(one) == fingerprint(two) != fingerprint(other)


def test_a_fingerprint_follows_the_files_that_are_read(tiny: Tiny, tmp_path: Path) -> None:
    folder = tmp_path / "copied elsewhere"
    shutil.copytree(tiny("qwen3"), folder)
    before = fingerprint(folder)
    assert before == fingerprint(tiny("qwen3"))
    (folder / "README.md").write_text("notes")
    assert fingerprint(folder) == before
    template = folder / "chat_template.jinja"
    template.write_text(template.read_text() + " ")
    assert fingerprint(folder) != before
    assert fingerprint("someone/some-model") == "someone/some-model"


def test_a_processor_without_videos_leaves_its_class_alone_and_saves_under_its_name(tiny: Tiny, tmp_path: Path) -> None:
    kind = without_videos(transformers.Qwen3VLProcessor)
    processor = kind.from_pretrained(tiny("qwen3_vl"))
    assert kind.get_attributes() == ["image_processor", "tokenizer"]
    assert transformers.Qwen3VLProcessor.get_attributes() == ["image_processor", "tokenizer", "video_processor"]
    processor.save_pretrained(tmp_path)
    assert json.loads((tmp_path / "processor_config.json").read_text())["processor_class"] == "Qwen3VLProcessor"


def test_nothing_is_drawn_on_what_is_no_terminal(tiny: Tiny, capfd: pytest.CaptureFixture[str]) -> None:
    LocalModel.load(tiny("qwen3_vl"))
    assert capfd.readouterr() == ("", "")
    assert transformers.utils.logging.is_progress_bar_enabled()


def change(folder: Path, **values: object) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def change_text(folder: Path, **values: object) -> None:
    change(folder, text_config=json.loads((folder / "config.json").read_text())["text_config"] | values)


def cut(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:1000])


def without_image_token(folder: Path) -> None:
    for name in ("tokenizer.json", "tokenizer_config.json"):
        path = folder / name
        path.write_text(path.read_text().replace("<|image_pad|>", "<|picture|>"))


def without_end(folder: Path) -> None:
    path = folder / "tokenizer_config.json"
    path.write_text(
        json.dumps({key: value for key, value in json.loads(path.read_text()).items() if key != "eos_token"})
    )
    (folder / "generation_config.json").write_text("{}")
    change_text(folder, eos_token_id=None)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda folder: (folder / "chat_template.jinja").unlink(), "has no chat template; use its instruction-tuned"),
        (without_image_token, "has no image token"),
        (without_end, "names no end token; add eos_token_id"),
        (cut, "cannot be loaded: .*header"),
        (lambda folder: change(folder, model_type="perceptron"), "cannot be loaded: .*perceptron"),
        (lambda folder: (folder / "config.json").write_text("{"), "cannot be loaded: .*not a valid JSON"),
        (lambda folder: (folder / "model.safetensors").unlink(), "cannot be loaded: .*model.safetensors"),
        (lambda folder: (folder / "preprocessor_config.json").unlink(), "cannot be loaded: .*image processor"),
        (lambda folder: (folder / "tokenizer.json").unlink(), "cannot be loaded: .*tokenizer"),
        (lambda folder: change_text(folder, num_hidden_layers=3), "cannot be loaded: 11 of its weights are missing"),
        (lambda folder: change_text(folder, intermediate_size=32), "cannot be loaded: 6 of its weights are .* shape"),
    ],
)
def test_a_damaged_checkpoint_is_one_sentence(
    tiny: Tiny, tmp_path: Path, damage: Callable[[Path], object], said: str
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(tiny("qwen3_vl"), folder)
    damage(folder)
    with pytest.raises(UsageError, match=said) as error:
        LocalModel.load(folder)
    assert str(folder) in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("source", ["./nowhere", "/no/such/folder", Path("nowhere"), "a/b/c"])
def test_a_folder_that_is_not_there(source: str | Path) -> None:
    with pytest.raises(UsageError, match=r"there is no folder .*nowhere|there is no folder (/no/such/folder|a/b/c)"):
        LocalModel.load(source)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"device": "gpu0"}, "'gpu0' is no device"),
        ({"device": "cuda:99"}, "there is no cuda:99 here"),
        ({"dtype": "int4"}, "'int4' is no dtype"),
    ],
)
def test_options_that_cannot_be(tiny: Tiny, options: dict[str, str], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        LocalModel.load(tiny("qwen3"), **options)


def test_without_the_extra_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(UsageError, match=r"need transformers: pip install 'perceptdata\[train\]'"):
        LocalModel.load("anything")


def test_a_torchvision_for_another_torch_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        __spec__ = None

        def __getattr__(self, name: str) -> object:
            raise RuntimeError("operator torchvision::nms does not exist")

    monkeypatch.setitem(sys.modules, "transformers", Broken())
    with pytest.raises(UsageError, match=r"nms does not exist.*torchvision.*another torch"):
        loading.LocalModel.load("anything")
