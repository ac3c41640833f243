"""The second look at a rollout batch: how likely each sampled token was without the image.

    seen = Seen(ids, mask, positions, prompt)            # as the policy took them, with the image
    blind = without_images(seen, hidden, drop=True)      # the same tokens at the same positions, image tokens gone
    blind.prompt                                         # where the completions begin now

Prompts are padded on the left and completions on the right. Image tokens stand in prompts alone, so dropping them moves
prompts to the right within their own columns and leaves the completions where they are. (PGPO, arXiv 2604.01840, App.
A.1; that dropping equals masking under full causal attention: `vlm.blinding`.)
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Seen(NamedTuple):
    """`ids`, `mask` [B, T]; `positions` […, B, T] as the language model was given them; `prompt` columns are prompt."""

    ids: Tensor
    mask: Tensor
    positions: Tensor
    prompt: int


def without_images(seen: Seen, hidden: Tensor, drop: bool) -> Seen:
    """Image tokens (`hidden` [B, T], bool) masked, or left out where that is the same and cheaper."""
    kept = seen.mask.bool() & ~hidden
    if not drop:
        return seen._replace(mask=kept.to(seen.mask.dtype))
    before = kept[:, : seen.prompt]
    width = int(before.sum(1).max())
    order = before.long().argsort(dim=1, stable=True)[:, seen.prompt - width :]

    def moved(values: Tensor) -> Tensor:
        prompt, completion = values[..., : seen.prompt], values[..., seen.prompt :]
        return torch.cat([prompt.gather(-1, order.expand(*prompt.shape[:-2], *order.shape)), completion], dim=-1)

    return Seen(moved(seen.ids), moved(kept.to(seen.mask.dtype)), moved(seen.positions), width)
