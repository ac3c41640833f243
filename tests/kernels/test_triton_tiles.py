"""The Triton kernels against torch tiles, and against full logits; on a GPU, or anywhere with TRITON_INTERPRET=1."""

import os
from collections.abc import Callable
from importlib.util import find_spec

import full_logits as naive
import pytest
import torch
from torch import Tensor
from torch.autograd import grad

from perceptdata.kernels import Tile, token_divergence, token_stats, triton_tiles

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
pytestmark = [
    pytest.mark.skipif(find_spec("triton") is None, reason="Triton is not installed here."),
    pytest.mark.skipif(
        DEVICE == "cpu" and os.environ.get("TRITON_INTERPRET") != "1",
        reason="Triton's kernels need a GPU, or its interpreter: set TRITON_INTERPRET=1.",
    ),
]

KINDS = ["nll", "entropy", "both", "forward_kl", "reverse_kl", "jsd"]
# Narrower than a block and no power of two; wider than one, so that a row takes several; a last tile of one entry.
TILES = [Tile(3, 11), Tile(7, 200), Tile(4, 89)]


def value(case, kind: str, backend: str, tile: Tile, biased: bool) -> Tensor:
    """[N], each token with its own weight."""
    biases = {"bias": case.bias, "teacher_bias": case.teacher_bias} if biased else {}
    shared = {"temperature": 0.7, "tile": tile, "backend": backend}
    if kind in ("forward_kl", "reverse_kl", "jsd"):
        student = case.hidden, case.weight
        return case.upstream[0] * token_divergence(*student, *case.teacher, kind=kind, beta=0.3, **biases, **shared)
    bias = case.bias if biased else None
    stats = token_stats(case.hidden, case.weight, case.targets, bias=bias, **shared)
    weights = {"nll": (1, 0), "entropy": (0, 1), "both": (1, 1)}[kind]
    return sum(case.upstream[row] * stats[row] for row in (0, 1) if weights[row])


@pytest.mark.parametrize("biased", [False, True])
@pytest.mark.parametrize("tile", TILES)
@pytest.mark.parametrize("kind", KINDS)
def test_values_and_weighted_gradients_are_those_of_torch(make: Callable, monkeypatch, kind, tile, biased) -> None:
    monkeypatch.setattr(triton_tiles, "BLOCK", 64)
    case = make(vocabulary=179, dtype=torch.float32, device=DEVICE)
    inputs = case.student if biased else case.student[:2]
    results = []
    for backend in ("triton", "torch"):
        values = value(case, kind, backend, tile, biased)
        results.append([values, *grad(values.sum(), inputs)])
    for ours, theirs in zip(*results, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5 * float(theirs.detach().abs().max()))


def test_full_logits_in_float64_agree(make: Callable) -> None:
    case, exact = make(dtype=torch.float32, device=DEVICE), make(device=DEVICE)
    stats = token_stats(case.hidden, case.weight, case.targets, bias=case.bias, tile=Tile(3, 5), backend="triton")
    log_p = naive.log_p(*exact.student)
    torch.testing.assert_close(stats.nll.double(), naive.nll(log_p, exact.targets), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(stats.entropy.double(), naive.entropy(log_p), rtol=1e-5, atol=1e-5)
    student = case.hidden, case.weight
    for kind in ("forward_kl", "reverse_kl", "jsd"):
        mine = token_divergence(*student, *case.teacher, kind=kind, beta=0.3, tile=Tile(3, 5), backend="triton")
        both = naive.log_p(*exact.student[:2]), naive.log_p(*exact.teacher)
        torch.testing.assert_close(mine.double(), naive.divergence(kind, *both, 0.3), rtol=1e-5, atol=1e-5)


def test_huge_and_suppressed_logits(make: Callable) -> None:
    case = make(dtype=torch.float32, device=DEVICE)
    minus = torch.where(torch.arange(23, device=DEVICE) < 6, -torch.inf, 0.0)
    results = []
    for backend in ("triton", "torch"):
        options = {"bias": minus, "tile": Tile(3, 5), "backend": backend}
        stats = token_stats(1e4 * case.hidden, case.weight, case.targets, **options)
        apart = token_divergence(case.hidden, case.weight, *case.teacher, kind="jsd", teacher_bias=minus, **options)
        loss = (stats.entropy + apart).sum() + stats.nll[case.targets >= 6].sum()
        results.append([*stats, apart, *grad(loss, [case.hidden, case.weight])])
    for ours, theirs in zip(*results, strict=True):
        assert theirs.isfinite().all()
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)


def test_bfloat16(make: Callable) -> None:
    """Gradients are written in the dtype of the logits: as torch's, to their rounding."""
    case = make(vocabulary=300, dtype=torch.bfloat16, device=DEVICE)
    for kind in KINDS:
        results = []
        for backend in ("triton", "torch"):
            values = value(case, kind, backend, Tile(3, 128), False)
            results.append([values.double(), *(part.double() for part in grad(values.sum(), case.student[:2]))])
        for ours, theirs in zip(*results, strict=True):
            assert (ours - theirs).norm() <= 0.02 * theirs.norm(), kind
