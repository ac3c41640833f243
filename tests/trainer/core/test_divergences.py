"""Divergences by hand and against the kernels; the clip of entries, its values and its gradients."""

import math

import pytest
import torch
from torch import Tensor

from perceptdata.errors import UsageError
from perceptdata.kernels import token_divergence
from perceptdata.trainer.core.divergences import KINDS, Kind, clipped, divergence

F64 = torch.float64


def heads(seed: int = 0) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    random = torch.Generator().manual_seed(seed)
    shapes = ((7, 4), (11, 4), (7, 5), (11, 5))
    hidden, weight, teacher_hidden, teacher_weight = (torch.randn(s, dtype=F64, generator=random) for s in shapes)
    return hidden.requires_grad_(), weight.requires_grad_(), teacher_hidden, teacher_weight


def test_by_hand() -> None:
    student = torch.tensor([[0.5, 0.5]], dtype=F64).log()
    teacher = torch.tensor([[0.8, 0.2]], dtype=F64).log()
    forward = 0.8 * math.log(0.8 / 0.5) + 0.2 * math.log(0.2 / 0.5)
    reverse = 0.5 * math.log(0.5 / 0.8) + 0.5 * math.log(0.5 / 0.2)
    assert divergence(student, teacher, "forward_kl").item() == pytest.approx(forward)
    assert divergence(student, teacher, "reverse_kl").item() == pytest.approx(reverse)
    # β = .25: m = .25·(.8, .2) + .75·(.5, .5) = (.575, .425)
    to_teacher = 0.8 * math.log(0.8 / 0.575) + 0.2 * math.log(0.2 / 0.425)
    to_student = 0.5 * math.log(0.5 / 0.575) + 0.5 * math.log(0.5 / 0.425)
    found = divergence(student, teacher, "jsd", beta=0.25).item()
    assert found == pytest.approx(0.25 * to_teacher + 0.75 * to_student)
    # the first entry of the forward KL, .376, is held to .1; the second, -.183, is left
    one = divergence(student, teacher, "forward_kl", entry_clip=0.1).item()
    assert one == pytest.approx(0.1 + 0.2 * math.log(0.4))


@pytest.mark.parametrize("kind", KINDS)
def test_chunks_are_the_whole_and_agree_with_the_kernels(kind: Kind) -> None:
    inputs = heads()
    upstream = torch.rand(7, dtype=F64, generator=torch.Generator().manual_seed(9))  # weights that differ by token
    loose = clipped(*inputs, entry_clip=1e9, kind=kind, beta=0.3, temperature=1.3, chunk=3)
    kernel = token_divergence(*inputs, kind=kind, beta=0.3, temperature=1.3)
    assert torch.allclose(loose, kernel, rtol=1e-9)
    ours = torch.autograd.grad((upstream * loose).sum(), inputs[:2])
    theirs = torch.autograd.grad((upstream * kernel).sum(), inputs[:2])
    for one, other in zip(ours, theirs, strict=True):
        assert torch.allclose(one, other, rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_of_clipped_entries(kind: Kind) -> None:
    hidden, weight, teacher_hidden, teacher_weight = heads(1)

    def function(h: Tensor, w: Tensor) -> Tensor:
        return clipped(h, w, teacher_hidden, teacher_weight, 0.05, kind, chunk=4)

    assert (function(hidden, weight) < clipped(*heads(1), entry_clip=1e9, kind=kind)).any()
    assert torch.autograd.gradcheck(function, (hidden, weight))


def test_half_precision_is_added_up_in_single() -> None:
    inputs = [part.detach().to(torch.bfloat16) for part in heads(2)]
    assert clipped(*inputs, entry_clip=0.5, kind="jsd").dtype is torch.float32


def test_senseless_options_are_refused() -> None:
    zeros = torch.zeros(1, 2)
    with pytest.raises(UsageError, match="'kl'"):
        divergence(zeros, zeros, "kl")
    with pytest.raises(UsageError, match="beta is 1"):
        divergence(zeros, zeros, "jsd", beta=1)
