"""Relative visual dependency: Eq. 4 and 5 by hand, and responses that say nothing."""

import math

import pytest
import torch

from perceptdata.trainer.core.dependency import relative, response_mean, tells_apart

F64 = torch.float64


def test_by_hand() -> None:
    # S = e - 1, e² - 1, 0: log(1 + S) = 1, 2, 0, so I = 1/2, 1, 0. The last token is padding.
    score = torch.tensor([[math.e - 1, math.e**2 - 1, 0, 99]], dtype=F64)
    mask = torch.tensor([[1, 1, 1, 0]])
    assert relative(score, mask)[0].tolist() == pytest.approx([0.5, 1, 0, 0])
    assert response_mean(score, mask).item() == pytest.approx((math.e + math.e**2 - 2) / 3)


def test_each_response_is_its_own_measure() -> None:
    random = torch.Generator().manual_seed(0)
    score = torch.rand(4, 9, dtype=F64, generator=random)
    mask = torch.arange(9) < torch.tensor([[9], [5], [2], [7]])
    together = relative(score, mask)
    for row, length in enumerate([9, 5, 2, 7]):
        alone = relative(score[row : row + 1, :length], torch.ones(1, length))
        assert together[row, :length] == pytest.approx(alone[0], rel=1e-12)
        assert together[row, length:].abs().sum() == 0
        assert alone.max().item() == pytest.approx(1, rel=1e-6)
        assert alone.min().item() == 0


def test_scores_that_cannot_tell_tokens_apart() -> None:
    rows = {
        "differ": ([0.0, 1, 2], [1, 1, 1], True),
        "constant": ([0.5, 0.5, 0.5], [1, 1, 1], False),
        "rounding": ([0.5, 0.5 + 1e-12, 0.5], [1, 1, 1], False),
        "one token": ([0.5, 9, 9], [1, 0, 0], False),
        "no token": ([0.5, 9, 9], [0, 0, 0], False),
        "not a number": ([0.5, math.nan, 1], [1, 1, 1], False),
        "infinite": ([0.5, math.inf, 1], [1, 1, 1], False),
        "padding not a number": ([0.5, 1, math.nan], [1, 1, 0], True),
    }
    score = torch.tensor([row[0] for row in rows.values()], dtype=F64)
    mask = torch.tensor([row[1] for row in rows.values()])
    assert dict(zip(rows, tells_apart(score, mask).tolist(), strict=True)) == {k: row[2] for k, row in rows.items()}
    assert relative(score, mask)[4].tolist() == [0, 0, 0]
    assert response_mean(score, mask)[4] == 0
