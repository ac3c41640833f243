"""Heads that do not fit are refused with a sentence."""

import pytest
import torch

from perceptdata.errors import UsageError
from perceptdata.kernels import token_stats

TARGETS = torch.tensor([0, 1])


@pytest.mark.parametrize(
    ("hidden", "weight", "bias", "message"),
    [
        (torch.ones(1, 2, 3), torch.ones(4, 3), None, r"must be \[N, H\]"),
        (torch.ones(2, 3), torch.ones(4, 5), None, r"not \[2, 3\] and \[4, 5\]"),
        (torch.ones(2, 3), torch.ones(0, 3), None, "gather it first"),
        (torch.ones(2, 3), torch.ones(4, 3), torch.ones(5), r"4 entries and its bias \[5\]"),
        (torch.ones(2, 3).long(), torch.ones(4, 3), None, "must be floats"),
        (torch.ones(2, 3).bfloat16(), torch.ones(4, 3), None, "cast one, or use autocast"),
    ],
)
def test_what_is_no_head(hidden, weight, bias, message) -> None:
    with pytest.raises(UsageError, match=message):
        token_stats(hidden, weight, TARGETS, bias=bias)


def test_autocast_reconciles_dtypes() -> None:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        stats = token_stats(torch.ones(2, 3).bfloat16(), torch.ones(4, 3), TARGETS)
    assert stats.nll.tolist() == pytest.approx([1.386294] * 2, abs=1e-5)


@pytest.mark.parametrize("temperature", [0.0, -1.0, float("nan"), float("inf")])
def test_a_temperature_is_positive(temperature: float) -> None:
    with pytest.raises(UsageError, match="temperature must be a positive number"):
        token_stats(torch.ones(2, 3), torch.ones(4, 3), TARGETS, temperature=temperature)
