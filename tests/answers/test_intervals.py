"""Intervals and inequalities say the same thing, or they do not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perceptdata.answers.intervals import region, same_region


def same(said: str, gold: str) -> bool | None:
    ours, theirs = region(said), region(gold)
    return None if ours is None or theirs is None else same_region(ours, theirs)


@pytest.mark.parametrize(
    ("said", "gold", "verdict"),
    [
        (r"1 \le x < 5", "[1, 5)", True),
        (r"5 > x \geq 1", "[1,5)", True),
        ("[1, 5]", "[1, 5)", False),
        (r"a \le x \le b", "[a,b]", None),  # ends are numbers
        (r"x \in [1, 5)", "[1,5)", True),
        (r"\left[1, 5\right)", "[1,5)", True),
        (r"\{x \mid 1 \le x < 5\}", "[1,5)", True),
        (r"\{ x : x > 2 \}", r"(2, \infty)", True),
        ("x>2", r"(2,\infty)", True),
        ("2<x", r"(2,+\infty)", True),
        ("x<2", r"(-\infty,2)", True),
        ("y>2", "x>2", False),
        (r"x \ne 2", r"(-\infty, 2) \cup (2, \infty)", True),
        (r"(-\infty, 3) \cup [2, \infty)", r"\mathbb{R}", True),  # overlapping
        (r"[1,2] \cup [2,3]", "[1,3]", True),  # touching
        (r"[1,2) \cup (2,3]", "[1,3]", False),
        (r"[1,2) \cup \{2\} \cup (2,3]", "[1,3]", True),
        ("x<1 or x>3", r"(-\infty,1)\cup(3,\infty)", True),
        (r"[\frac{1}{2}, \sqrt{2}]", r"0.5 \le t \le \sqrt2", True),
        ("[5,1]", "[1,5]", None),
        (r"\{1, 2\}", "[1,2]", None),  # two points are no interval
        ("[1,2,3]", "[1,2]", None),
        ("x=1", "[1,2]", None),
        ("1 < x > 0", "x>1", None),
    ],
)
def test_regions(said: str, gold: str, verdict: bool | None) -> None:
    assert same(said, gold) is verdict


@given(st.integers(-9, 9), st.integers(1, 9), st.sampled_from(["[]", "[)", "(]", "()"]), st.booleans())
def test_every_interval_is_its_inequality(low: int, length: int, ends: str, turned: bool) -> None:
    high = low + length
    first, second = ("≤" if ends[0] == "[" else "<"), ("≤" if ends[1] == "]" else "<")
    inequality = f"{low} {first} x {second} {high}"
    if turned:
        inequality = f"{high} {second} x {first} {low}".replace("≤", "≥").replace("<", ">")
    assert same(inequality, f"{ends[0]}{low}, {high}{ends[1]}") is True
    other = "()" if ends == "[]" else "[]"
    assert same(inequality, f"{other[0]}{low}, {high}{other[1]}") is False


@given(st.text(alphabet="[]()x<>≤≥≠∞∪0123456789, -{}\\", max_size=40))
def test_no_text_raises(text: str) -> None:
    assert region(text) == region(text)
