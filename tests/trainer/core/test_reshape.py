"""PGPO and VPPO: the vectors of the reference, formulas written out in Python, and sums that must be kept."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from perceptdata.errors import UsageError
from perceptdata.kernels import k3
from perceptdata.trainer.core.reshape import (
    DEVELOPMENT,
    Gate,
    diagnostics,
    per_token,
    pgpo,
    top_tokens,
    trajectory_factors,
    vppo,
)

F64 = torch.float64
SCORES = [0, 0.01, 0.05, 0.2, 0.5, 1.5, 4]


def row(values: list[float]) -> tuple[Tensor, Tensor]:
    return torch.tensor([values], dtype=F64), torch.ones(1, len(values), dtype=torch.bool)


def naive(scores: list[float], gate: Gate) -> list[float]:
    """Eq. 4 to 7 in Python floats, with the development version's three differences."""
    eps = 1e-8
    logged = [math.log1p(s) for s in scores]
    low, high = min(logged), max(logged)
    share = [(s - low) / (high - low + eps) for s in logged]
    tau = gate.tau
    if gate.threshold == "quantile":
        tau = sorted(share)[min(math.floor(len(share) * tau), len(share) - 1)]
    raw = [
        max(i / (tau + eps), gate.low_floor) if i < tau else 1 + gate.beta * (i - tau) / (1 - tau + eps) for i in share
    ]
    return [w * len(raw) / sum(raw) for w in raw] if gate.conserve else raw


def test_the_vectors_of_the_reference() -> None:
    score, mask = row(SCORES)
    found = pgpo(score, mask)
    share = [0, 0.006182, 0.030315, 0.113283, 0.251930, 0.569323, 1]
    gated = [0, 0.015456, 0.075788, 0.283207, 0.629824, 1.564411, 3]
    weights = [0, 0.019429, 0.095267, 0.355999, 0.791707, 1.966511, 3.771087]
    assert found.share[0].tolist() == pytest.approx(share, abs=5e-7)
    assert pgpo(score, mask, Gate(conserve=False)).weights[0].tolist() == pytest.approx(gated, abs=5e-7)
    assert found.weights[0].tolist() == pytest.approx(weights, abs=5e-7)
    assert found.weights.sum().item() == pytest.approx(7)
    assert found.factor.item() == pytest.approx(7 / sum(gated), abs=1e-6)
    assert found.above[0].tolist() == [False] * 5 + [True] * 2


def test_from_log_probabilities() -> None:
    logp_image = torch.tensor([[-0.10, -0.5, -1.2, -0.02]], dtype=F64)
    logp_blind = torch.tensor([[-0.12, -2.5, -0.9, -0.02]], dtype=F64)
    score = k3(logp_image, logp_blind)
    assert score[0].tolist() == pytest.approx([0.000199, 1.135335, 0.049859, 0], abs=5e-7)
    weights = pgpo(score, torch.ones(1, 4)).weights
    assert weights[0].tolist() == pytest.approx([0.000828, 3.796271, 0.202901, 0], abs=5e-7)


GATES = [
    Gate(),
    Gate(tau=1),  # suppression only
    Gate(tau=0),  # boost only
    Gate(beta=0),
    Gate(conserve=False),
    Gate(threshold="quantile"),
    Gate(threshold="quantile", tau=1),
    Gate(low_floor=0.1),
    DEVELOPMENT,
]


@pytest.mark.parametrize("gate", GATES)
def test_every_option_against_the_formulas(gate: Gate) -> None:
    random = torch.Generator().manual_seed(1)
    lengths = [2, 3, 10, 25]
    score = torch.empty(4, 25, dtype=F64).exponential_(2, generator=random)
    mask = torch.arange(25) < torch.tensor(lengths)[:, None]
    found = pgpo(score, mask, gate)
    for at, length in enumerate(lengths):
        assert found.weights[at, :length].tolist() == pytest.approx(naive(score[at, :length].tolist(), gate), rel=1e-9)
        assert found.weights[at, length:].abs().sum() == 0
    assert found.gated.all()


@given(
    st.lists(st.floats(0, 10), min_size=1, max_size=12),
    st.floats(0, 1),
    st.floats(0, 4),
    st.sampled_from([None, 1.0, 1.5, 3.0]),
)
@settings(max_examples=80, deadline=None)
def test_the_advantage_of_a_response_is_kept(scores: list[float], tau: float, beta: float, cap: float | None) -> None:
    score, mask = row(scores)
    found = pgpo(score, mask, Gate(tau, beta, max_weight=cap))
    weights = found.weights[0]
    assert torch.isfinite(weights).all()
    assert (weights >= 0).all()
    held = len(scores) if cap is None else min(len(scores), cap * int((weights > 0).sum()))
    assert weights.sum().item() == pytest.approx(held, rel=1e-9)
    assert cap is None or weights.max() <= cap
    # more dependent, no lighter
    order = score[0].argsort(stable=True)
    assert (weights[order].diff() >= -1e-12).all()


def test_the_cap_gives_what_it_takes_to_the_others() -> None:
    # ω = .5, 1, 1, 5.5 adds up to 8 for four tokens: ω̃ = .25, .5, .5, 2.75. Capped at 2 the others share 2 as 1:2:2.
    # I = .2, .4, .4, 1 with τ = .4, β = 4.5 and a least token of weight 0 gives ω = .5, 1, 1, 5.5, 0 (five tokens).
    share = torch.tensor([0.2, 0.4, 0.4, 1.0, 0.0], dtype=F64)
    score = torch.expm1(share * 0.5)[None]
    gate = Gate(tau=0.4 - 1e-6, beta=4.5, max_weight=2)
    weights = pgpo(score, torch.ones(1, 5), gate).weights[0]
    assert weights.tolist() == pytest.approx([0.6, 1.2, 1.2, 2, 0], abs=1e-4)
    plain = pgpo(score, torch.ones(1, 5), Gate(tau=0.4 - 1e-6, beta=4.5, conserve=False, max_weight=2)).weights[0]
    assert plain.tolist() == pytest.approx([0.5, 1, 1, 2, 0], abs=1e-4)


def test_a_cap_that_the_seeing_tokens_cannot_hold() -> None:
    # One token of four depends on the image; it can take at most 1.5, and nothing else has a weight to raise.
    score, mask = row([0, 0, 0, 3])
    assert pgpo(score, mask).weights[0].tolist() == pytest.approx([0, 0, 0, 4])
    assert pgpo(score, mask, Gate(max_weight=1.5)).weights[0].tolist() == pytest.approx([0, 0, 0, 1.5])


@pytest.mark.parametrize("gate", [Gate(), DEVELOPMENT, Gate(max_weight=2), Gate(conserve=False)])
def test_weights_are_one_where_scores_say_nothing(gate: Gate) -> None:
    score = torch.tensor([[0.3, 0.3, 0.3], [0.7, 9, 9], [0.1, 0.5, 0.9], [0.1, math.nan, 1], [1, 2, 3]], dtype=F64)
    mask = torch.tensor([[1, 1, 1], [1, 0, 0], [1, 1, 1], [1, 1, 1], [0, 0, 0]])
    found = pgpo(score, mask, gate, visual=torch.tensor([1, 1, 0, 1, 1]))
    assert found.weights.tolist() == mask.tolist()
    assert not found.gated.any()
    assert not found.above.any()
    assert diagnostics(found, score, mask) == {"gated": 0.0}


def test_weights_have_no_gradient() -> None:
    score, mask = row(SCORES)
    assert not pgpo(score.requires_grad_(), mask).weights.requires_grad


def test_advantages_per_token() -> None:
    weights = torch.tensor([[0.5, 1.5], [1.0, 0.0]])
    assert per_token(torch.tensor([2.0, -1.0]), weights).tolist() == [[1, 3], [-1, 0]]
    assert per_token(torch.tensor([[2.0, 2.0], [-1.0, -3.0]]), weights).tolist() == [[1, 3], [-1, 0]]


def test_what_is_logged() -> None:
    score = torch.tensor([SCORES, [1.0] * 7], dtype=F64)
    mask = torch.ones(2, 7)
    found = diagnostics(pgpo(score, mask), score, mask)
    weights = pgpo(score[:1], mask[:1]).weights[0]
    assert found == pytest.approx(
        {
            "gated": 0.5,
            "score": sum(SCORES) / 7,
            "above_tau": 2 / 7,
            "factor": 7 / 5.568686,
            "weight_max": 3.771087,
            "weight_median": weights.sort().values[3].item(),
        },
        rel=1e-5,
    )


def test_vppo_keeps_the_top_of_each_response() -> None:
    # ⌈.4·5⌉ = 2 and ⌈.4·3⌉ = 2; of equal scores the earlier; all of a text-only row
    score = torch.tensor([[0.1, 0.9, 0.5, 0.5, 0.2], [3, 1, 2, 9, 9], [1, 2, 3, 4, 5]], dtype=F64)
    mask = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0], [1, 1, 1, 1, 0]])
    kept = top_tokens(score, mask, visual=torch.tensor([True, True, False]))
    assert kept.int().tolist() == [[0, 1, 1, 0, 0], [1, 0, 1, 0, 0], [1, 1, 1, 1, 0]]
    for length in range(1, 60):
        assert top_tokens(torch.arange(length)[None] % 7 / 7, torch.ones(1, length)).sum() == -(-4 * length // 10)
    assert (
        top_tokens(torch.arange(100)[None] / 100, torch.ones(1, 100), keep=0.07).sum() == 7
    )  # 0.07 · 100 is over 7 in floats
    assert top_tokens(torch.tensor([[1, math.nan]]), torch.ones(1, 2)).all()
    with pytest.raises(UsageError, match="keep is 0"):
        top_tokens(score, mask, keep=0)


def test_vppo_weighs_responses_by_their_mean() -> None:
    # ŝ = 0, 1/4, 1: mean 5/12, β_max = .9 + .1·12/5 = 1.14; α = .9, .96, 1.14, of mean 1
    means = torch.tensor([1.0, 2.0, 5.0], dtype=F64)
    assert trajectory_factors(means).tolist() == pytest.approx([0.9, 0.96, 1.14])
    with_text = trajectory_factors(torch.tensor([1.0, 0.0, 2.0, 5.0]), visual=torch.tensor([1, 0, 1, 1]))
    assert with_text.tolist() == pytest.approx([0.9, 1, 0.96, 1.14])
    assert trajectory_factors(torch.tensor([2.0, 2.0])).tolist() == [1, 1]
    assert trajectory_factors(torch.tensor([2.0, 1.0]), visual=torch.zeros(2)).tolist() == [1, 1]


def test_vppo_together() -> None:
    # means 1 and 3: ŝ = 0 and 1, α = .9 and 1.1; ⌈.4·2⌉ = 1 token each
    score = torch.tensor([[0.0, 2.0], [4.0, 2.0]], dtype=F64)
    weights = vppo(score, torch.ones(2, 2))
    assert weights.flatten().tolist() == pytest.approx([0, 0.9, 1.1, 0])


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"tau": 1.1}, "tau is 1.1"),
        ({"beta": -1}, "beta is -1"),
        ({"low_floor": -0.1}, "low_floor -0.1"),
        ({"threshold": "median"}, "'median'"),
        ({"max_weight": 0.5}, "max_weight is 0.5"),
    ],
)
def test_senseless_options_are_refused(options: dict, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        Gate(**options)


def test_long_responses_in_single_precision() -> None:
    random = torch.Generator().manual_seed(2)
    score = torch.empty(5, 2048).exponential_(4, generator=random) * (torch.rand(5, 2048, generator=random) < 0.1)
    length = [2048, 1500, 999, 512, 100]
    mask = torch.arange(2048) < torch.tensor(length)[:, None]
    assert pgpo(score, mask).weights.sum(dim=-1).tolist() == pytest.approx(length, rel=1e-5)
    capped = pgpo(score, mask, Gate(max_weight=15)).weights
    assert capped.max() == 15
    assert capped.sum(dim=-1).tolist() == pytest.approx(length, rel=1e-5)
