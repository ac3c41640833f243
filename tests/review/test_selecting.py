"""Selecting and dealing: by hand, and whatever the order of rows."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perceptdata.review.candidates import Candidates
from perceptdata.review.selecting import deal, luck, mixed, select, shares


def pool(scores: list[float], strata: list[str]) -> Candidates:
    names = [f"t{at}" for at in range(len(scores))]
    return Candidates(names, ["0"] * len(names), ["s/0"] * len(names), strata, np.array(scores))


@pytest.mark.parametrize(
    ("population", "budget", "take"),
    [
        ([90, 10], 10, [8, 2]),  # one each, then 8 over rooms 89 and 9: 7.27 and 0.73; the larger rest goes up
        ([5, 5], 20, [5, 5]),
        ([1, 0, 99], 2, [1, 0, 1]),
        ([3, 3, 3], 2, [1, 1, 0]),
        ([], 4, []),
    ],
)
def test_shares_are_in_proportion_and_leave_no_stratum_out(population: list[int], budget: int, take: list[int]) -> None:
    assert shares(population, budget) == take


@given(st.lists(st.integers(0, 50), max_size=6), st.integers(0, 120))
def test_shares_add_up_and_never_exceed(population: list[int], budget: int) -> None:
    take = shares(population, budget)
    assert sum(take) == min(budget, sum(population))
    assert all(0 <= own <= many for own, many in zip(take, population, strict=True))


def test_the_worst_come_first_in_each_stratum_and_what_nobody_disputes_never() -> None:
    found = select(pool([0.1, 0.9, 0.5, 0.0, 0.7], ["a", "a", "a", "b", "b"]), "disagreement", 3, seed=0)
    assert found.place.tolist() == [1, 4, 2]
    assert np.isnan(found.probability).all()
    assert len(select(pool([0.0, 0.0], ["a", "a"]), "disagreement", 3, seed=0)) == 0
    assert select(pool([0.1, 0.9], ["a", "a"]), "uncertainty", 1, seed=0, without={"t1"}).place.tolist() == [0]


def test_an_audit_draws_every_text_of_a_stratum_with_a_known_chance() -> None:
    texts = pool([0.0] * 100, ["a"] * 90 + ["b"] * 10)
    found = select(texts, "audit", 10, seed=1)
    by = Counter(texts.stratum[at] for at in found.place.tolist())
    assert by == {"a": 8, "b": 2}
    chance = {texts.stratum[at]: p for at, p in zip(found.place.tolist(), found.probability.tolist(), strict=True)}
    assert chance == {"a": pytest.approx(8 / 90), "b": pytest.approx(0.2)}
    free = select(texts, "random", 10, seed=1)
    assert set(free.probability.tolist()) == {0.1}
    drawn = Counter(at for seed in range(400) for at in select(texts, "random", 10, seed).place.tolist())
    assert max(drawn.values()) < 75  # 40 expected, deviation 6
    assert min(drawn.values()) > 12


def test_the_order_of_rows_changes_nothing() -> None:
    texts = pool([0.5] * 30, ["a"] * 30)
    order = list(reversed(range(30)))
    turned = Candidates(
        [texts.text_id[at] for at in order], texts.sha256, texts.about, texts.stratum, texts.score[order]
    )
    one, other = select(texts, "random", 7, seed=3), select(turned, "random", 7, seed=3)
    assert [texts.text_id[at] for at in one.place] == [turned.text_id[at] for at in other.place]


def test_queues_are_balanced_and_a_share_is_read_by_several() -> None:
    names = [f"t{at}" for at in range(25)]
    dealt = deal(names, people=3, overlap=2, shared=0.4, seed=0)
    assert Counter(map(len, dealt)) == {1: 15, 2: 10}
    load = Counter(person for who in dealt for person in who)
    assert max(load.values()) - min(load.values()) <= 1
    assert all(len(set(who)) == len(who) for who in dealt)
    assert len(set(dealt)) >= 5  # people meet in pairs of all kinds
    assert dealt == deal(names, people=3, overlap=2, shared=0.4, seed=0)
    assert {len(who) for who in deal(names, 2, 1, 1.0, 0)} == {1}


def test_traps_are_mixed_in_and_everything_else_keeps_its_order() -> None:
    regular, traps = [f"t{at}" for at in range(40)], ["x", "y", "z"]
    queue = mixed(regular, traps, 0, "ann")
    assert [name for name in queue if name not in traps] == regular
    assert sorted(set(queue) - set(regular)) == traps
    assert queue != mixed(regular, traps, 0, "bob")
    places = [mixed(regular, traps, seed, "ann").index("x") for seed in range(60)]
    assert min(places) < 10
    assert max(places) > 32


def test_luck_is_a_number_of_its_parts_alone() -> None:
    assert luck(0, "a", "b") == luck(0, "a", "b") != luck(0, "ab")
    assert all(0 <= luck(seed, "x") < 1 for seed in range(100))
