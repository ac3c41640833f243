"""Prepared requests as one batch: token rows padded on the left, images one after another.

Left, because an answer is written at the right end, and because the position rule of Qwen-VL walks the unpadded tokens
of each row. Rows without images, and rows with several, stand side by side: image tensors have no axis for the prompt.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from perceptdata.errors import UsageError
from perceptdata.vlm.loading import LocalModel
from perceptdata.vlm.rendering import Prepared

if TYPE_CHECKING:
    from torch import Tensor


def collate(model: LocalModel, rows: Sequence[Prepared]) -> dict[str, Tensor]:
    """The inputs of one forward pass, on the model's device, floats in its dtype.

    Everything of shape (1, tokens) is a token row: ids, mask, and the token types from which Qwen-VL derives its
    positions (without them it runs, with other positions). The rest is joined along the first axis.
    """
    import torch
    from torch.nn.functional import pad

    width = max(row.tokens for row in rows)
    batch: dict[str, Tensor] = {}
    for key in dict.fromkeys(key for row in rows for key in row.inputs):
        holders = [row for row in rows if key in row.inputs]
        pieces = [row.inputs[key] for row in holders]
        if pieces[0].shape == (1, holders[0].tokens):
            fill = model.pad_id if key == "input_ids" else 0
            pieces = [pad(piece, (width - piece.shape[1], 0), value=fill) for piece in pieces]
        elif len(rows) > 1 and (pieces[0].dim() > 4 or len({piece.shape[1:] for piece in pieces}) > 1):
            raise UsageError(f"the images of {model.name} cannot share a batch ({key}); set the batch size to 1")
        joined = torch.cat(pieces)
        batch[key] = joined.to(model.device, model.network.dtype if joined.is_floating_point() else joined.dtype)
    return batch
