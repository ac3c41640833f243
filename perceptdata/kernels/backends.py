"""Which implementation works on the tiles: torch everywhere; Triton on a GPU, where it is installed."""

from __future__ import annotations

import os
from importlib.util import find_spec
from typing import Literal, Protocol

import torch
from torch import Tensor

from perceptdata.errors import UsageError
from perceptdata.kernels import torch_tiles, triton_tiles
from perceptdata.kernels.head import Logits
from perceptdata.kernels.torch_tiles import Running

Backend = Literal["auto", "torch", "triton"]


class Tiles(Protocol):
    """What can be done with tiles of logits, which every operation may overwrite. Two modules are of this shape."""

    def fold_stats(self, logits: Logits, targets: Tensor, running: Running) -> None:
        """What NLL and entropy need."""

    def fold_kl(self, first: Logits, second: Logits, one: Running, other: Running) -> None:
        """What KL(first || second) needs."""

    def fold_total(self, logits: Logits, running: Running) -> None:
        """The sum of e^z."""

    def fold_mixture(
        self,
        student: Logits,
        teacher: Logits,
        log_total: Tensor,
        log_total_teacher: Tensor,
        beta: float,
        of_student: Tensor,
        of_teacher: Tensor,
    ) -> None:
        """Both KLs to the mixture."""

    def stats_gradient(
        self,
        logits: Logits,
        targets: Tensor,
        log_total: Tensor,
        entropy: Tensor,
        nll: Tensor | None,
        spread: Tensor | None,
    ) -> Tensor:
        """Of the raw logits, from the gradients of NLL and entropy."""

    def divergence_gradient(
        self,
        kind: str,
        student: Logits,
        teacher: Logits,
        log_total: Tensor,
        log_total_teacher: Tensor,
        inner: Tensor,
        beta: float,
        upstream: Tensor,
    ) -> Tensor:
        """Of the student's raw logits, from the gradient of the divergence."""


def chosen(backend: Backend, hidden: Tensor) -> Tiles:
    """The implementation for these tensors. Raises `UsageError` where Triton is asked for and cannot be had."""
    installed = find_spec("triton") is not None
    if backend == "auto":
        return triton_tiles if installed and hidden.is_cuda and hidden.dtype != torch.float64 else torch_tiles
    if backend == "torch":
        return torch_tiles
    if backend != "triton":
        raise UsageError(f"there is no backend {backend!r}; choose auto, torch or triton")
    if not installed:
        raise UsageError("the triton backend needs the package triton, which is not installed; use auto or torch")
    if hidden.dtype == torch.float64:
        raise UsageError("the triton backend computes in float32; use auto or torch for float64")
    if not hidden.is_cuda and os.environ.get("TRITON_INTERPRET") != "1":
        raise UsageError("the triton backend needs tensors on a GPU; use auto or torch on the CPU")
    return triton_tiles
