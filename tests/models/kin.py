"""Tiny models of more kinds, in memory: tiles (InternVL), sliding windows (Gemma 3), recurrent layers (Qwen3.5).

model = kin.model("gemma")
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import torch
import transformers
from transformers import PreTrainedModel

from models import families, tiny
from perceptdata.vlm.loading import LocalModel, Reader

WINDOW = 16  # tokens, far shorter than a prompt


def _text(reader: Reader, **more: Any) -> dict[str, Any]:
    config = tiny._text_config(reader.tokenizer) | {"head_dim": tiny.HEAD_DIM}
    return config | more


_VISION = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}


def _internvl() -> tuple[Reader, PreTrainedModel]:
    reader = families.reader("internvl")
    config = transformers.InternVLConfig(
        text_config=_text(reader, model_type="qwen2"),
        vision_config=_VISION | {"image_size": [28, 28], "patch_size": [7, 7]},
        image_token_id=reader.tokenizer.convert_tokens_to_ids("<|image_pad|>"),
        image_seq_length=4,
        tie_word_embeddings=False,
    )
    return reader, transformers.InternVLForConditionalGeneration(config)


def _gemma() -> tuple[Reader, PreTrainedModel]:
    reader = families.reader("gemma")
    words, template = reader.tokenizer, reader.processor.chat_template
    processor = transformers.Gemma3Processor(
        reader.processor.image_processor, words, image_seq_length=4, chat_template=template
    )
    layers = {"sliding_window": WINDOW, "layer_types": ["sliding_attention", "full_attention"]}
    config = transformers.Gemma3Config(
        text_config=_text(reader, **layers),
        vision_config=_VISION | {"image_size": 28, "patch_size": 14},
        mm_tokens_per_image=4,
        image_token_id=words.image_token_id,
        boi_token_id=words.boi_token_id,
        eoi_token_id=words.eoi_token_id,
    )
    network = transformers.Gemma3ForConditionalGeneration(config)
    torch.nn.init.normal_(network.model.multi_modal_projector.mm_input_projection_weight)  # zeros, until it is trained
    return Reader("gemma", words, processor, (words.eos_token_id,)), network


def _hybrid() -> tuple[Reader, PreTrainedModel]:
    reader = families.reader("qwen3_vl")
    rope = {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [1, 1, 0], "partial_rotary_factor": 0.25}
    linear = {f"linear_{name}": 2 for name in ("num_key_heads", "num_value_heads")}
    linear |= {f"linear_{name}_head_dim": 16 for name in ("key", "value")}
    config = transformers.Qwen3_5Config(
        text_config=_text(reader, rope_parameters=rope, layer_types=["linear_attention", "full_attention"], **linear),
        vision_config={
            **{"depth": 2, "hidden_size": 32, "intermediate_size": 64, "num_heads": 2, "patch_size": 16},
            **{"num_position_embeddings": 64, "out_hidden_size": tiny.HIDDEN},
        },
        tie_word_embeddings=False,
        **tiny._vision_ids(reader.tokenizer),
    )
    return reader, transformers.Qwen3_5ForConditionalGeneration(config)


KINDS: dict[str, Callable[[], tuple[Reader, PreTrainedModel]]] = {
    "internvl": _internvl,
    "gemma": _gemma,
    "hybrid": _hybrid,
}


@cache
def model(kind: str) -> LocalModel:
    """The model of a kind, shared by all tests, so not to be changed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        reader, network = KINDS[kind]()
    named = [getattr(part, "image_token_id", None) for part in (network.config, reader.processor)]
    return LocalModel(
        kind,
        reader.tokenizer,
        reader.processor,
        reader.end_ids,
        network.eval().requires_grad_(False),
        pad_id=reader.tokenizer.pad_token_id,
        media_ids=tuple({token for token in named if token is not None}),
        context=tiny.CONTEXT,
    )
