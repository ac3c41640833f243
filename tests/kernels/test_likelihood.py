"""NLL and entropy per token, and their gradients, against all logits at once."""

import math
from collections.abc import Callable

import full_logits as naive
import pytest
import torch
from torch.autograd import grad, gradcheck

from perceptdata.errors import UsageError
from perceptdata.kernels import Tile, token_stats

TILES = [Tile(2, 5), Tile(3, 23), Tile(7, 1), Tile(100, 100), None]


@pytest.mark.parametrize("tile", TILES)
def test_values_are_those_of_full_logits(case, tile) -> None:
    stats = token_stats(case.hidden, case.weight, case.targets, bias=case.bias, temperature=0.7, tile=tile)
    log_p = naive.log_p(*case.student, temperature=0.7)
    torch.testing.assert_close(stats.nll, naive.nll(log_p, case.targets), rtol=1e-12, atol=1e-13)
    torch.testing.assert_close(stats.entropy, naive.entropy(log_p), rtol=1e-12, atol=1e-13)
    assert stats.nll[2] == 0.0
    assert stats.entropy[2] > 0.0


@pytest.mark.parametrize("tile", TILES)
@pytest.mark.parametrize("outputs", [(0,), (1,), (0, 1)], ids=["nll", "entropy", "both"])
def test_gradients_follow_each_tokens_own_weight(case, tile, outputs) -> None:
    def weighted(values) -> torch.Tensor:
        return sum((case.upstream[index] * values[index]).sum() for index in outputs)

    ours = weighted(token_stats(case.hidden, case.weight, case.targets, bias=case.bias, temperature=1.3, tile=tile))
    log_p = naive.log_p(*case.student, temperature=1.3)
    theirs = weighted((naive.nll(log_p, case.targets), naive.entropy(log_p)))
    for mine, other in zip(grad(ours, case.student), grad(theirs, case.student), strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-11, atol=1e-12)


def test_gradcheck(make: Callable) -> None:
    case = make(tokens=4, vocabulary=9)

    def stats(hidden, weight, bias):
        return token_stats(hidden, weight, case.targets, bias=bias, temperature=0.7, tile=Tile(3, 5))

    assert gradcheck(stats, case.student)
    assert gradcheck(lambda hidden, weight: token_stats(hidden, weight, case.targets), case.student[:2])


def test_worked_by_hand() -> None:
    """p = (1/2, 1/4, 1/4): entropy 1.5 ln 2; the target's NLL is 2 ln 2; d NLL / dz = p - (0, 1, 0)."""
    hidden = torch.tensor([[1.0]], dtype=torch.float64, requires_grad=True)
    weight = torch.tensor([[math.log(2)], [0.0], [0.0]], dtype=torch.float64, requires_grad=True)
    stats = token_stats(hidden, weight, torch.tensor([1]), tile=Tile(1, 2))
    assert stats.nll.item() == pytest.approx(2 * math.log(2))
    assert stats.entropy.item() == pytest.approx(1.5 * math.log(2))
    (for_weight,) = grad(stats.nll.sum(), weight)
    assert for_weight[:, 0].tolist() == pytest.approx([0.5, -0.75, 0.25])


def test_a_token_without_target_gives_its_nll_no_gradient(case) -> None:
    ignored = torch.full_like(case.targets, -100)
    stats = token_stats(case.hidden, case.weight, ignored, tile=Tile(3, 5))
    (for_hidden,) = grad(stats.nll.sum(), case.hidden)
    assert stats.nll.tolist() == [0.0] * 7
    assert for_hidden.abs().max() == 0.0


def test_huge_logits_stay_finite_and_exact() -> None:
    """Two logits of 30,000 above one of -30,000: even odds, and a gap that no exponential could hold."""
    hidden = torch.tensor([[1.0]], requires_grad=True)
    weight = torch.tensor([[3e4], [-3e4], [3e4]])
    stats = token_stats(hidden.expand(2, 1), weight, torch.tensor([0, 1]), tile=Tile(2, 1))
    assert stats.nll.tolist() == pytest.approx([math.log(2), 6e4 + math.log(2)])
    assert stats.entropy.tolist() == pytest.approx([math.log(2)] * 2)
    (for_hidden,) = grad(stats.nll.sum() + stats.entropy.sum(), hidden)
    assert for_hidden.item() == pytest.approx(6e4)


def test_suppressed_entries_have_no_probability(case) -> None:
    """Biases of minus infinity, a whole tile of them first."""
    minus = case.bias.detach().clone()
    minus[:6] = -math.inf
    targets = case.targets.clamp(min=6)
    stats = token_stats(case.hidden, case.weight, targets, bias=minus, tile=Tile(3, 5))
    kept = naive.log_p(case.hidden, case.weight[6:], case.bias[6:])
    torch.testing.assert_close(stats.nll, naive.nll(kept, targets - 6))
    torch.testing.assert_close(stats.entropy, naive.entropy(kept))
    upstream = case.upstream[0]
    ours = grad((upstream * (stats.nll + stats.entropy)).sum(), case.hidden)[0]
    theirs = grad((upstream * (naive.nll(kept, targets - 6) + naive.entropy(kept))).sum(), case.hidden)[0]
    torch.testing.assert_close(ours, theirs)


def test_an_impossible_target_is_dear_but_finite(case) -> None:
    minus = torch.where(torch.arange(23) == 4, -math.inf, 0.0).double()
    stats = token_stats(case.hidden, case.weight, torch.full((7,), 4), bias=minus)
    assert (stats.nll > 1e29).all()
    assert grad(stats.nll.sum(), case.hidden)[0].isfinite().all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
def test_nothing_to_score(make: Callable, dtype) -> None:
    case = make(tokens=0, dtype=dtype)
    stats = token_stats(case.hidden, case.weight, case.targets, bias=case.bias)
    assert [vector.shape for vector in stats] == [(0,), (0,)]
    assert stats.nll.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    for gradient, tensor in zip(grad(stats.nll.sum(), case.student), case.student, strict=True):
        assert gradient.shape == tensor.shape
        assert gradient.abs().sum() == 0.0


def test_a_target_outside_the_vocabulary_is_named(case) -> None:
    targets = case.targets.clone()
    targets[3] = 23
    with pytest.raises(UsageError, match="target 23 of token 3 is outside the vocabulary of 23"):
        token_stats(case.hidden, case.weight, targets)
    targets[3] = -1
    with pytest.raises(UsageError, match="target -1 of token 3"):
        token_stats(case.hidden, case.weight, targets)


def test_targets_are_one_a_token(case) -> None:
    with pytest.raises(UsageError, match=r"one for each of the 7 tokens, not torch.int64 \[6\]"):
        token_stats(case.hidden, case.weight, case.targets[1:])
    with pytest.raises(UsageError, match="must be int64"):
        token_stats(case.hidden, case.weight, case.targets.int())
