"""What experiments 2 and 4 rest on, seen without training: coupling of rewards, and where PGPO puts its weight.

An arm is a start (`rl.start`). 512 responses of 64 pictures, at temperature 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from perceptdata.trainer.core import reshape

from .measures import probe
from .model import token_logprobs
from .rl import Arm, start, weights
from .sft import held_out


def run(arm: str, seed: int, options: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """One row of the table."""
    prompts = int(options.get("prompts", 64))
    model, test = start(arm, seed, folder), held_out(seed, None, prompts)
    generator = torch.Generator(test.pictures.device).manual_seed(seed)
    with torch.no_grad():
        written = model.generate(test.pictures, temperature=1.0, generator=generator)
        seeing = token_logprobs(model, test.pictures, written)
    _, mass = weights(Arm(gate=reshape.PAPER), model, test.pictures, written, seeing)
    return {**probe(model, test, prompts), **mass}
