"""PAPO's terms by hand, with their gradients, and split over micro-batches."""

import math

import pytest
import torch

from perceptdata.trainer.core.regularisers import entropy_penalty, perception_bonus

F64 = torch.float64


def test_the_bonus_is_the_mean_k3_with_a_gradient_to_sight_alone() -> None:
    # r = π_blind/π_image = 1/2 and 1: k3 = 1/2 - 1 + log 2 and 0; the third token is padding
    image = torch.tensor([[math.log(0.8), math.log(0.3), 0.0]], dtype=F64, requires_grad=True)
    blind = torch.tensor([[math.log(0.4), math.log(0.3), -5.0]], dtype=F64, requires_grad=True)
    loss = perception_bonus(image, blind, torch.tensor([[1, 1, 0]]), 2, gamma=0.02)
    loss.backward()
    assert loss.item() == pytest.approx(-0.02 * (math.log(2) - 0.5) / 2)
    # d k3 / d log π_image = 1 - r
    assert image.grad is not None
    assert image.grad[0].tolist() == pytest.approx([-0.02 * 0.5 / 2, 0, 0])
    assert blind.grad is None


def test_the_penalty_is_the_mean_surprise() -> None:
    logp = torch.tensor([[-1.0, -3.0], [-2.0, -math.inf]], dtype=F64, requires_grad=True)
    mask = torch.tensor([[1, 1], [1, 0]])
    loss = entropy_penalty(logp, mask, 3, eta=0.06)
    loss.backward()
    assert loss.item() == pytest.approx(0.06 * 2)
    assert logp.grad is not None
    assert logp.grad.flatten().tolist() == pytest.approx([-0.02, -0.02, -0.02, 0])
    parts = [entropy_penalty(logp[at : at + 1], mask[at : at + 1], torch.tensor(3), 0.06).item() for at in range(2)]
    assert sum(parts) == pytest.approx(0.12)
