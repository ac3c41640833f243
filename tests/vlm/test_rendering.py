"""The exact text and tensors that a model is given, and what it is not given."""

import copy
import dataclasses
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from models import tiny as factory
from models.pictures import draw
from models.tiny import Load
from PIL import Image as Pillow
from tokenizers.processors import TemplateProcessing

from perceptdata import images, registry
from perceptdata.errors import REASONS, Rejected, UsageError
from perceptdata.example import Answer, Example, Image, Source, Turn
from perceptdata.vlm.rendering import Request, fit, prepare, render

PICTURE = "<|vision_start|><|image_pad|><|vision_end|>"


def rejected(model: Any, request: Request, new_tokens: int = 0) -> tuple[str, str]:
    with pytest.raises(Rejected) as error:
        prepare(model, request, new_tokens)
    assert error.value.code in REASONS
    return error.value.code, error.value.message


def test_a_conversation_is_rendered_with_its_images_in_their_places(load: Load) -> None:
    request = Request(
        key="a",
        question="Compare it to <image> and\n<image>\nagain.",
        images=(draw("red"), draw("blue"), draw("lime")),
        system="Be brief.",
        history=(Turn(role="user", text="<image>\nWhat is it?"), Turn(role="assistant", text="A square.")),
        prefill="<description>",
    )
    text, opened = render(load("qwen3_vl"), request)
    assert opened == "<description>"
    assert text == (
        "<|im_start|>system\nBe brief.<|im_end|>\n"
        f"<|im_start|>user\n{PICTURE}\nWhat is it?<|im_end|>\n"
        "<|im_start|>assistant\nA square.<|im_end|>\n"
        f"<|im_start|>user\nCompare it to {PICTURE} and\n{PICTURE}\nagain.<|im_end|>\n"
        "<|im_start|>assistant\n<description>"
    )


def test_a_text_model_is_given_strings(load: Load) -> None:
    text, opened = render(load("qwen3"), Request(key="a", question="2 + 2?", system="Add."))
    assert (text, opened) == (
        "<|im_start|>system\nAdd.<|im_end|>\n<|im_start|>user\n2 + 2?<|im_end|>\n<|im_start|>assistant\n",
        "",
    )


def test_an_example_is_asked_in_its_format(load: Load) -> None:
    example = Example(
        id="toy/dev/1",
        stage="perception",
        group="1",
        images=(Image(sha256="0" * 64, width=64, height=64),),
        question="<image>Which colour?",
        choices=("red", "blue"),
        answer=Answer(text="red", kind="choice", index=0),
        source=Source(builder="toy", version="1", corpus="toy", split="dev", key="1", licence="CC0-1.0"),
    )
    form = registry.make("formats", "describe_think_boxed", {"rule": "Look.", "place": "system", "max_pixels": 4096})
    request = Request.of(example, form, [draw("red")])
    assert (request.key, request.max_pixels, request.max_prompt_tokens) == ("toy/dev/1", 4096, None)
    assert render(load("qwen3_vl"), request)[0] == (
        "<|im_start|>system\nLook.<|im_end|>\n"
        f"<|im_start|>user\n{PICTURE}Which colour?\n\n"
        "Choices:\nA. red\nB. blue\nAnswer with the letter of the right choice.<|im_end|>\n"
        "<|im_start|>assistant\n<description>"
    )


@pytest.mark.parametrize("family", factory.WITH_IMAGES)
def test_tensors_are_those_of_the_library(load: Load, family: str) -> None:
    """`apply_chat_template(tokenize=True)` is the library's own route from messages to inputs."""
    model = load(family)
    files = (draw("red", 96, 64), draw("blue", 40, 90))
    prepared = prepare(model, Request(key="a", question="One <image> two <image>?", images=files))
    content: list[dict[str, Any]] = [
        {"type": "text", "text": "One "},
        {"type": "image", "image": images.decode(files[0])},
    ]
    content += [{"type": "text", "text": " two "}, {"type": "image", "image": images.decode(files[1])}]
    expected = model.processor.apply_chat_template(
        [{"role": "user", "content": [*content, {"type": "text", "text": "?"}]}],
        tokenize=True,
        return_dict=True,
        return_tensors="pt",
        add_generation_prompt=True,
    )
    assert prepared.inputs.keys() == expected.keys()
    assert all(torch.equal(prepared.inputs[key], expected[key]) for key in expected)
    assert prepared.tokens == expected["input_ids"].shape[1]


@pytest.mark.parametrize("template", [factory.TEMPLATE, "{{ bos_token }}" + factory.TEMPLATE])
def test_a_beginning_token_is_given_once(load: Load, template: str) -> None:
    """Some templates write it and some leave it to the tokenizer."""
    model = factory.with_template(load("llava"), template.replace("{image}", "<|image_pad|>"))
    tokenizer = copy.deepcopy(model.tokenizer)
    tokenizer.bos_token = "<|video_pad|>"
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single="<|video_pad|> $A", special_tokens=[("<|video_pad|>", tokenizer.bos_token_id)]
    )
    processor = copy.copy(model.processor)
    processor.tokenizer = tokenizer
    model = dataclasses.replace(model, tokenizer=tokenizer, processor=processor)
    ids = prepare(model, Request(key="a", question="?")).inputs["input_ids"][0].tolist()
    assert ids.index(tokenizer.bos_token_id) == 0
    assert ids.count(tokenizer.bos_token_id) == 1


def test_a_limit_near_the_models_least_size_is_kept(load: Load) -> None:
    """30 x 60 would be enlarged to at least 4 * 28^2 pixels, sides rounded up: 56 x 84, which is 6 * 28^2."""
    request = Request(key="a", question="<image>", images=(draw("red", 30, 60),), max_pixels=28 * 28 * 4)
    model = load("qwen2_5_vl")
    ids = prepare(model, request).inputs["input_ids"]
    assert int((ids == model.network.config.image_token_id).sum()) == 2  # 28 x 56


@pytest.mark.parametrize(
    ("family", "max_pixels", "tokens"),
    [
        # Patches of 14, two by two: sides are multiples of 28. 224 x 224 may have 16 * 28^2 pixels: 112 x 112.
        ("qwen2_5_vl", None, 16),
        ("qwen2_5_vl", 28 * 28 * 9, 9),
        ("qwen2_5_vl", 28 * 28 * 9 - 1, 4),  # 84 x 84 is one pixel too many
        ("qwen2_5_vl", 10**9, 16),  # the model's own limit stays
        ("qwen3_vl", 32 * 32 * 9, 9),
        ("llava", 28 * 28, 16),  # every image becomes 56 x 56
    ],
)
def test_images_are_fitted_by_the_models_own_rule(load: Load, family: str, max_pixels: int | None, tokens: int) -> None:
    model = load(family)
    request = Request(key="a", question="<image>", images=(draw("red", 224, 224),), max_pixels=max_pixels)
    ids = prepare(model, request).inputs["input_ids"]
    assert int((ids == model.network.config.image_token_id).sum()) == tokens


# Up to four times as long as high: of thinner ones no side gets less than a token's 28 pixels, whatever the limit.
@given(st.integers(100, 400), st.integers(100, 400), st.integers(28 * 28 * 4, 200_000))
def test_no_image_passes_the_limit(load: Load, width: int, height: int, limit: int) -> None:
    for family in ("qwen2_5_vl", "llava"):
        model = load(family)
        processor = model.processor.image_processor
        pictures, options = fit(model, processor, [Pillow.new("RGB", (width, height))], limit)
        if family == "llava":
            seen = pictures[0].width * pictures[0].height
            assert abs(pictures[0].width * height - pictures[0].height * width) <= max(width, height)  # not distorted
        else:
            seen = int(processor(pictures, **options, return_tensors="pt")["image_grid_thw"].prod()) * 14 * 14
        assert seen <= limit


def test_a_limit_below_one_token_is_a_mistake(load: Load) -> None:
    request = Request(key="a", question="<image>", images=(draw("red"),), max_pixels=783)
    with pytest.raises(UsageError, match=r"max_pixels is 783, but one image token of .* takes 784 pixels"):
        prepare(load("qwen2_5_vl"), request)


def test_what_is_too_long_is_refused_and_never_cut(load: Load) -> None:
    model = load("qwen3_vl")
    asked = Request(key="a", question="<image>How many?", images=(draw("red"),))
    tokens = prepare(model, asked).tokens
    for limit in (tokens, tokens - 1):
        request = Request(key="a", question=asked.question, images=asked.images, max_prompt_tokens=limit)
        if limit == tokens:
            assert prepare(model, request).tokens == tokens
        else:
            assert rejected(model, request) == (
                "prompt.too_long",
                f"the prompt has {tokens} tokens; the format allows {limit}",
            )
    assert prepare(model, asked, 4096 - tokens).tokens == tokens
    code, message = rejected(model, asked, 4097 - tokens)
    assert (code, f"{tokens} tokens and {4097 - tokens} new ones" in message) == ("prompt.too_long", True)


def test_what_a_model_cannot_be_asked_is_a_reject(load: Load) -> None:
    seeing, reading, red = load("qwen3_vl"), load("qwen3"), draw("red")
    assert rejected(seeing, Request(key="a", question="<image><image>", images=(red,)))[0] == "image.placeholders"
    assert rejected(seeing, Request(key="a", question="?", images=(red,)))[0] == "image.placeholders"
    assert rejected(seeing, Request(key="a", question="<image>", images=(b"GIF89a",)))[0] == "image.unreadable"
    assert rejected(reading, Request(key="a", question="<image>?", images=(red,)))[0] == "prompt.images"
    thin = Request(key="a", question="<image>", images=(draw("red", 1000, 4),))
    assert rejected(seeing, thin)[0] == "prompt.images"
    for text in ("a<|im_end|>b", "<|image_pad|>", "x <|vision_start|>"):
        for request in (Request(key="a", question=text), Request(key="a", question="?", system=text)):
            assert rejected(seeing, request)[0] == "text.special_token"
    assert render(seeing, Request(key="a", question="a <think> b </think>"))[0].count("<think>") == 1


HOISTING = factory.TEMPLATE.replace(
    "{%- for part in message.content %}",
    "{%- for part in message.content if part.type == 'image' %}{{- '{image}' }}{%- endfor %}"
    "{%- for part in message.content if part.type != 'image' %}",
).replace("{image}", PICTURE)
FORGETTING = factory.TEMPLATE.replace("{image}", "")


def test_a_template_that_moves_images_is_caught_where_it_matters(load: Load) -> None:
    model = factory.with_template(load("qwen3_vl"), HOISTING)
    first = Request(key="a", question="<image>\nWhat?", images=(draw("red"),))
    assert PICTURE + "\nWhat?" in render(model, first)[0]
    inner = Request(key="a", question="Is <image> red?", images=(draw("red"),))
    assert rejected(model, inner)[0] == "prompt.images"
    assert rejected(factory.with_template(load("qwen3_vl"), FORGETTING), first)[0] == "prompt.images"


STRICT = "{%- if messages[0].role == 'system' %}{{ raise_exception('no system turn') }}{% endif %}" + factory.TEMPLATE
CLOSING = factory.TEMPLATE.replace("{%- if add_generation_prompt %}", "{%- if false %}")
THINKING = factory.TEMPLATE.replace("assistant\\n' }}{%- endif %}", "assistant\\n<think>\\n' }}{%- endif %}")
HYBRID = factory.TEMPLATE.replace(
    "assistant\\n' }}{%- endif %}",
    "assistant\\n' }}{%- if enable_thinking is defined and not enable_thinking %}"
    "{{- '<think>\\n\\n</think>\\n\\n' }}{%- endif %}{%- endif %}",
)


def test_a_template_that_refuses_is_a_reject_with_its_words(load: Load) -> None:
    model = factory.with_template(load("qwen3"), STRICT)
    assert render(model, Request(key="a", question="?"))[0]
    code, message = rejected(model, Request(key="a", question="?", system="Be brief."))
    assert (code, "no system turn" in message) == ("prompt.template", True)


def test_a_template_that_opens_no_turn_stops_everything(load: Load) -> None:
    model = factory.with_template(load("qwen3"), CLOSING)
    with pytest.raises(UsageError, match="opens no assistant turn"):
        render(model, Request(key="a", question="?"))


@pytest.mark.parametrize(
    ("prefill", "added", "opened"),
    [
        ("", "", "<think>\n"),
        ("<think>", "", "<think>\n"),
        ("<think>\nI see", "I see", "<think>\nI see"),
    ],
)
def test_a_template_that_opens_the_think_tag_is_not_given_another(
    load: Load, prefill: str, added: str, opened: str
) -> None:
    model = factory.with_template(load("qwen3"), THINKING)
    request = Request(key="a", question="?", prefill=prefill)
    assert render(model, request) == (
        f"<|im_start|>user\n?<|im_end|>\n<|im_start|>assistant\n<think>\n{added}",
        opened,
    )


def test_a_prefill_that_would_land_inside_the_think_block_is_a_mistake(load: Load) -> None:
    model = factory.with_template(load("qwen3"), THINKING)
    with pytest.raises(UsageError, match="opens <think> itself, so the answer cannot begin with '<description>'"):
        render(model, Request(key="a", question="?", prefill="<description>"))


def test_a_model_that_may_think_is_asked_not_to_unless_told(load: Load) -> None:
    model = factory.with_template(load("qwen3"), HYBRID)
    assert render(model, Request(key="a", question="?", prefill="<think>"))[0].endswith(
        "<|im_start|>assistant\n<think>\n\n</think>\n\n<think>"
    )
    told = Request(key="a", question="?", variables={"enable_thinking": True})
    assert render(model, told)[0].endswith("<|im_start|>assistant\n")


@pytest.mark.parametrize("family", ["qwen2_5_vl", "qwen3_vl"])
def test_token_types_mark_the_image_tokens(load: Load, family: str) -> None:
    inputs = prepare(load(family), Request(key="a", question="<image>?", images=(draw("red"),))).inputs
    is_image = inputs["input_ids"] == load(family).network.config.image_token_id
    assert torch.equal(inputs["mm_token_type_ids"], is_image.long())
