"""How likely each target is, and how undecided the model is where it stands: NLL and entropy per token."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from perceptdata.errors import UsageError
from perceptdata.kernels.backends import Backend, Tiles, chosen
from perceptdata.kernels.function import PerToken, Plan, Vectors
from perceptdata.kernels.head import Head, check_head, inverse, product_dtype, statistics_dtype
from perceptdata.kernels.tile import Tile, pieces
from perceptdata.kernels.torch_tiles import Running

IGNORED = -100
"""The target of a token that has none: its NLL is 0 and gives no gradient."""


class TokenStats(NamedTuple):
    """Per token: -log p(target), and -sum p log p over the vocabulary. [N] each, float32 (float64 for float64)."""

    nll: Tensor
    entropy: Tensor


@dataclass(frozen=True)
class Likelihood:
    """The measure behind `token_stats`; its one constant is the targets."""

    tiles: Tiles
    outputs: int = 2

    def values(self, student: Head, constants: Vectors, tokens: slice, vocabulary: int) -> Vectors:
        """NLL, entropy; log of the sum of e^z."""
        targets = constants[0][tokens]
        running = Running.start(targets, student.statistics)
        for columns in pieces(student.weight.shape[0], vocabulary):
            self.tiles.fold_stats(student.tile(tokens, columns), targets - columns.start, running)
        log_total = running.top + running.log_total()
        nll = torch.where(targets == IGNORED, 0.0, running.log_total() + (running.top - running.picked))
        return nll, running.log_total() - running.moment / running.total, log_total

    def gradient(
        self,
        student: Head,
        constants: Vectors,
        tokens: slice,
        vocabulary: slice,
        saved: Vectors,
        upstream: tuple[Tensor | None, ...],
    ) -> Tensor:
        """d NLL / dz = p - [target]; d entropy / dz = -p (log p + entropy)."""
        targets = constants[0][tokens]
        _, entropy, log_total = saved
        nll, spread = upstream
        if nll is not None:
            nll = torch.where(targets == IGNORED, 0.0, nll)
        logits = student.tile(tokens, vocabulary)
        return self.tiles.stats_gradient(logits, targets - vocabulary.start, log_total, entropy, nll, spread)


def token_stats(
    hidden: Tensor,
    weight: Tensor,
    targets: Tensor,
    *,
    bias: Tensor | None = None,
    temperature: float = 1.0,
    tile: Tile | None = None,
    backend: Backend = "auto",
) -> TokenStats:
    """NLL and entropy of softmax((hidden @ weight.T + bias) / temperature), without [N, V].

    `hidden` [N, H], `weight` [V, H], `bias` [V], `targets` [N] int64, -100 where there is none (entropy is defined
    there all the same). Both outputs are differentiable, once, in hidden states, weight and bias; where the weight
    needs no gradient, none is made. Matrix products run in the dtype of the inputs or of autocast, everything else in
    float32 (float64 for float64). A bias of minus infinity counts as -1e30: an impossible target costs a lot, and not
    everything. Raises `UsageError` for shapes, dtypes or targets that do not fit.
    """
    check_head(hidden, weight, bias)
    _check_targets(targets, hidden.shape[0], weight.shape[0])
    product = product_dtype(hidden, weight)
    shape = (tile or Tile.fitting(hidden.shape[0], weight.shape[0])).checked()
    measure = Likelihood(chosen(backend, hidden))
    plan = Plan(measure, shape, inverse(temperature), product, statistics_dtype(product))
    return TokenStats(*PerToken.apply(plan, hidden, weight, bias, targets))


def _check_targets(targets: Tensor, tokens: int, vocabulary: int) -> None:
    if targets.dtype != torch.int64 or targets.shape != (tokens,):
        raise UsageError(
            f"targets must be int64 and one for each of the {tokens} tokens, not {targets.dtype} {list(targets.shape)}"
        )
    wrong = (targets != IGNORED) & ((targets < 0) | (targets >= vocabulary))
    if wrong.any():
        row = int(wrong.nonzero()[0])
        raise UsageError(
            f"target {int(targets[row])} of token {row} is outside the vocabulary of {vocabulary}; "
            f"mark tokens without a target with {IGNORED}"
        )
