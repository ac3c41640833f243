"""Teacher forcing: what a model computes of a response that is given, and of the same one without its image.

    forward = Forward.of(model)
    seen = forward.see(passages)                        # the prompts with their images
    blind = forward.read(drop(seen.rows, visual))       # the language model alone, on rows that were changed

`see` keeps the rows as the language model took them, positions included, so `read` can give it the same tokens at the
same places. No logits are made here: a vocabulary is a thousand times wider than a response needs at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from perceptdata.errors import UsageError
from perceptdata.vlm.batch import collate
from perceptdata.vlm.loading import LocalModel
from perceptdata.vlm.rendering import Prepared

if TYPE_CHECKING:
    from torch import Tensor

PROBE = "The picture shows 3 cubes."
LINEAR = 0.02  # relative to the largest logit: rounding in bfloat16 stays below it


@dataclass(frozen=True, slots=True)
class Passage:
    """A prompt and its response as one row. The response's tokens are `[first, first + count)`; the turn's end follows.

    `first` is at least 1: every token that is scored has one before it.
    """

    row: Prepared
    first: int
    count: int

    @property
    def behind(self) -> int:
        """How many tokens follow the response."""
        return self.row.tokens - self.first - self.count

    @property
    def targets(self) -> Tensor:
        """The ids of the response's tokens, of shape (count,)."""
        return self.row.inputs["input_ids"][0, self.first : self.first + self.count]


class Rows(NamedTuple):
    """A left-padded batch as a language model takes it.

    `ids` (batch, tokens); `mask` (batch, tokens), which tokens can be seen; `positions` (…, batch, tokens), where the
    leading axis is that of models with several positions a token (Qwen-VL: time, height, width).
    """

    ids: Tensor
    mask: Tensor
    positions: Tensor


class Seen(NamedTuple):
    """The last hidden states (batch, tokens, width), and the rows that they are of."""

    hidden: Tensor
    rows: Rows


class Head(NamedTuple):
    """Logits are `(hidden @ weight.T + bias) / temperature`; `weight` is (vocabulary, width)."""

    weight: Tensor
    bias: Tensor | None
    temperature: float


@dataclass(frozen=True, slots=True, eq=False)
class Forward:
    """A model taken apart: all of it but the head, the language model in there, and the head."""

    model: LocalModel
    body: Any
    language: Any
    head: Head

    @classmethod
    def of(cls, model: LocalModel) -> Forward:
        """Found, and tried on a few words.

        Raises UsageError for a model that cannot be taken apart, or whose logits are no linear map of its last hidden
        states: some cap them.
        """
        import torch
        from torch.nn.functional import linear

        network = model.network
        body, language, head = network.base_model, network.get_decoder(), network.get_output_embeddings()
        if head is None or network in (body, language):
            raise UsageError(
                f"{model.name} is a {type(network).__name__}, which has no language model and head to be run apart, "
                "so its tokens cannot be scored here; use another model"
            )
        bias = getattr(head, "bias", None)
        ids = torch.tensor([model.tokenizer.encode(PROBE, add_special_tokens=False)], device=model.device)
        probe = {"input_ids": ids, "attention_mask": torch.ones_like(ids), "use_cache": False}
        with torch.inference_mode():
            plain = linear(language(**probe).last_hidden_state, head.weight, bias).float()
            logits = network(**probe).logits.float()
        scale = float((logits * plain).sum() / plain.square().sum())
        if (logits - scale * plain).abs().max() > LINEAR * logits.abs().max():
            raise UsageError(
                f"the logits of {model.name} are no linear map of its last hidden states (it may cap them), so its "
                "tokens cannot be scored here; use another model"
            )
        return cls(model, body, language, Head(head.weight, bias, 1.0 if abs(scale - 1) < LINEAR else 1 / scale))

    def see(self, passages: Sequence[Passage]) -> Seen:
        """The whole model, images and all; passages without images are taken too."""
        import torch

        inputs = collate(self.model, [passage.row for passage in passages])
        taken: list[Tensor | None] = []

        def note(module: Any, args: tuple[Any, ...], named: dict[str, Any]) -> None:
            taken.append(named.get("position_ids"))

        watch = self.language.register_forward_pre_hook(note, with_kwargs=True)
        try:
            with torch.inference_mode():
                hidden = self.body(**inputs, use_cache=False).last_hidden_state
        finally:
            watch.remove()
        ids = inputs["input_ids"]
        positions = taken[-1] if taken else None
        if positions is None:  # the language model counts from the first token of the batch, padding included
            positions = torch.arange(ids.shape[1], device=ids.device)[None]
        return Seen(
            hidden, Rows(ids, inputs["attention_mask"].bool(), positions.expand(*positions.shape[:-2], *ids.shape))
        )

    def read(self, rows: Rows) -> Tensor:
        """The last hidden states of the language model alone; where the mask is False, they mean nothing."""
        import torch

        with torch.inference_mode():
            # The mask is given even where it is all ones: without one, transformers takes a jump in the positions for
            # the border between two packed sequences.
            return self.language(
                input_ids=rows.ids, attention_mask=rows.mask.long(), position_ids=rows.positions, use_cache=False
            ).last_hidden_state

    def predicting(self, hidden: Tensor, passages: Sequence[Passage]) -> Tensor:
        """Of hidden states (batch, tokens, width), those that predict the responses' tokens, as (N, width).

        Counted from the right end, where all batches are flush, whatever stands at their left.
        """
        import torch

        ends = [hidden.shape[1] - passage.behind - 1 for passage in passages]
        parts = zip(hidden, passages, ends, strict=True)
        return torch.cat([states[end - passage.count : end] for states, passage, end in parts])
