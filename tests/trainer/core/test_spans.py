"""The two-span loss: worked by hand, and against means written out, split over micro-batches and ranks."""

import math

import pytest
import torch
from torch import Tensor

from perceptdata.alignment import roles as alignment
from perceptdata.errors import UsageError
from perceptdata.trainer.core import spans
from perceptdata.trainer.core.spans import (
    constant_weights,
    dft_weights,
    loss_share,
    pool,
    role_counts,
    role_sums,
    span_means,
    token_share,
    token_weights,
    weighted_sum,
)

F64 = torch.float64
ROLES = torch.tensor([[0, 1, 1], [2, 3, 2]])
NLL = torch.tensor([[9.0, 1, 3], [2, 4, 6]], dtype=F64)  # L_p = (1 + 3)/2 = 2, L_r = (2 + 4 + 6)/3 = 4


def batch(seed: int, shape: tuple[int, int] = (6, 40)) -> tuple[Tensor, Tensor]:
    random = torch.Generator().manual_seed(seed)
    roles = torch.multinomial(torch.tensor([0.3, 0.02, 0.6, 0.08]), shape[0] * shape[1], True, generator=random)
    return roles.view(shape).to(torch.int8), torch.rand(shape, dtype=F64, generator=random) * 5


def objective(nll: Tensor, roles: Tensor, lam: float | Tensor, counts: Tensor | None = None) -> Tensor:
    counts = role_counts(roles) if counts is None else counts
    return weighted_sum(nll, token_weights(roles, counts, lam, dtype=F64))


def test_role_codes_are_those_of_the_alignment() -> None:
    ours = (spans.NONE, spans.PERCEPTION, spans.REASONING, spans.OTHER)
    assert ours == (alignment.PROMPT, alignment.PERCEPTION, alignment.REASONING, alignment.OTHER)


def test_by_hand() -> None:
    assert role_counts(ROLES).tolist() == [1, 2, 2, 1]
    assert role_sums(NLL, ROLES).tolist() == [0, 4, 8, 4]
    assert objective(NLL, ROLES, 0.25).item() == pytest.approx(0.25 * 2 + 0.75 * 4)
    counts, sums = role_counts(ROLES), role_sums(NLL, ROLES)
    assert span_means(sums, counts).tolist() == [2, 4]
    assert token_share(counts).item() == pytest.approx(2 / 5)
    assert loss_share(sums, counts, 0.25).item() == pytest.approx(0.5 / 3.5)
    assert loss_share(sums, counts, token_share(counts)).item() == pytest.approx(4 / 16)


@pytest.mark.parametrize(
    ("other", "pooled", "loss"),
    # perception: L_p = (1 + 3 + 4)/3, L_r = (2 + 6)/2; ignored: L_p = 2, L_r = 4
    [("reasoning", [2, 3], 3.0), ("perception", [3, 2], 0.5 * 8 / 3 + 0.5 * 4), ("ignore", [2, 2], 3.0)],
)
def test_what_role_three_counts_as(other: spans.Other, pooled: list[int], loss: float) -> None:
    counts = role_counts(ROLES)
    assert pool(counts, other).tolist() == pooled
    weights = token_weights(ROLES, counts, 0.5, other, dtype=F64)
    assert (weights[1, 1] == 0).item() == (other == "ignore")
    assert weighted_sum(NLL, weights).item() == pytest.approx(loss)


@pytest.mark.parametrize("seed", range(5))
def test_the_share_of_tokens_as_lambda_is_the_ordinary_mean(seed: int) -> None:
    roles, nll = batch(seed)
    ordinary = nll[roles > 0].mean().item()
    assert objective(nll, roles, token_share(role_counts(roles))).item() == pytest.approx(ordinary, rel=1e-12)


def test_micro_batches_and_ranks_add_up_to_the_objective() -> None:
    roles, nll = batch(7)
    perception, reasoning = nll[roles == 1].mean(), nll[roles >= 2].mean()
    whole = 0.3 * perception + 0.7 * reasoning
    counts = sum((role_counts(part) for part in roles.split([1, 2, 3])), torch.zeros(4, dtype=torch.long))
    parts = [objective(n, r, 0.3, counts) for n, r in zip(nll.split([1, 2, 3]), roles.split([1, 2, 3]), strict=True)]
    assert sum(part.item() for part in parts) == pytest.approx(whole.item(), rel=1e-12)


def test_gradients_are_those_of_the_means() -> None:
    roles, nll = batch(8)
    nll.requires_grad_()
    naive = 0.2 * nll[roles == 1].mean() + 0.8 * nll[roles >= 2].mean()
    (expected,) = torch.autograd.grad(naive, nll)
    (found,) = torch.autograd.grad(objective(nll, roles, 0.2), nll)
    assert found == pytest.approx(expected, rel=1e-12)


def test_no_gradient_runs_through_lambda() -> None:
    lam = torch.tensor(0.3, dtype=F64, requires_grad=True)
    assert not objective(NLL, ROLES, lam).requires_grad


@pytest.mark.parametrize("lam", [0.01, 0.5, 0.99])
def test_an_empty_span_leaves_the_other_loss(lam: float) -> None:
    assert objective(NLL, ROLES.clamp(max=1), lam).item() == pytest.approx((1 + 3 + 2 + 4 + 6) / 5)
    without = torch.where(ROLES == 1, 0, ROLES)
    assert objective(NLL, without, lam).item() == pytest.approx(4)
    assert objective(NLL, torch.zeros_like(ROLES), lam).item() == 0


def test_lambda_one_is_perception_only() -> None:
    assert objective(NLL, ROLES, 1.0).item() == pytest.approx(2)
    assert objective(NLL, torch.where(ROLES == 1, 0, ROLES), 1.0).item() == 0
    assert objective(NLL, ROLES, 0.0).item() == pytest.approx(4)
    # the ordinary mean of a window without perception has λ = 0, and of one without reasoning λ = 1
    for roles in (torch.where(ROLES == 1, 0, ROLES), ROLES.clamp(max=1)):
        mean = NLL[roles > 0].mean().item()
        assert objective(NLL, roles, token_share(role_counts(roles))).item() == pytest.approx(mean)


def test_what_is_not_trained_may_be_anything() -> None:
    nll = NLL.clone()
    nll[0, 0] = math.nan
    nll.requires_grad_()
    loss = objective(nll, ROLES, 0.25)
    loss.backward()
    assert loss.item() == pytest.approx(3.5)
    assert nll.grad is not None
    assert nll.grad[0, 0] == 0
    assert role_sums(nll, ROLES).tolist() == [0, 4, 8, 4]


def test_constant_weights() -> None:
    # (3·(1 + 3) + 1·(2 + 6) + 0·4) / (3·2 + 1·2)
    counts = role_counts(ROLES)
    weights = constant_weights(ROLES, counts, perception=3, reasoning=1, other=0, dtype=F64)
    assert weighted_sum(NLL, weights).item() == pytest.approx(20 / 8)
    even = constant_weights(ROLES, counts, 2, 2, 2, dtype=F64)
    assert weighted_sum(NLL, even).item() == pytest.approx(16 / 5)
    # a constant weight w_p is the λ of w_p·N_p / (w_p·N_p + w_r·N_r)
    roles, nll = batch(3)
    n_p, n_r = pool(role_counts(roles)).tolist()
    constant = weighted_sum(nll, constant_weights(roles, role_counts(roles), perception=5, dtype=F64)).item()
    assert constant == pytest.approx(objective(nll, roles, 5 * n_p / (5 * n_p + n_r)).item(), rel=1e-12)
    nothing = torch.zeros_like(roles)
    assert constant_weights(nothing, role_counts(nothing)).sum() == 0


def test_dft_weighs_a_token_by_its_probability() -> None:
    # d/dnll of p·nll with p held: p. For p = 1/2 and 1/4: 1/2 and 1/4, each over two tokens.
    nll = torch.tensor([math.log(2), math.log(4)], dtype=F64, requires_grad=True)
    roles = torch.tensor([2, 2])
    weights = constant_weights(roles, role_counts(roles), dtype=F64) * dft_weights(nll)
    loss = weighted_sum(nll, weights)
    loss.backward()
    assert loss.item() == pytest.approx((math.log(2) / 2 + math.log(4) / 4) / 2)
    assert nll.grad is not None
    assert nll.grad.tolist() == pytest.approx([1 / 4, 1 / 8])


def test_senseless_options_are_refused() -> None:
    counts = role_counts(ROLES)
    with pytest.raises(UsageError, match="'answer'"):
        pool(counts, "answer")
    with pytest.raises(UsageError, match="negative"):
        constant_weights(ROLES, counts, perception=-1)
    with pytest.raises(UsageError, match="more than 0"):
        constant_weights(ROLES, counts, 0, 0, 0)
