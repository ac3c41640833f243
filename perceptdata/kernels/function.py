"""The autograd function that all values per token share: which tiles are made, when, and where gradients add up.

Forward, a tile of tokens at a time, over the vocabulary as often as the measure needs. Backward, the vocabulary outside
and the tokens inside: a slice of the head's gradient is then finished before the next begins, and needs a float32
buffer of its own size only. The gradients of the outputs enter each recomputed tile row by row, so any weights a token
has are right by construction.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from perceptdata.kernels.head import Head
from perceptdata.kernels.tile import Tile, pieces

Vectors = tuple[Tensor, ...]


class Measure(Protocol):
    """Values per token, and their gradient in each tile of logits."""

    @property
    def outputs(self) -> int:
        """How many vectors it gives."""

    def values(self, student: Head, constants: Vectors, tokens: slice, vocabulary: int) -> Vectors:
        """The outputs of these tokens, then what `gradient` asks for; [tokens] each. The tile is `vocabulary` wide."""

    def gradient(
        self,
        student: Head,
        constants: Vectors,
        tokens: slice,
        vocabulary: slice,
        saved: Vectors,
        upstream: tuple[Tensor | None, ...],
    ) -> Tensor:
        """[tokens, vocabulary]: the gradient of the raw logits. `saved` is all that `values` gave, for these tokens."""


@dataclass(frozen=True)
class Plan:
    """Everything about a call that is no tensor."""

    measure: Measure
    tile: Tile
    scale: float
    product: torch.dtype
    statistics: torch.dtype


class PerToken(torch.autograd.Function):
    """`apply(plan, hidden, weight, bias, *constants)` gives the measure's outputs, differentiable in the three."""

    @staticmethod
    def forward(
        ctx: Any, plan: Plan, hidden: Tensor, weight: Tensor, bias: Tensor | None, *constants: Tensor
    ) -> Vectors:
        """The measure's outputs, [N] each."""
        student = Head(hidden, weight, bias, plan.scale, plan.product, plan.statistics)
        with torch.autocast(hidden.device.type, enabled=False), torch.cuda.device_of(hidden):
            parts = [
                plan.measure.values(student, constants, tokens, plan.tile.vocabulary)
                for tokens in pieces(hidden.shape[0], plan.tile.tokens)
            ]
            vectors = tuple(map(torch.cat, zip(*parts, strict=True)))
        if not vectors:  # no tokens
            vectors = tuple(hidden.new_empty(0, dtype=plan.statistics) for _ in range(plan.measure.outputs))
        ctx.plan, ctx.count = plan, len(constants)
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(hidden, weight, bias, *constants, *vectors)
        return vectors[: plan.measure.outputs]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *upstream: Tensor | None) -> tuple[Tensor | None, ...]:
        """Gradients of hidden states, weight and bias, each only where it is needed, in the dtype of its tensor."""
        hidden, weight, bias, *others = ctx.saved_tensors
        constants, saved = tuple(others[: ctx.count]), tuple(others[ctx.count :])
        needed = ctx.needs_input_grad[1:4]
        nothing = (None,) * (4 + ctx.count)
        if all(gradient is None for gradient in upstream):
            return nothing
        student = Head(hidden, weight, bias, ctx.plan.scale, ctx.plan.product, ctx.plan.statistics)
        with torch.autocast(hidden.device.type, enabled=False), torch.cuda.device_of(hidden):
            gradients = _gradients(ctx.plan, student, constants, saved, upstream, needed)
        return (None, *gradients, *nothing[4:])


def _gradients(
    plan: Plan,
    student: Head,
    constants: Vectors,
    saved: Vectors,
    upstream: tuple[Tensor | None, ...],
    needed: tuple[bool, bool, bool],
) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
    hidden, weight, bias = student.hidden, student.weight, student.bias
    wide = plan.statistics
    for_hidden = torch.zeros_like(hidden, dtype=wide) if needed[0] else None
    for_weight = torch.zeros_like(weight) if needed[1] else None
    for_bias = torch.zeros_like(bias, dtype=wide) if needed[2] and bias is not None else None
    for vocabulary in pieces(weight.shape[0], plan.tile.vocabulary):
        rows = student.rows(vocabulary)
        slice_sum = None
        if for_weight is not None:
            own = for_weight[vocabulary]
            slice_sum = own if own.dtype == wide else torch.zeros_like(own, dtype=wide)
        for tokens in pieces(hidden.shape[0], plan.tile.tokens):
            there = tuple(vector[tokens] for vector in saved)
            weights = tuple(None if vector is None else vector[tokens] for vector in upstream)
            gradient = plan.measure.gradient(student, constants, tokens, vocabulary, there, weights)
            if for_bias is not None:
                for_bias[vocabulary] += gradient.sum(0, dtype=wide)
            gradient = gradient.to(plan.product)
            if for_hidden is not None:
                _add_product(for_hidden[tokens], gradient, rows)
            if slice_sum is not None:
                _add_product(slice_sum, gradient.T, student.states(tokens))
        if for_weight is not None and slice_sum is not None and slice_sum.dtype != for_weight.dtype:
            for_weight[vocabulary] = slice_sum
    return (
        None if for_hidden is None else for_hidden.to(hidden.dtype),
        for_weight,
        None if for_bias is None or bias is None else for_bias.to(bias.dtype),
    )


def _add_product(total: Tensor, left: Tensor, right: Tensor) -> None:
    """total += left @ right, the sum in the dtype of `total`."""
    if left.dtype == total.dtype:
        total.addmm_(left, right)
    else:
        total.add_(left @ right)
