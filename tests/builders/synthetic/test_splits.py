"""Disjoint splits without anybody keeping a list."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perceptdata.builders.synthetic.splits import PAPER_ROWS, borders, digest, row_counts, shuffled
from perceptdata.errors import UsageError


@pytest.mark.parametrize("size", [1, 2, 3, 12, 288, 727, 1000])
@pytest.mark.parametrize("key", [0, 1, 2**64 - 1])
def test_shuffled_is_a_permutation(size: int, key: int) -> None:
    assert sorted(shuffled(number, size, key) for number in range(size)) == list(range(size))


def test_keys_give_different_orders() -> None:
    orders = {tuple(shuffled(number, 50, key) for number in range(50)) for key in range(20)}
    assert len(orders) == 20


def test_shuffled_spreads_neighbours() -> None:
    """The mean distance of two random places in [0, 1) is 1/3."""
    size = 10**9
    places = [shuffled(number, size, 7) / size for number in range(3000)]
    apart = [abs(a - b) for a, b in pairwise(places)]
    assert sum(apart) / len(apart) == pytest.approx(1 / 3, abs=0.02)
    assert sum(places) / len(places) == pytest.approx(1 / 2, abs=0.02)


def test_borders_by_hand() -> None:
    """288 scenes for 4000 : 16000 : 500 rows: 288 * 4000 / 20500 = 56.2, 288 * 20000 / 20500 = 280.98."""
    assert borders(PAPER_ROWS, 288) == {"train_sft": (0, 56), "train_rl": (56, 280), "test": (280, 288)}


@given(st.tuples(*[st.integers(0, 500)] * 3).filter(any), st.integers(0, 5000))
def test_borders_tile_and_leave_room(rows: tuple[int, int, int], spare: int) -> None:
    asked = dict(zip(("train_sft", "train_rl", "test"), rows, strict=True))
    size = sum(rows) + spare
    cuts = borders(asked, size)
    assert [cuts["train_sft"][0], cuts["train_rl"][0], cuts["test"][0]] == [
        0,
        cuts["train_sft"][1],
        cuts["train_rl"][1],
    ]
    assert cuts["test"][1] == size
    assert all(stop - start >= asked[split] for split, (start, stop) in cuts.items())


def test_digest_is_pinned() -> None:
    """It decides who trains on what: it must never change."""
    assert digest("7:((0, 1),)") == 6069433350543151608
    assert 0 <= digest("") < 2**64


def test_rows_default_to_the_paper_and_shrink_with_the_space() -> None:
    assert row_counts(None, 10**6, "x") == PAPER_ROWS
    assert row_counts(None, 22, "x") == {"train_sft": 4, "train_rl": 17, "test": 1}
    assert row_counts({"test": 5}, 5, "x") == {"train_sft": 0, "train_rl": 0, "test": 5}


@pytest.mark.parametrize(
    ("asked", "most", "said"),
    [({"test": 6}, 5, "at most 5"), ({"test": 0}, 5, "1 in all"), ({"test": -1, "train_rl": 9}, 50, "at least 0")],
)
def test_wrong_rows_are_refused(asked: dict, most: int, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        row_counts(asked, most, "x")


def test_an_empty_space_is_refused() -> None:
    with pytest.raises(UsageError, match="no scene"):
        row_counts(None, 0, "x")
