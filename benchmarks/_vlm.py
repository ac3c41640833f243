"""What training is measured on: a Qwen2.5-VL with random weights, and a view of the made-up corpus.

`tiny` only shows that a route runs, `small` is for a CPU, `3b` has the shapes of Qwen2.5-VL-3B. The tokenizer is the
tests' own, of a few hundred entries, so most of a large vocabulary is never in a text; random weights sample from all.
"""

from __future__ import annotations

import json
import sys
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
import transformers
from _toy import Corpus, Toy

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from models import tiny

SIZES: dict[str, dict[str, Any]] = {
    "tiny": {
        "text": {"vocab_size": 512, "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2},
        "heads": (4, 2),
        "vision": {"depth": 2, "hidden_size": 32, "intermediate_size": 64, "num_heads": 2},
        "pixels": 28 * 28 * 72,
    },
    "small": {
        "text": {"vocab_size": 4096, "hidden_size": 256, "intermediate_size": 704, "num_hidden_layers": 4},
        "heads": (4, 2),
        "vision": {"depth": 2, "hidden_size": 128, "intermediate_size": 256, "num_heads": 4},
        "pixels": 28 * 28 * 160,
    },
    "3b": {
        "text": {"vocab_size": 151_936, "hidden_size": 2048, "intermediate_size": 11_008, "num_hidden_layers": 36},
        "heads": (16, 2),
        "vision": {"depth": 32, "hidden_size": 1280, "intermediate_size": 3420, "num_heads": 16},
        "pixels": 28 * 28 * 1024,
    },
}


def write_model(size: str, folder: Path) -> Path:
    """A checkpoint; in bfloat16 and made on the GPU where there is one."""
    shapes, words = SIZES[size], tiny.tokenizer()
    heads, keys = shapes["heads"]
    half = shapes["text"]["hidden_size"] // heads // 2
    section = [half - 2 * (half * 3 // 8), half * 3 // 8, half * 3 // 8]
    text = shapes["text"] | {
        "num_attention_heads": heads,
        "num_key_value_heads": keys,
        "max_position_embeddings": 32_768,
        "rope_parameters": {"rope_type": "default", "rope_theta": 1e6, "mrope_section": section},
        **{"bos_token_id": None, "eos_token_id": words.eos_token_id, "pad_token_id": words.pad_token_id},
    }
    deep = shapes["vision"]["depth"]
    windows = {"patch_size": 14, "window_size": 112, "fullatt_block_indexes": list(range(deep // 4, deep, 8)) or [0]}
    names = {"image": "image_pad", "video": "video_pad", "vision_start": "vision_start", "vision_end": "vision_end"}
    ids = {f"{key}_token_id": words.convert_tokens_to_ids(f"<|{name}|>") for key, name in names.items()}
    config = transformers.Qwen2_5_VLConfig(
        text_config=text,
        vision_config=shapes["vision"] | windows | {"out_hidden_size": shapes["text"]["hidden_size"]},
        tie_word_embeddings=True,
        **ids,
    )
    words.chat_template = tiny.TEMPLATE.replace("{image}", "<|vision_start|><|image_pad|><|vision_end|>")
    words.save_pretrained(folder)
    pixels = {"shortest_edge": shapes["pixels"], "longest_edge": shapes["pixels"]}
    processor = tiny.PROCESSORS["qwen2_5_vl"] | {"size": pixels}
    (folder / "preprocessor_config.json").write_text(json.dumps(processor))
    torch.manual_seed(0)
    cuda = torch.cuda.is_available()
    with torch.device("cuda" if cuda else "cpu"):
        network = transformers.Qwen2_5_VLForConditionalGeneration(config)
    network.generation_config.eos_token_id = words.eos_token_id
    network.generation_config.pad_token_id = words.pad_token_id
    network.to(torch.bfloat16 if cuda else torch.float32).save_pretrained(folder)
    return folder


def write_view(rows: int, folder: Path) -> Path:
    """So many rows of a picture, a question, and a response of 120 words with its spans."""
    from perceptdata.publishing.exports.parquet import Parquet
    from perceptdata.steps.build import Build
    from perceptdata.steps.run import run_step
    from perceptdata.view import ViewSpec, define_view
    from perceptdata.workspace import Workspace

    corpus = Corpus(folder / "corpus", rows).prepare()

    class BuildToy(Build):
        @cached_property
        def builder(self) -> Toy:
            return Toy(rows=corpus.rows, shared=corpus.shared)

    ws = Workspace.create(folder / "ws")
    with ws.lock("benchmark"):
        run_step(ws, "toy", BuildToy(use="toy", path=corpus.folder))
        Parquet().export(define_view(ws, "rows", ViewSpec(spans="toy")), folder / "view")
    return folder / "view"
