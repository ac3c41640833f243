"""Where training begins: a model that already reads easy pictures, or one that also reasons.

Post-training starts from a model that can do something. From random weights the effect reverses: perception re-uses
the look-up that the long trace teaches, so whoever weighs the trace less starves perception too.

    captioner   easy pictures to grids, nothing else
    reasoner    the captioner, then the trace with somebody else's picture (it must read the grid as written, for the
                picture does not show it) beside a little captioning: a language model with eyes for another domain
"""

from __future__ import annotations

import math
from pathlib import Path

import torch

from .model import TinyVLM, token_logprobs
from .runs import keep
from .task import EASY, PERCEPTION, dataset

BASES = ("captioner", "reasoner")
CAPTION_STEPS, TRACE_STEPS, WARM, ITEMS = 400, 600, 30, 4096


def optimiser(model: TinyVLM, rate: float, decay: float = 0.01) -> torch.optim.AdamW:
    """AdamW with the betas of language-model training."""
    return torch.optim.AdamW(model.parameters(), lr=rate, betas=(0.9, 0.95), weight_decay=decay)


def at_rate(found: torch.optim.AdamW, rate: float, step: int, steps: int) -> None:
    """Warm up over WARM steps, then down by a cosine to a tenth."""
    now = rate * min(1, (step + 1) / WARM) * (0.1 + 0.45 * (1 + math.cos(math.pi * step / steps)))
    for group in found.param_groups:
        group["lr"] = now


def base(name: str, seed: int, folder: Path, width: int = 64, free: bool = False) -> TinyVLM:
    """A base of this name and seed; trained once and kept in `folder`. A captioner alone can be one for free traces."""
    path = folder / f"{name}-{width}{'-free' if free else ''}-{seed}.pt"
    torch.manual_seed(seed)
    model = TinyVLM(width, free=free)
    if path.exists():
        model.load_state_dict(torch.load(path, weights_only=True))
        return model
    if name == "captioner":
        _learn_captions(model, seed)
    else:
        model = base("captioner", seed, folder, width)
        _learn_to_reason(model, seed)
    keep(path, model.state_dict())
    return model


def _learn_captions(model: TinyVLM, seed: int, rate: float = 3e-3) -> None:
    data, found = dataset(ITEMS, 500 + seed, EASY, 50 + seed), optimiser(model, rate)
    torch.manual_seed(seed)
    for step in range(CAPTION_STEPS):
        at_rate(found, rate, step, CAPTION_STEPS)
        at = torch.randint(len(data.given), (64,))
        _step(model, found, -token_logprobs(model, data.pictures[at], data.responses[at, :PERCEPTION]).mean())


def _learn_to_reason(model: TinyVLM, seed: int, rate: float = 6e-3) -> None:
    data, found = dataset(ITEMS, 600 + seed, EASY, 60 + seed), optimiser(model, rate)
    torch.manual_seed(seed)
    for step in range(TRACE_STEPS):
        at_rate(found, rate, step, TRACE_STEPS)
        at, other, shown = (torch.randint(len(data.given), (size,)) for size in (16, 16, 32))
        reasoning = -token_logprobs(model, data.pictures[other], data.responses[at])[:, PERCEPTION:].mean()
        captions = -token_logprobs(model, data.pictures[shown], data.responses[shown, :PERCEPTION]).mean()
        _step(model, found, reasoning + 0.3 * captions)


def _step(model: TinyVLM, found: torch.optim.AdamW, loss: torch.Tensor) -> None:
    found.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    found.step()
