"""λ schedules, and what NGDiff promises: both spans pull equally hard, and a resumed run goes on to the last bit."""

import json
import math
from collections.abc import Callable
from dataclasses import asdict

import pytest
import torch
from torch import Tensor

from perceptdata.errors import UsageError
from perceptdata.trainer.core.balance import (
    NGDiff,
    NGDiffState,
    PerceptionFirst,
    Standard,
    Static,
    gradients,
    norm,
    normalised_sum,
)
from perceptdata.trainer.core.spans import role_counts

F64 = torch.float64
COUNTS = role_counts(torch.tensor([0, 1, 2, 2, 3]))


def two_losses() -> tuple[Tensor, Tensor, list[Tensor]]:
    random = torch.Generator().manual_seed(0)
    first, second, unused = (torch.randn(3, 2, dtype=F64, generator=random).requires_grad_() for _ in range(3))
    return (first**2).sum(), 7 * (first * second).sum(), [first, second, unused]


def test_plain_schedules() -> None:
    state = NGDiffState()
    assert Standard().at(5, COUNTS, state).item() == pytest.approx(1 / 4)
    assert Standard("ignore").at(5, COUNTS, state).item() == pytest.approx(1 / 3)
    assert Static(0.3).at(5, COUNTS, state) == 0.3
    first = PerceptionFirst(2, Static(0.2))
    assert [first.at(step, COUNTS, state) for step in range(4)] == [1.0, 1.0, 0.2, 0.2]
    assert float(PerceptionFirst(2).at(2, COUNTS, state)) == pytest.approx(1 / 4)


def test_a_later_schedule_counts_its_own_steps() -> None:
    twice = PerceptionFirst(2, PerceptionFirst(1, Static(0.2)))
    assert [twice.at(step, COUNTS, NGDiffState()) for step in range(4)] == [1.0, 1.0, 1.0, 0.2]


def test_norms_by_hand() -> None:
    assert norm([torch.tensor([3.0]), None, torch.tensor([[4.0]])]).item() == 5
    assert norm([None]).item() == 0
    # half precision overflows at 65,504, its squares far earlier
    assert norm([torch.tensor([300.0, 400.0], dtype=torch.float16)]).item() == 500


def test_ngdiff_by_hand() -> None:
    # ‖g_p‖ = 3, ‖g_r‖ = 1: λ = 1/4, and 1/4·3 = 3/4·1
    rule = NGDiff()
    state = rule.refresh(0, NGDiffState(), 3.0, 1.0)
    assert state == NGDiffState(0.25, 0, 3.0, 1.0)
    assert rule.at(1, COUNTS, state) == 0.25
    assert rule.refresh(1, state, 0.01, 5.0).lam == 0.99
    assert rule.refresh(1, state, 5.0, 0.01).lam == 0.01


def test_ngdiff_smooths_and_waits() -> None:
    rule = NGDiff(ema=0.9, every=3)
    assert rule.due(0, NGDiffState())
    state = rule.refresh(0, NGDiffState(), 1.0, 1.0)
    assert [rule.due(step, state) for step in range(1, 5)] == [False, False, True, True]
    assert rule.refresh(3, state, 3.0, 1.0).lam == pytest.approx(0.9 * 0.5 + 0.1 * 0.25)


@pytest.mark.parametrize("norms", [(math.nan, 1.0), (1.0, math.inf), (0.0, 2.0), (2.0, 0.0), (0.0, 0.0)])
def test_norms_that_say_nothing_change_nothing(norms: tuple[float, float]) -> None:
    state = NGDiff().refresh(4, NGDiffState(), 3.0, 1.0)
    assert NGDiff().refresh(5, state, *norms) == state
    assert NGDiff().due(6, state)
    assert NGDiff().refresh(0, NGDiffState(), *norms).refreshed == -1


def test_a_resumed_run_goes_on_to_the_last_bit() -> None:
    rule, norms = NGDiff(ema=0.7, every=2), torch.rand(40, 2, dtype=F64, generator=torch.Generator().manual_seed(3))

    def run(state: NGDiffState, steps: range) -> list[NGDiffState]:
        seen = []
        for step in steps:
            if rule.due(step, state):
                state = rule.refresh(step, state, *norms[step].tolist())
            seen.append(state)
        return seen

    whole = run(NGDiffState(), range(40))
    stored = json.dumps(asdict(run(NGDiffState(), range(17))[-1]))
    assert run(NGDiffState(**json.loads(stored)), range(17, 40)) == whole[17:]
    assert len({state.lam for state in whole}) == 20


def test_gradients_are_taken_twice_from_one_graph() -> None:
    first, second, parameters = two_losses()
    g_p, g_r = gradients(first, parameters), gradients(second, parameters)
    assert g_p[1] is None
    assert g_p[2] is None
    assert g_p[0] is not None
    assert torch.equal(g_p[0], 2 * parameters[0])
    assert g_r[1] is not None
    assert torch.equal(g_r[1], 7 * parameters[0])


def test_the_literal_sum_points_where_the_scalarisation_does() -> None:
    first, second, parameters = two_losses()
    g_p, g_r = gradients(first, parameters), gradients(second, parameters)
    n_p, n_r = norm(g_p).item(), norm(g_r).item()
    lam = NGDiff().refresh(0, NGDiffState(), n_p, n_r).lam
    mixed = gradients(lam * first + (1 - lam) * second, parameters)
    # λ·g_p + (1-λ)·g_r = ‖g_p‖‖g_r‖ / (‖g_p‖ + ‖g_r‖) · (g_p/‖g_p‖ + g_r/‖g_r‖)
    literal = normalised_sum(g_p, g_r, scale=n_p * n_r / (n_p + n_r))
    assert literal[2] is None
    assert mixed[2] is None
    for one, other in zip(literal[:2], mixed[:2], strict=True):
        assert one is not None
        assert other is not None
        assert one == pytest.approx(other, rel=1e-12)


def test_the_literal_sum_by_hand() -> None:
    # (3, 4)/5 + (0, 2)/2 = (0.6, 1.8); with g_r = 0 only the first
    p, r = torch.tensor([3.0, 4.0], dtype=F64), torch.tensor([0.0, 2.0], dtype=F64)
    (both,) = normalised_sum([p], [r])
    assert both is not None
    assert both.tolist() == pytest.approx([0.6, 1.8])
    (alone,) = normalised_sum([p], [torch.zeros_like(r)], scale=10)
    assert alone is not None
    assert alone.tolist() == pytest.approx([6, 8])
    assert normalised_sum([p, None], [None, r])[1] is not None


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Static(1.2), "λ is 1.2"),
        (lambda: NGDiff(low=0.6, high=0.4), "low is 0.6"),
        (lambda: NGDiff(high=2), "high is 2"),
        (lambda: NGDiff(ema=1), "ema is 1"),
        (lambda: NGDiff(every=0), "every is 0"),
    ],
)
def test_senseless_options_are_refused(make: Callable[[], object], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        make()
