"""Tiny models with random weights: configuration, tokenizer, processor and chat template in a folder, from scratch.

    folder = write("qwen3_vl", tmp_path)      # about 0.2 M parameters; AutoModel reads it like any checkpoint

Nothing is downloaded and torchvision is not needed. The same seed gives the same weights. Each family is one real
architecture, small in every dimension: what a test shows of it (positions, image tokens, batching) holds for the large
one.
"""

import copy
import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import transformers
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers

from perceptdata.vlm.loading import LocalModel

# The last two are one token each without being special, as in Qwen3: they stay in decoded text.
SPECIAL = [
    *("<|endoftext|>", "<|im_start|>", "<|im_end|>"),
    *("<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>"),
]
THINK = ["<think>", "</think>"]

Load = Callable[[str], LocalModel]  # a fixture of tests/vlm: the loaded model of a family

CORPUS = [
    "The picture shows a red square on the left of a blue circle; the green triangle is above them.",
    "There are 3 cubes and 2 spheres, so 3 + 2 = 5. The answer is \\boxed{5}.",
    "How many shapes are there? What colour is the largest one? Answer step by step.",
    "<description> AB = 7 and BC = 24 </description> hence AC = 25 by Pythagoras, therefore x = 25.",
    "system user assistant",
]

# `{image}` is what the family writes where an image stands.
TEMPLATE = """\
{%- for message in messages %}
{{- '<|im_start|>' + message.role + '\\n' }}
{%- if message.content is string %}
{{- message.content }}
{%- else %}
{%- for part in message.content %}
{%- if part.type == 'image' %}{{- '{image}' }}{%- else %}{{- part.text }}{%- endif %}
{%- endfor %}
{%- endif %}
{{- '<|im_end|>\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}
"""

HIDDEN, LAYERS, HEADS, KV_HEADS, CONTEXT = 64, 2, 4, 2, 4096
INTERNVL_TOKENS = 4
HEAD_DIM = HIDDEN // HEADS
# Half of a head's dimensions are shared out between time, height and width.
MROPE = [HEAD_DIM // 2 - 2 * (HEAD_DIM // 8), HEAD_DIM // 8, HEAD_DIM // 8]


def tokenizer(**names: str) -> transformers.PreTrainedTokenizerFast:
    """A byte-level BPE of a few hundred tokens, with ChatML's special tokens; some get names of their own."""
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=384,
        special_tokens=SPECIAL,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    bpe.train_from_iterator(CORPUS, trainer)
    bpe.add_tokens([AddedToken(token, special=False, normalized=False) for token in THINK])
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=bpe,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        additional_special_tokens=[name for name in SPECIAL if name not in ("<|im_end|>", "<|endoftext|>")],
        **({"extra_special_tokens": names} if names else {}),
    )


def _text_config(words: transformers.PreTrainedTokenizerFast) -> dict[str, Any]:
    return {
        "vocab_size": len(words),
        "hidden_size": HIDDEN,
        "intermediate_size": 2 * HIDDEN,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "num_key_value_heads": KV_HEADS,
        "max_position_embeddings": CONTEXT,
        "bos_token_id": None,
        "eos_token_id": words.eos_token_id,
        "pad_token_id": words.pad_token_id,
    }


def _vision_ids(words: transformers.PreTrainedTokenizerFast) -> dict[str, int]:
    names = {"image": "image_pad", "video": "video_pad", "vision_start": "vision_start", "vision_end": "vision_end"}
    return {f"{key}_token_id": words.convert_tokens_to_ids(f"<|{name}|>") for key, name in names.items()}


def _qwen2_5_vl(words: transformers.PreTrainedTokenizerFast) -> transformers.PreTrainedModel:
    text = _text_config(words)
    text["rope_parameters"] = {"rope_type": "default", "rope_theta": 1e6, "mrope_section": MROPE}
    vision = {
        **{"depth": 2, "hidden_size": 32, "intermediate_size": 64, "num_heads": 2, "patch_size": 14},
        **{"window_size": 56, "fullatt_block_indexes": [1], "out_hidden_size": HIDDEN},
    }
    config = transformers.Qwen2_5_VLConfig(
        text_config=text, vision_config=vision, tie_word_embeddings=False, **_vision_ids(words)
    )
    return transformers.Qwen2_5_VLForConditionalGeneration(config)


def _qwen3_vl(words: transformers.PreTrainedTokenizerFast) -> transformers.PreTrainedModel:
    text = _text_config(words) | {"head_dim": HEAD_DIM}
    rope = {"rope_type": "default", "rope_theta": 5e6, "mrope_section": MROPE, "mrope_interleaved": True}
    text["rope_parameters"] = rope
    vision = {
        **{"depth": 2, "hidden_size": 32, "intermediate_size": 64, "num_heads": 2, "patch_size": 16},
        **{"num_position_embeddings": 64, "deepstack_visual_indexes": [0, 1], "out_hidden_size": HIDDEN},
    }
    config = transformers.Qwen3VLConfig(
        text_config=text, vision_config=vision, tie_word_embeddings=False, **_vision_ids(words)
    )
    return transformers.Qwen3VLForConditionalGeneration(config)


def _llava(words: transformers.PreTrainedTokenizerFast) -> transformers.PreTrainedModel:
    vision = {
        **{"model_type": "clip_vision_model", "hidden_size": 32, "intermediate_size": 64, "projection_dim": 32},
        **{"num_hidden_layers": 3, "num_attention_heads": 2, "image_size": 56, "patch_size": 14},
    }
    text = _text_config(words) | {"model_type": "qwen2"}
    config = transformers.LlavaConfig(
        text_config=text,
        vision_config=vision,
        image_token_id=words.convert_tokens_to_ids("<|image_pad|>"),
        vision_feature_layer=-2,
        vision_feature_select_strategy="default",
        tie_word_embeddings=False,
    )
    return transformers.LlavaForConditionalGeneration(config)


def _internvl(words: transformers.PreTrainedTokenizerFast) -> transformers.PreTrainedModel:
    vision = {
        **{"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2},
        **{"image_size": [28, 28], "patch_size": [7, 7]},
    }
    config = transformers.InternVLConfig(
        text_config=_text_config(words) | {"model_type": "qwen2"},
        vision_config=vision,
        image_token_id=words.convert_tokens_to_ids("<|image_pad|>"),
        image_seq_length=INTERNVL_TOKENS,
        tie_word_embeddings=False,
    )
    return transformers.InternVLForConditionalGeneration(config)


def _qwen3(words: transformers.PreTrainedTokenizerFast) -> transformers.PreTrainedModel:
    config = transformers.Qwen3Config(**_text_config(words), head_dim=HEAD_DIM, tie_word_embeddings=False)
    return transformers.Qwen3ForCausalLM(config)


MODELS: dict[str, Callable[[transformers.PreTrainedTokenizerFast], transformers.PreTrainedModel]] = {
    "qwen2_5_vl": _qwen2_5_vl,
    "qwen3_vl": _qwen3_vl,
    "internvl": _internvl,  # tiles of 28 pixels, each INTERNVL_TOKENS tokens
    "llava": _llava,  # its processor has no videos, so it needs no torchvision anywhere
    "qwen3": _qwen3,  # text only
}
WITH_IMAGES = ("qwen2_5_vl", "qwen3_vl", "internvl", "llava")
TRAINED = ("qwen2_5_vl", "qwen3_vl", "internvl")  # the families that the trainer promises to train

# What a processor's folder holds beside the tokenizer, by family. Qwen sizes are areas in pixels: an image becomes 4 to
# 16 tokens. A LLaVA image is always (56 / 14)^2 = 16 tokens.
_QWEN_SIZE = {"patch_size": 14, "merge_size": 2, "temporal_patch_size": 2}
PROCESSORS: dict[str, dict[str, Any]] = {
    "qwen2_5_vl": {
        "processor_class": "Qwen2_5_VLProcessor",
        "image_processor_type": "Qwen2VLImageProcessor",
        **_QWEN_SIZE,
        "size": {"shortest_edge": 28 * 28 * 4, "longest_edge": 28 * 28 * 16},
    },
    "qwen3_vl": {
        "processor_class": "Qwen3VLProcessor",
        "image_processor_type": "Qwen2VLImageProcessor",
        **(_QWEN_SIZE | {"patch_size": 16}),
        "size": {"shortest_edge": 32 * 32 * 4, "longest_edge": 32 * 32 * 16},
    },
    "internvl": {
        "processor_class": "InternVLProcessor",
        "image_processor_type": "GotOcr2ImageProcessor",
        "size": {"height": 28, "width": 28},
        "crop_to_patches": True,
        "max_patches": 3,
    },
    "llava": {
        "processor_class": "LlavaProcessor",
        "image_processor_type": "CLIPImageProcessor",
        "size": {"shortest_edge": 56},
        "crop_size": {"height": 56, "width": 56},
    },
}
# What some processors keep beside that, in a file of their own.
PROCESSOR_OPTIONS: dict[str, dict[str, Any]] = {
    "internvl": {"processor_class": "InternVLProcessor", "image_seq_length": INTERNVL_TOKENS},
    "llava": {
        "processor_class": "LlavaProcessor",
        "image_token": "<|image_pad|>",
        "patch_size": 14,
        "num_additional_image_tokens": 1,  # the class token, which the "default" strategy then drops
        "vision_feature_select_strategy": "default",
    },
}
IMAGE_TEXT = {"internvl": "<|image_pad|>", "llava": "<|image_pad|>"}  # the others frame it
INTERNVL_NAMES = {
    "start_image_token": "<|vision_start|>",
    "end_image_token": "<|vision_end|>",
    "context_image_token": "<|image_pad|>",
    "video_token": "<|video_pad|>",
}


def write(family: str, where: Path, seed: int = 0) -> Path:
    """A whole checkpoint of one family under `where`; the folder is called after the family."""
    folder = where / family
    folder.mkdir(parents=True, exist_ok=True)
    words = tokenizer(**(INTERNVL_NAMES if family == "internvl" else {}))
    words.chat_template = TEMPLATE.replace(
        "{image}", IMAGE_TEXT.get(family, "<|vision_start|><|image_pad|><|vision_end|>")
    )
    words.save_pretrained(folder)
    if family in PROCESSORS:
        (folder / "preprocessor_config.json").write_text(json.dumps(PROCESSORS[family], indent=2))
    if family in PROCESSOR_OPTIONS:
        (folder / "processor_config.json").write_text(json.dumps(PROCESSOR_OPTIONS[family], indent=2))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = MODELS[family](words)
    model.generation_config.eos_token_id = words.eos_token_id
    model.generation_config.pad_token_id = words.pad_token_id
    model.save_pretrained(folder)
    return folder


def with_template(model: LocalModel, template: str) -> LocalModel:
    """The same weights behind another chat template."""
    tokenizer, processor = copy.copy(model.tokenizer), copy.copy(model.processor)
    tokenizer.chat_template = template
    if processor is not None:
        processor.chat_template, processor.tokenizer = template, tokenizer
    return dataclasses.replace(model, tokenizer=tokenizer, processor=processor)
