"""On a GPU, at the width of a real model: Triton, torch tiles and full logits agree, and the memory holds."""

from importlib.util import find_spec

import full_logits as naive
import pytest
import torch
from torch import Tensor
from torch.autograd import grad

from perceptdata.kernels import token_divergence, token_stats
from perceptdata.kernels.tile import LOGITS

pytestmark = [
    pytest.mark.skipif(not torch.cuda.is_available(), reason="There is no CUDA GPU on this machine."),
    pytest.mark.skipif(find_spec("triton") is None, reason="Triton is not installed here."),
]

N, H, V = 3000, 2048, 151_936
KINDS = ["stats", "forward_kl", "reverse_kl", "jsd"]
TOLERANCE = {torch.float32: 1e-4, torch.bfloat16: 2e-2}


def tensors(dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    draw = torch.Generator("cuda").manual_seed(3)
    hidden, teacher = (torch.randn(N, H, generator=draw, device="cuda").to(dtype) for _ in range(2))
    weight = torch.randn(V, H, generator=draw, device="cuda").mul_(H**-0.5).to(dtype)
    return hidden.requires_grad_(), weight, teacher, torch.randint(V, (N,), generator=draw, device="cuda")


def measured(kind: str, backend: str, hidden: Tensor, weight: Tensor, teacher: Tensor, targets: Tensor) -> Tensor:
    """[N], a weight a token in it."""
    weights = torch.linspace(-1, 3, N, device="cuda")
    if backend == "full":
        student = naive.log_p(hidden, weight)
        if kind == "stats":
            return weights * (naive.nll(student, targets) + naive.entropy(student))
        return weights * naive.divergence(kind, student, naive.log_p(teacher, weight.detach()), 0.5)
    if kind == "stats":
        return weights * sum(token_stats(hidden, weight, targets, backend=backend))
    return weights * token_divergence(hidden, weight, teacher, weight.detach(), kind=kind, backend=backend)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=["float32", "bfloat16"])
@pytest.mark.parametrize("kind", KINDS)
def test_triton_torch_and_full_logits_agree(kind: str, dtype: torch.dtype) -> None:
    hidden, weight, teacher, targets = tensors(dtype)
    weight.requires_grad_()
    results = []
    for backend in ("triton", "torch", "full"):
        values = measured(kind, backend, hidden, weight, teacher, targets)
        results.append([values.detach(), *grad(values.sum(), [hidden, weight])])
    for triton, tiled, full in zip(*results, strict=True):
        assert (triton - tiled).norm() <= TOLERANCE[dtype] * tiled.norm()
        assert (triton - full).norm() <= 2 * TOLERANCE[dtype] * full.norm()


@pytest.mark.parametrize("backend", ["triton", "torch"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_frozen_head_takes_no_more_than_tiles(kind: str, backend: str) -> None:
    inputs = tensors(torch.bfloat16)
    before = torch.cuda.memory_allocated()
    torch.cuda.reset_peak_memory_stats()
    measured(kind, backend, *inputs).sum().backward()
    assert torch.cuda.max_memory_allocated() - before < 8 * LOGITS * 4 + 4 * N * H * 4
