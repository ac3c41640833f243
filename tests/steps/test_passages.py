"""Responses as a model is given them to read: their tokens, where those lie, and what cannot be read."""

import copy
import dataclasses
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
import torch
from models import families, kin
from models.pictures import draw
from models.reading import FORM, RESPONSE, STORE, example
from models.tiny import Load, with_template

from perceptdata.errors import Rejected, UsageError
from perceptdata.example import IMAGE, Turn
from perceptdata.steps.declared import make_format
from perceptdata.steps.passages import Passages, Read
from perceptdata.vlm.loading import LocalModel


@pytest.fixture(scope="module")
def load(tiny: Callable[[str], Path]) -> Load:
    return cache(lambda family: LocalModel.load(tiny(family)))


def model_of(load: Load, name: str) -> LocalModel:
    return kin.model(name) if name in kin.KINDS else load(name)


def words(read: Read, response: str) -> list[str]:
    return [response[start:end] for start, end in zip(read.start, read.end, strict=True)]


@pytest.mark.parametrize("name", ["qwen2_5_vl", "qwen3_vl", "llava", "internvl", "gemma"])
@pytest.mark.parametrize("response", [RESPONSE, "图中有 3 é👩‍🔬 so.\n\n x", " leading and trailing  ", "5"])
def test_each_token_stands_where_it_says(load: Load, name: str, response: str) -> None:
    model = model_of(load, name)
    read = Passages(model, FORM).read(example(draw("red")), response, STORE)
    seen = read.pair.seen
    assert len(read.start) == len(read.end) == seen.count
    assert (read.start[1:] >= read.start[:-1]).all()
    assert "".join(model.tokenizer.decode(seen.targets).split()) == "".join(response.split())
    covered = "".join(
        response[max(a, b) : c] for a, b, c in zip(read.start, [0, *read.end[:-1]], read.end, strict=True)
    )
    assert "".join(covered.split()) == "".join(response.split())
    ids = seen.row.inputs["input_ids"][0]
    assert torch.equal(ids[seen.first : seen.first + seen.count], seen.targets)


def test_the_question_is_asked_as_the_format_asks_it(load: Load) -> None:
    model = load("qwen3_vl")
    form = make_format({"use": "think_boxed", "place": "system"})
    chat = example(draw("red")).model_copy(
        update={"history": (Turn(role="user", text="Hello?"), Turn(role="assistant", text="Hello."))}
    )
    text = Passages(model, form).read(chat, RESPONSE, STORE).pair.seen.row.text
    assert text.startswith("<|im_start|>system\n" + form.system)
    assert "Hello.<|im_end|>" in text
    assert text.endswith(f"How many shapes are there?<|im_end|>\n<|im_start|>assistant\n{RESPONSE}<|im_end|>\n")


def test_none_asks_without_the_image(load: Load) -> None:
    model = load("qwen2_5_vl")
    read = Passages(model, FORM, "none").read(example(draw("red"), draw("blue")), RESPONSE, STORE)
    seen, blind = read.pair.seen, read.pair.blind
    assert blind is not None
    assert blind.row.text == seen.row.text.replace("<|vision_start|><|image_pad|><|vision_end|>", "")
    assert "pixel_values" not in blind.row.inputs
    assert torch.equal(seen.targets, blind.targets)
    assert blind.first < seen.first


@pytest.mark.parametrize("blind", ["blank", "patches", "noise"])
def test_other_pixels_take_the_same_places(load: Load, blind: str) -> None:
    model = load("qwen2_5_vl")
    one, other, seeded = (
        Passages(model, FORM, blind, seed).read(example(draw("green", 120, 40), name=name), RESPONSE, STORE).pair
        for name, seed in (("t/s/1", 0), ("t/s/2", 0), ("t/s/1", 1))
    )
    for pair in (one, other, seeded):
        assert pair.blind is not None
        assert torch.equal(pair.seen.row.inputs["input_ids"], pair.blind.row.inputs["input_ids"])
        assert not torch.equal(pair.seen.row.inputs["pixel_values"], pair.blind.row.inputs["pixel_values"])
    pixels = [pair.blind.row.inputs["pixel_values"] for pair in (one, other, seeded) if pair.blind]
    assert torch.equal(pixels[0], pixels[1]) == torch.equal(pixels[0], pixels[2]) == (blind == "blank")


def rejected(model: LocalModel, response: str = RESPONSE, **form: int) -> str:
    passages = Passages(model, make_format({"use": "answer_only", **form}))
    with pytest.raises(Rejected) as found:
        passages.read(example(draw("red")), response, STORE)
    return found.value.code


def test_what_cannot_be_read_is_a_reject_with_its_reason(load: Load) -> None:
    model = load("qwen3_vl")
    assert rejected(model, "") == "response.empty"
    assert rejected(model, "a <|image_pad|> b") == "text.special_token"
    assert rejected(model, max_prompt_tokens=20) == "prompt.too_long"
    assert rejected(dataclasses.replace(model, context=20)) == "prompt.too_long"
    tokens = Passages(model, FORM).read(example(draw("red")), RESPONSE, STORE).pair.seen.row.tokens
    assert rejected(dataclasses.replace(model, context=tokens - 1)) == "response.too_long"
    assert Passages(dataclasses.replace(model, context=tokens), FORM).read(example(draw("red")), RESPONSE, STORE)


def test_images_that_leave_no_token_are_a_reject(load: Load) -> None:
    """A network that names another token than the processor writes: nothing could be hidden."""
    model = load("llava")
    network = copy.deepcopy(model.network)
    network.config.image_token_id = model.tokenizer.convert_tokens_to_ids("<|video_pad|>")
    assert rejected(dataclasses.replace(model, network=network)) == "prompt.images"


def test_a_template_that_gives_the_response_other_tokens_without_its_image(load: Load) -> None:
    """`re` behind an image is a token, and behind `pictu` the end of one."""
    model = load("llava")
    template = (
        "{%- for m in messages %}{%- for part in m.content %}"
        "{%- if part.type == 'image' %}{{- '<|image_pad|>' }}{%- else %}{{- part.text }}{%- endif %}"
        "{%- endfor %}{%- if m.role == 'assistant' %}{{- '<|im_end|>' }}{%- endif %}{%- endfor %}"
    )
    asked = example(draw("red")).model_copy(update={"question": f"The pictu{IMAGE}"})
    passages = Passages(with_template(model, template), FORM.model_copy(update={"rule": ""}), "none")
    with pytest.raises(Rejected, match="other tokens when its image is hidden"):
        passages.read(asked, "re shows", STORE)


def test_a_tokenizer_without_offsets_is_refused(load: Load) -> None:
    model = load("llava")

    class Slow:
        is_fast = False

    with pytest.raises(UsageError, match="gives no offsets"):
        Passages(dataclasses.replace(model, tokenizer=Slow()), FORM)


def test_a_template_that_opens_a_thought_needs_one(load: Load) -> None:
    thinking = families.reader("qwen3_vl_thinking")
    model = with_template(load("qwen3_vl"), thinking.processor.chat_template)
    assert rejected(model) == "prompt.thoughts"
    read = Passages(model, FORM).read(example(draw("red")), f"<think>\nOne.\n</think>\n\n{RESPONSE}", STORE)
    assert words(read, f"<think>\nOne.\n</think>\n\n{RESPONSE}")[0] == "<think>"
