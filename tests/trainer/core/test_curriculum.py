"""The four arms, and that an order depends on the rows alone."""

import random

import pytest

from perceptdata.errors import UsageError
from perceptdata.trainer.core.curriculum import Row, arrange

ROWS = [Row(f"row{at}", at % 3, (at * 7 % 5) / 4) for at in range(60)]


def ordered(difficulty: bool, capability: bool, rows: list[Row] = ROWS, seed: int = 42) -> list[Row]:
    places = arrange(rows, difficulty, capability, seed)
    assert sorted(places) == list(range(len(rows)))
    return [rows[place] for place in places]


def test_by_hand() -> None:
    rows = [Row("a", 1, 0.5), Row("b", 0, 0.25), Row("c", 1, 1.0), Row("d", 0, 0.75)]
    assert [row.id for row in ordered(True, False, rows)] == ["c", "d", "a", "b"]
    assert [row.id for row in ordered(True, True, rows)] == ["d", "b", "c", "a"]
    assert {row.id for row in ordered(False, True, rows)[:2]} == {"b", "d"}


def test_the_arms_sort_by_what_they_say() -> None:
    rates = [row.pass_rate or 0 for row in ordered(True, False)]
    assert rates == sorted(rates, reverse=True)
    stages = [row.stage for row in ordered(False, True)]
    assert stages == sorted(stages)
    both = [(row.stage, -(row.pass_rate or 0)) for row in ordered(True, True)]
    assert both == sorted(both)
    neither = ordered(False, False)
    assert neither != ROWS
    assert [row.stage for row in neither] != sorted(row.stage for row in neither)


@pytest.mark.parametrize("difficulty", [False, True])
@pytest.mark.parametrize("capability", [False, True])
def test_ties_fall_by_seed_and_not_by_where_a_row_stood(difficulty: bool, capability: bool) -> None:
    shuffled = random.Random(0).sample(ROWS, len(ROWS))
    assert ordered(difficulty, capability, shuffled) == ordered(difficulty, capability)
    assert ordered(difficulty, capability, seed=1) != ordered(difficulty, capability)


def test_rows_without_a_pass_rate() -> None:
    rows = [Row("a", 0), Row("b", 1)]
    assert [row.id for row in ordered(False, True, rows)] == ["a", "b"]
    with pytest.raises(UsageError, match="row a has the pass rate None"):
        arrange(rows, difficulty=True, capability=False)
    with pytest.raises(UsageError, match="pass rate nan"):
        arrange([Row("a", 0, float("nan"))], difficulty=True, capability=False)


def test_two_rows_of_one_id() -> None:
    with pytest.raises(UsageError, match="two rows have the id a"):
        arrange([Row("a", 0), Row("a", 1)], False, False)
