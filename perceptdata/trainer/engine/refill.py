"""Rollout batches cut and joined: what DAPO's dynamic sampling needs (arXiv 2503.14476, Section 3.2).

    kept = rows_of(out, taught.nonzero().flatten())
    out = joined([kept, rows_of(more, …)], size, pad_id)

A batch is what `_generate_and_score_completions` gives: prompts padded on the left, completions on the right, images of
all rows one after another. Its lengths differ from batch to batch; the joined one is as wide as the widest.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad
from trl.trainer.utils import split_pixel_values_by_grid, unsplit_pixel_values_by_grid

from perceptdata.trainer.engine.contract import Hook

HOOKS = (
    Hook("trl.trainer.utils:split_pixel_values_by_grid", ("batch",)),
    Hook("trl.trainer.utils:unsplit_pixel_values_by_grid", ("batch",)),
)
WHOLE = ("token_type_ids", "mm_token_type_ids")  # over prompt and completion
Batch = dict[str, Any]


def rows_of(batch: Batch, rows: Tensor) -> Batch:
    """Those rows, images in a list, one entry a row."""
    split = split_pixel_values_by_grid(batch)
    return {name: _rows(value, rows) for name, value in split.items()}


def _rows(value: Any, rows: Tensor) -> Any:
    if isinstance(value, list):
        return [value[at] for at in rows.tolist()]
    return value[rows] if isinstance(value, Tensor) and value.dim() else value


def joined(parts: Sequence[Batch], size: int, pad_id: int) -> Batch:
    """The first `size` rows of all parts as one batch. `num_items_in_batch` is left to the caller."""
    parts = [part for part in parts if len(part["prompt_ids"])]
    prompt = max(part["prompt_ids"].shape[1] for part in parts)
    completion = max(part["completion_ids"].shape[1] for part in parts)
    names = dict.fromkeys(name for part in parts for name in part if name != "num_items_in_batch")
    whole: Batch = {}
    for name in names:
        pieces = [_piece(part, name, prompt, completion, pad_id, parts) for part in parts]
        if isinstance(pieces[0], list):
            whole[name] = [each for piece in pieces for each in piece][:size]
        else:
            whole[name] = torch.cat(pieces)[:size]
    return unsplit_pixel_values_by_grid(whole)


def _piece(part: Batch, name: str, prompt: int, completion: int, pad_id: int, parts: Sequence[Batch]) -> Any:
    """One part's rows under one name, as wide as the joined batch; what a part lacks, its rows have nothing of."""
    rows, own = len(part["prompt_ids"]), part["prompt_ids"].shape[1]
    value = part.get(name)
    if value is None and name == "num_tiles":  # none of this part's images was cut into tiles
        return [len(pixels) for pixels in part.get("pixel_values", [()] * rows)]
    if value is None:
        like = next(each[name] for each in parts if name in each)
        if isinstance(like, list):
            empty = like[0].new_zeros(0, *like[0].shape[1:]) if like and isinstance(like[0], Tensor) else 0
            return [empty] * rows
        value = like.new_zeros(rows, own + part["completion_ids"].shape[1])
    if isinstance(value, list) or value.dim() < 2:
        return value
    left = prompt - own
    right = completion - part["completion_ids"].shape[1]
    if name in WHOLE:
        return pad(value, (left, right))
    if name in ("prompt_ids", "prompt_mask"):
        return pad(value, (left, 0), value=pad_id if name == "prompt_ids" else 0)
    if value.shape[1] != part["completion_ids"].shape[1]:
        return value
    return pad(value, (0, right), value=pad_id if name == "completion_ids" else 0)
