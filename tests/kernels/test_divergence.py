"""KL both ways and the JSD per token, and their gradients, against all logits at once."""

import math
from collections.abc import Callable

import full_logits as naive
import pytest
import torch
from torch.autograd import grad, gradcheck

from perceptdata.errors import UsageError
from perceptdata.kernels import Tile, token_divergence

TILES = [Tile(2, 5), Tile(3, 23), Tile(7, 1), Tile(100, 100), None]
KINDS = ["forward_kl", "reverse_kl", "jsd"]
BETA = 0.3


def ours(case, kind: str, **options) -> torch.Tensor:
    both = {"bias": case.bias, "teacher_bias": case.teacher_bias, "beta": BETA}
    return token_divergence(case.hidden, case.weight, *case.teacher, kind=kind, **{**both, **options})


def theirs(case, kind: str, temperature: float = 1.0) -> torch.Tensor:
    student = naive.log_p(*case.student, temperature=temperature)
    teacher = naive.log_p(*case.teacher, case.teacher_bias, temperature=temperature)
    return naive.divergence(kind, student, teacher, BETA)


@pytest.mark.parametrize("tile", TILES)
@pytest.mark.parametrize("kind", KINDS)
def test_values_and_weighted_gradients_are_those_of_full_logits(case, kind, tile) -> None:
    mine = ours(case, kind, tile=tile, temperature=0.7)
    full = theirs(case, kind, temperature=0.7)
    torch.testing.assert_close(mine, full, rtol=1e-12, atol=1e-13)
    upstream = case.upstream[0]
    gradients = grad((upstream * mine).sum(), case.student), grad((upstream * full).sum(), case.student)
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_gradcheck(make: Callable, kind) -> None:
    case = make(tokens=4, vocabulary=9)

    def divergence(hidden, weight, bias):
        return token_divergence(
            hidden, weight, *case.teacher, kind=kind, beta=BETA, bias=bias, temperature=0.7, tile=Tile(3, 5)
        )

    assert gradcheck(divergence, case.student)


def test_worked_by_hand() -> None:
    """p = (1/2, 1/2), q = (3/4, 1/4), m = (5/8, 3/8)."""
    one = torch.ones(1, 1, dtype=torch.float64)
    student = torch.zeros(2, 1, dtype=torch.float64)
    teacher = torch.tensor([[math.log(3)], [0.0]], dtype=torch.float64)

    def value(kind: str) -> float:
        return token_divergence(one, student, one, teacher, kind=kind, tile=Tile(1, 1)).item()

    forward = 0.75 * math.log(1.5) + 0.25 * math.log(0.5)
    reverse = 0.5 * math.log(2 / 3) + 0.5 * math.log(2)
    to_mixture = 0.75 * math.log(6 / 5) + 0.25 * math.log(2 / 3), 0.5 * math.log(4 / 5) + 0.5 * math.log(4 / 3)
    assert value("forward_kl") == pytest.approx(forward)
    assert value("reverse_kl") == pytest.approx(reverse)
    assert value("jsd") == pytest.approx(sum(to_mixture) / 2)


@pytest.mark.parametrize("kind", KINDS)
def test_the_teacher_is_a_constant_even_when_it_is_the_student(case, kind) -> None:
    value = token_divergence(case.hidden, case.weight, case.hidden, case.weight, kind=kind, tile=Tile(3, 5))
    assert (value >= 0.0).all()
    assert value.max() < 1e-14
    for gradient in grad(value.sum(), [case.hidden, case.weight]):
        assert gradient.abs().max() < 1e-14
    teacher = [tensor.clone().requires_grad_() for tensor in case.teacher]
    value = token_divergence(case.hidden, case.weight, *teacher, kind=kind)
    assert grad(value.sum(), teacher, allow_unused=True) == (None, None)


@pytest.mark.parametrize("kind", KINDS)
def test_entries_that_neither_may_say_change_nothing(case, kind) -> None:
    minus = torch.where(torch.arange(23) < 6, -math.inf, 0.0).double()
    mine = ours(case, kind, bias=minus, teacher_bias=minus, tile=Tile(3, 5))
    kept = naive.log_p(case.hidden, case.weight[6:]), naive.log_p(case.teacher_hidden, case.teacher_weight[6:])
    full = naive.divergence(kind, *kept, BETA)
    torch.testing.assert_close(mine, full)
    gradients = grad((case.upstream[0] * mine).sum(), case.hidden), grad((case.upstream[0] * full).sum(), case.hidden)
    torch.testing.assert_close(*gradients)


@pytest.mark.parametrize("kind", KINDS)
def test_huge_logits_do_not_overflow(kind) -> None:
    hidden = torch.tensor([[1.0]], requires_grad=True)
    student, teacher = torch.tensor([[3e4], [-3e4]]), torch.tensor([[-3e4], [3e4]])
    value = token_divergence(hidden, student, torch.ones(1, 1), teacher, kind=kind, tile=Tile(1, 1))
    assert value.item() == pytest.approx(math.log(2) if kind == "jsd" else 6e4)
    assert grad(value.sum(), hidden)[0].isfinite().all()


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_to_compare(make: Callable, kind) -> None:
    case = make(tokens=0, dtype=torch.float32)
    value = ours(case, kind)
    assert (value.shape, value.dtype) == ((0,), torch.float32)
    assert [gradient.abs().sum() for gradient in grad(value.sum(), case.student)] == [0.0, 0.0, 0.0]


def test_what_does_not_fit_is_said(case) -> None:
    student = case.hidden, case.weight
    with pytest.raises(UsageError, match=r"teacher's vocabulary has 20 entries and the student's 23"):
        token_divergence(*student, case.teacher_hidden, case.teacher_weight[:20], kind="jsd")
    with pytest.raises(UsageError, match="6 teacher's tokens cannot stand beside 7"):
        token_divergence(*student, case.teacher_hidden[:6], case.teacher_weight, kind="jsd")
    with pytest.raises(UsageError, match="no divergence 'kl'; choose one of forward_kl, reverse_kl, jsd"):
        token_divergence(*student, *case.teacher, kind="kl")
    for beta in (0.0, 1.0, -0.5):
        with pytest.raises(UsageError, match="beta of the JSD"):
            token_divergence(*student, *case.teacher, kind="jsd", beta=beta)
    with pytest.raises(UsageError, match="teacher's hidden states must be"):
        token_divergence(*student, case.teacher_hidden[:, :3], case.teacher_weight, kind="jsd")
