"""A checkpoint without its weights."""

from collections.abc import Callable
from pathlib import Path

import pytest
import transformers
from models.tiny import WITH_IMAGES

from perceptdata.errors import UsageError
from perceptdata.vlm.loading import LocalModel, Reader


@pytest.mark.parametrize("family", [*WITH_IMAGES, "qwen3"])
def test_it_reads_what_a_loaded_model_has(
    family: str, tiny: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = LocalModel.load(tiny(family))
    for auto in (transformers.AutoModelForImageTextToText, transformers.AutoModelForCausalLM):
        monkeypatch.setattr(auto, "from_pretrained", None)  # no weights are touched
    reader = Reader.read(tiny(family))
    assert type(reader) is Reader
    assert (reader.name, reader.end_ids) == (model.name, model.end_ids)
    assert (reader.sees_images, reader.image_token) == (model.sees_images, model.image_token)
    assert reader.tokenizer.get_vocab() == model.tokenizer.get_vocab()
    assert (reader.processor or reader.tokenizer).chat_template == (model.processor or model.tokenizer).chat_template


def test_a_folder_without_generation_settings_ends_with_its_tokenizer(
    tiny: Callable[[str], Path], tmp_path: Path
) -> None:
    for file in tiny("qwen3").iterdir():
        if file.name not in ("generation_config.json", "model.safetensors"):
            (tmp_path / file.name).write_bytes(file.read_bytes())
    reader = Reader.read(tmp_path)
    assert reader.end_ids == (reader.tokenizer.eos_token_id,)


def test_what_cannot_be_read_is_one_sentence(tiny: Callable[[str], Path], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be loaded"):
        Reader.read(tmp_path)
    for file in tiny("qwen3").iterdir():
        if not file.name.startswith(("model", "chat_template")):
            (tmp_path / file.name).write_bytes(file.read_bytes())
    with pytest.raises(UsageError, match="has no chat template"):
        Reader.read(tmp_path)
