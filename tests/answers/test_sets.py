"""Lists and sets, element by element."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perceptdata.answers.sets import compare_sets, elements, tuple_parts


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("1, 2", ["1", "2"]),
        (r"\{1,2\}", ["1", "2"]),
        ("{1;2}", ["1", "2"]),
        ("[1, 2, 3]", ["1", "2", "3"]),
        ("1 and 2", ["1", "2"]),
        (r"1 \text{ or } 2", ["1", "2"]),
        ("red, blue, and green", ["red", "blue", "green"]),
        ("1,000, 5", ["1,000", "5"]),
        ("1,2, 3", ["1", "2", "3"]),
        ("(1,2), (3,4)", ["(1,2)", "(3,4)"]),
        ("(1, 2)", ["(1, 2)"]),
        (r"\pm 3", ["+3", "-3"]),
        ("5", ["5"]),
        (r"\emptyset", []),
        (r"\{\}", []),
        ("{1}, {2}", ["{1}", "{2}"]),
        (")1, 2(", [")1", "2("]),
    ],
)
def test_elements(text: str, parts: list[str]) -> None:
    assert elements(text) == parts


@pytest.mark.parametrize(
    ("said", "gold", "same"),
    [
        ("2, 1", "1, 2", True),
        ("2.0, 1/2", r"\frac12, 2", True),
        ("1, 1, 2", "1, 2", False),  # each as often as it stands
        ("1, 1, 2", "1, 2, 2", False),
        ("1, 2, 3", "1, 2", False),
        ("Blue, red", "red, blue", True),
        ("green, red", "red, blue", False),
        ("(3,4), (1,2)", "(1, 2.0), (3, 4)", True),
        ("(2,1)", "(1,2)", False),
        ("1:2, 3", "3, 2:4", True),
        ("x+1, 2", "2, 1+x", None),  # algebra may know
        ("x+1, 3", "2, 1+x", False),  # 2 is left over
        (r"\emptyset", r"\{\}", True),
    ],
)
def test_comparison(said: str, gold: str, same: bool | None) -> None:
    assert compare_sets(elements(said), elements(gold)) is same


def test_tolerance_pairs_numbers_by_size() -> None:
    assert compare_sets(["2.01", "1.99", "5"], ["5", "2", "2"], 0.02)
    assert compare_sets(["2.01", "1.9", "5"], ["5", "2", "2"], 0.02) is False


@given(st.lists(st.integers(-50, 50), min_size=1, max_size=8), st.randoms())
def test_order_never_matters(numbers: list[int], random: object) -> None:
    mixed = sorted(numbers, key=lambda _: hash((_, id(random))))
    said, gold = ", ".join(map(str, mixed)), r"\{" + "; ".join(map(str, numbers)) + r"\}"
    assert compare_sets(elements(said), elements(gold)) is True


def test_tuples_keep_their_order() -> None:
    assert tuple_parts("(1, (2, 3))") == ["1", "(2, 3)"]
    assert tuple_parts("(1),(2)") is None
    assert tuple_parts("(1)") is None


def test_deep_and_long_lists_come_back() -> None:
    assert compare_sets(elements("(" * 5000 + "1,2" + ")" * 5000), ["1"]) is False
    assert compare_sets(elements(",".join("1" * 20000)), ["1"]) is False
