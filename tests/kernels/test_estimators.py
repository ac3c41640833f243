"""k3: the vectors of the reference, its clamps, and the KL as its mean."""

import pytest
import torch
from torch.autograd import grad

from perceptdata.kernels import k3


def test_the_worked_vector() -> None:
    seeing = torch.tensor([-0.10, -0.5, -1.2, -0.02], dtype=torch.float64)
    blind = torch.tensor([-0.12, -2.5, -0.9, -0.02], dtype=torch.float64)
    assert k3(seeing, blind).tolist() == pytest.approx([0.000199, 1.135335, 0.049859, 0.0], abs=5e-7)


def test_the_clamps() -> None:
    seeing = torch.tensor([-30.0, 0.0, -3.0, 0.0])
    blind = torch.tensor([0.0, -30.0, 0.0, -float("inf")])
    assert k3(seeing, blind).tolist() == [10.0, 10.0, 10.0, 10.0]
    assert k3(seeing, blind, ceiling=100.0).tolist() == pytest.approx([100.0, 19.0, 16.085537, 19.0])
    assert k3(seeing, blind, limit=2.0).tolist() == pytest.approx([4.389056, 1.135335, 4.389056, 1.135335])


def test_its_mean_under_p_is_the_kl() -> None:
    p = torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64)
    q = torch.tensor([0.2, 0.2, 0.6], dtype=torch.float64)
    assert (p * k3(p.log(), q.log())).sum().item() == pytest.approx((p * (p / q).log()).sum().item())


def test_it_keeps_precision_where_the_two_nearly_agree() -> None:
    """Half of d squared; in float32 e^d - 1 - d would lose it."""
    difference = torch.tensor([1e-3])
    assert k3(torch.zeros(1), difference).item() == pytest.approx(0.5e-6, rel=1e-3)


def test_gradients_reach_both_sides() -> None:
    seeing, blind = torch.tensor([-1.0], requires_grad=True), torch.tensor([-2.0], requires_grad=True)
    of_seeing, of_blind = grad(k3(seeing, blind).sum(), [seeing, blind])
    assert of_blind.item() == pytest.approx(-0.6321206)  # e^-1 - 1
    assert of_seeing.item() == pytest.approx(0.6321206)
