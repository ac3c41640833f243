"""A language model's head over hidden states, as far as one tile needs it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from perceptdata.errors import UsageError

FLOOR = -1e30
"""Stands for a logit of minus infinity: its probability is 0 too, and 0 times it is 0 and not NaN."""


@dataclass(frozen=True)
class Logits:
    """One tile of logits as the matrix product left it: they are `(raw + bias) * scale`."""

    raw: Tensor
    """[tokens, vocabulary] in the dtype of the product; the tile's own, to be overwritten at will."""

    bias: Tensor | None
    """[vocabulary] in the dtype of the statistics, FLOOR where it was minus infinity."""

    scale: float

    def wide(self, dtype: torch.dtype) -> Tensor:
        """[tokens, vocabulary] in the dtype of the statistics. Uses up `raw`."""
        logits = self.raw.to(dtype)
        if self.bias is not None:
            logits += self.bias
        if self.scale != 1.0:
            logits *= self.scale
        return logits


@dataclass(frozen=True)
class Head:
    """`hidden` [N, H], `weight` [V, H], `bias` [V] or None; logits are divided by the temperature, `scale` is 1 / T."""

    hidden: Tensor
    weight: Tensor
    bias: Tensor | None
    scale: float
    product: torch.dtype
    """Of the matrix products; parts are cast as they are needed, never the whole head."""

    statistics: torch.dtype

    def states(self, tokens: slice) -> Tensor:
        """[tokens, H]."""
        return self.hidden[tokens].to(self.product)

    def rows(self, vocabulary: slice) -> Tensor:
        """[vocabulary, H]."""
        return self.weight[vocabulary].to(self.product)

    def tile(self, tokens: slice, vocabulary: slice) -> Logits:
        """The only place where logits are made. 2 H FLOPs each."""
        raw = self.states(tokens) @ self.rows(vocabulary).T
        bias = None if self.bias is None else self.bias[vocabulary].to(self.statistics).clamp(min=FLOOR)
        return Logits(raw, bias, self.scale)


def check_head(hidden: Tensor, weight: Tensor, bias: Tensor | None, whose: str = "") -> None:
    """Raises `UsageError` where the three do not make a head."""
    if hidden.dim() != 2 or weight.dim() != 2 or hidden.shape[1] != weight.shape[1]:
        raise UsageError(
            f"{whose}hidden states must be [N, H] and the head's weight [V, H], not {list(hidden.shape)} and "
            f"{list(weight.shape)}; flatten batches, e.g. hidden[mask]"
        )
    if not weight.shape[0]:
        raise UsageError(f"the {whose}head's weight has no rows; under ZeRO-3 or FSDP gather it first")
    if bias is not None and bias.shape != weight.shape[:1]:
        raise UsageError(f"the {whose}head has {weight.shape[0]} entries and its bias {list(bias.shape)}")
    if not hidden.is_floating_point() or not weight.is_floating_point():
        raise UsageError(f"{whose}hidden states and weight must be floats, not {hidden.dtype} and {weight.dtype}")


def product_dtype(hidden: Tensor, weight: Tensor, whose: str = "") -> torch.dtype:
    """Autocast's dtype where it is on (float64 is left alone, as autocast does), else the dtype the two share."""
    kind = hidden.device.type
    if torch.is_autocast_enabled(kind) and torch.float64 not in (hidden.dtype, weight.dtype):
        return torch.get_autocast_dtype(kind)
    if hidden.dtype != weight.dtype:
        raise UsageError(
            f"{whose}hidden states are {hidden.dtype} and the head's weight {weight.dtype}; cast one, or use autocast"
        )
    return hidden.dtype


def statistics_dtype(product: torch.dtype) -> torch.dtype:
    """float32, whatever the products run in; float64 stays float64."""
    return torch.float64 if product == torch.float64 else torch.float32


def inverse(temperature: float) -> float:
    """1 / T. Raises `UsageError` where that is no positive number."""
    if not 0.0 < temperature < float("inf"):
        raise UsageError(f"the temperature must be a positive number, not {temperature}")
    return 1.0 / temperature
