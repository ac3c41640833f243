"""Sums and bounds, worked out by hand."""

from collections import Counter
from collections.abc import Callable

import pytest

from perceptdata.errors import UsageError
from perceptdata.llm import Budget, Endpoint, Ledger, Price


def test_costs_add_up_until_one_is_unknown(endpoint: Callable[..., Endpoint]) -> None:
    priced = endpoint(price=Price(prompt=1.0, completion=10.0))
    ledger = Ledger()
    assert ledger.charge(priced, 1000, 100) == pytest.approx(0.002)  # 1000 / 1e6 + 10 x 100 / 1e6
    assert ledger.charge(priced, 500, 0) == pytest.approx(0.0005)
    assert ledger.cost == pytest.approx(0.0025)
    assert (ledger.prompt_tokens, ledger.completion_tokens) == (1500, 100)
    assert ledger.charge(priced, None, 7) is None
    assert (ledger.cost, ledger.uncounted, ledger.unpriced) == (None, 1, 1)
    assert ledger.known_cost == pytest.approx(0.0025)


def test_a_price_that_is_not_known_is_not_zero(endpoint: Callable[..., Endpoint]) -> None:
    ledger = Ledger()
    assert ledger.charge(endpoint(), 10, 10) is None
    assert ledger.to_json()["cost"] is None
    assert (ledger.uncounted, ledger.unpriced) == (0, 1)


def test_gpu_hours_are_wall_time_times_gpus() -> None:
    ledger = Ledger()
    ledger.lasted(1000.0, 8)
    ledger.lasted(800.0, 8)
    assert ledger.gpu_hours == 4.0
    assert (ledger + Ledger()).gpu_hours == 4.0
    unknown = Ledger()
    unknown.lasted(60.0, None)
    assert unknown.gpu_hours is None
    assert (ledger + unknown).gpu_hours is None
    assert (ledger + ledger).to_json()["gpu_hours"] == 8.0


def test_ledgers_add_up_and_survive_json() -> None:
    one = Ledger(calls=2, cached=1, retries=3, known_cost=0.5, seconds=2.0, errors=Counter(length=1))
    two = Ledger(calls=1, repairs=1, unpriced=1, errors=Counter(length=1, empty=2))
    both = one + two
    assert (both.calls, both.cached, both.retries, both.repairs, both.cost) == (3, 1, 3, 1, None)
    assert both.errors == {"length": 2, "empty": 2}
    assert Ledger.from_json(both.to_json()) == both


def test_budgets(endpoint: Callable[..., Endpoint]) -> None:
    spent = Ledger(calls=10, prompt_tokens=700, completion_tokens=300, known_cost=0.25)
    assert Budget().exhausted(spent) is None
    assert Budget(max_calls=11, max_tokens=1001, max_cost=0.26).exhausted(spent) is None
    assert Budget(max_calls=10).exhausted(spent) == "the budget of 10 calls is spent"
    assert Budget(max_tokens=1000).exhausted(spent) == "the budget of 1,000 tokens is spent"
    assert Budget(max_cost=0.25).exhausted(spent) == "the budget of 0.25 is spent"
    assert Budget(max_calls=0).exhausted(Ledger()) is not None
    with pytest.raises(UsageError, match="max_cost needs the price of m"):
        Budget(max_cost=1).check(endpoint())
    Budget(max_cost=1).check(endpoint(price=Price(prompt=0, completion=0)))
    blind = Ledger(calls=1, uncounted=1)
    assert Budget(max_calls=2).exhausted(blind) is None
    for budget in (Budget(max_tokens=10), Budget(max_cost=1)):
        with pytest.raises(UsageError, match="does not say how many tokens"):
            budget.exhausted(blind)
