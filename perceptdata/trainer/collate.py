"""Rows as the batches that a supervised method trains on: token ids, their roles, and the images as pixels.

    collator = Collator(aligner, form, max_pixels=None)
    batch = collator([rows[3], rows[4]])        # input_ids, attention_mask, roles, pixel_values, …

Each image is decoded once, from its bytes. The processor makes the sequence, and the aligner proves that it ends with
the very tokens whose roles are known. Rows with no image, one and several stand side by side. Padding is on the right:
nothing is generated here, and a causal model never looks at what follows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from perceptdata import images
from perceptdata.alignment.aligner import Aligner, Completion
from perceptdata.errors import PerceptDataError, UsageError
from perceptdata.formats import Format
from perceptdata.trainer.rows import Row, request_of, spans_of
from perceptdata.vlm.rendering import encode

if TYPE_CHECKING:
    from torch import Tensor

Side = Literal["left", "right"]


@dataclass(frozen=True, slots=True)
class Collator:
    """Makes batches of admitted rows (`lengths.measure`). `max_pixels` bounds one image."""

    aligner: Aligner
    form: Format
    max_pixels: int | None = None
    side: Side = "right"

    def __call__(self, rows: Sequence[Row]) -> dict[str, Tensor]:
        """The batch: what the network takes, `roles` (batch, tokens; int8), and `labels`, which are -100 at role 0.

        Raises PerceptDataError for a row that cannot be read after all: its file has changed since it was admitted.
        """
        import torch

        reader = self.aligner.reader
        completions = [Completion(request_of(row, self.form), row["response"], spans_of(row)) for row in rows]
        texts = [self.aligner.converse(each.request, each.response).text for each in completions]
        pictures = [[images.decode(data) for data in each.request.images] for each in completions]
        inputs = [encode(reader, text, seen, self.max_pixels) for text, seen in zip(texts, pictures, strict=True)]
        found = self.aligner.align(completions, expanded=[each["input_ids"][0].tolist() for each in inputs])
        if found.rejects:
            reject = found.rejects[0]
            raise PerceptDataError(f"{reject.key} was admitted to training, and now: {reject.message}")
        for place, each in enumerate(inputs):
            each["roles"] = torch.from_numpy(found.row(place)[1])[None]
        batch = pad(inputs, reader.tokenizer.pad_token_id or 0, self.side)
        batch["labels"] = batch["input_ids"].masked_fill(batch["roles"] == 0, -100)
        return batch


def pad(rows: Sequence[Mapping[str, Tensor]], pad_id: int, side: Side) -> dict[str, Tensor]:
    """One batch of what a processor made of each row: token rows, (1, tokens), are padded, images joined.

    A key that some rows lack is filled with 0 where it belongs to tokens: `mm_token_type_ids`, from which Qwen-VL
    derives positions. Raises UsageError for images that cannot stand in one tensor.
    """
    import torch
    from torch.nn.functional import pad as padded

    lengths = [row["input_ids"].shape[1] for row in rows]
    width = max(lengths)
    batch: dict[str, Tensor] = {}
    for key in dict.fromkeys(key for row in rows for key in row):
        given = [row.get(key) for row in rows]
        holders = [(value, length) for value, length in zip(given, lengths, strict=True) if value is not None]
        if all(value.shape == (1, length) for value, length in holders):
            like = holders[0][0]
            whole = [
                value if value is not None else like.new_zeros(1, length)
                for value, length in zip(given, lengths, strict=True)
            ]
            gaps = [(width - length, 0) if side == "left" else (0, width - length) for length in lengths]
            fill = pad_id if key == "input_ids" else 0
            batch[key] = torch.cat([padded(value, gap, value=fill) for value, gap in zip(whole, gaps, strict=True)])
            continue
        values = [value for value, _ in holders]
        if len({value.shape[1:] for value in values}) > 1:
            raise UsageError(f"the images of this model cannot share a batch ({key}); set batch to 1")
        batch[key] = torch.cat(values)
    return batch
