"""Numbers are read exactly, or not at all."""

import math
from collections.abc import Callable
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perceptdata.answers.numbers import Number, Quantity, agree, clock, quantity, ratio, same_ratio, unit_of
from perceptdata.answers.verdict import Verdict


@pytest.mark.parametrize(
    ("text", "coefficient", "root", "pi"),
    [
        ("13", "13", 1, 0),
        ("-1,234.50", "-1234.5", 1, 0),
        ("1{,}234", "1234", 1, 0),
        (r"1\,234\,567", "1234567", 1, 0),
        ("1.0e3", "1000", 1, 0),
        (r"3 \times 10^{-2}", "0.03", 1, 0),
        ("2·10^5", "200000", 1, 0),
        ("10^{-3}", "0.001", 1, 0),
        (r"2\frac{1}{2}", "5/2", 1, 0),
        ("2 1/2", "5/2", 1, 0),
        ("-2½", "-5/2", 1, 0),
        ("11/2", "11/2", 1, 0),
        (r"\frac12", "1/2", 1, 0),
        (r"\dfrac{-3}{4}", "-3/4", 1, 0),
        (r"\left(2\right)", None, 0, 0),
        ("2√3", "2", 3, 0),
        (r"2\sqrt{3}", "2", 3, 0),
        (r"2 \sqrt 3", "2", 3, 0),
        (r"\sqrt{12}", "2", 3, 0),  # √12 = 2 √3
        (r"\sqrt2\sqrt6", "2", 3, 0),  # √12
        (r"\frac{6}{\sqrt{3}}", "2", 3, 0),  # 6/√3 = 6 √3 / 3
        ("√16", "4", 1, 0),
        (r"\sqrt{0}", "0", 1, 0),
        (r"-\frac{2\sqrt{12}}{3}", "-4/3", 3, 0),
        (r"\frac{\sqrt{3}}{2}\pi", "1/2", 3, 1),
        ("2π/3", "2/3", 1, 1),
        (r"\frac{1}{\pi}", "1", 1, -1),
        ("0π", "0", 1, 0),
        ("2*3", None, 0, 0),  # not carried out
        ("3+2", None, 0, 0),
        (r"\frac{1}{2} \cdot 4", None, 0, 0),
        ("1/2√3", None, 0, 0),  # (1/2)√3 or 1/(2√3)?
        ("1/0", None, 0, 0),
        (r"\frac{1}{0}", None, 0, 0),
        ("*3", None, 0, 0),
        ("3*", None, 0, 0),
        ("1,23", None, 0, 0),
        (r"\sqrt[3]{8}", None, 0, 0),
        ("x", None, 0, 0),
        ("", None, 0, 0),
        ("٣", None, 0, 0),
        ("9" * 201, None, 0, 0),
    ],
)
def test_what_is_a_number(text: str, coefficient: str | None, root: int, pi: int) -> None:
    wanted = None if coefficient is None else Quantity(Number(Fraction(coefficient), root, pi))
    assert quantity(text) == wanted


@given(st.integers(-99, 99), st.integers(1, 99), st.integers(0, 200), st.integers(-1, 1))
def test_a_number_is_worth_what_it_says(top: int, bottom: int, root: int, pi: int) -> None:
    text = rf"\frac{{{top}}}{{{bottom}}}\sqrt{{{root}}}" + {1: r"\pi", 0: "", -1: r"/\pi"}[pi]
    found = quantity(text)
    assert found is not None
    assert found.number.approximate() == pytest.approx(top / bottom * math.sqrt(root) * math.pi**pi)


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("12 cm", "cm"),
        ("12cm", "cm"),
        (r"12\text{ cm}", "cm"),
        (r"12\,\mathrm{cm}^{2}", "cm2"),
        ("12 cm²", "cm2"),
        ("45°", "°"),
        (r"45^\circ", "°"),
        (r"45^{\circ}", "°"),
        ("45 degrees", "°"),
        (r"10\%", "%"),
        ("10 percent", "%"),
        ("$5", "$"),
        (r"\$5", "$"),
        ("-€5", "€"),
        ("5 dollars", "$"),
        ("3 Apples", "apples"),
        ("2 mW", "mW"),
    ],
)
def test_units(text: str, unit: str) -> None:
    found = quantity(text)
    assert found is not None
    assert found.unit == unit
    assert unit_of(unit) == unit


def test_units_must_agree_and_the_named_one_may_be_left_out() -> None:
    def why(said: str, gold: str, unit: str | None = None) -> str | None:
        one, other = quantity(said), quantity(gold)
        assert one is not None
        assert other is not None
        return agree(one, other, unit, None)

    assert why("12", "12", "cm") is why("12 cm", "12", "cm") is why("12", "12 cm", "cm") is None
    assert why("12 m", "12", "cm") == why("12 cm", "12") == why("12", "12 cm") == "unit"
    assert why("2 MW", "2 mW") == "unit"
    assert why("10%", "10") == why("0.1", "10%") == "unit"
    assert why("10%", "10", "%") is why("10", "10", "percent") is None
    assert why("13 cm", "12 cm") == "value"


def test_tolerance_is_absolute_and_decimal() -> None:
    number = {text: quantity(text) for text in ("10", "10.3", "10.31", r"2\sqrt{3}", "3.464", r"\pi", "3.14")}

    def near(said: str, gold: str, tolerance: float) -> bool:
        one, other = number[said], number[gold]
        return one is not None and other is not None and agree(one, other, None, tolerance) is None

    assert near("10.3", "10", 0.3)  # 10.3 - 10 is 0.3000000000000007 in binary
    assert not near("10.31", "10", 0.3)
    assert near("3.464", r"2\sqrt{3}", 0.001)  # 3.4641…
    assert not near("3.464", r"2\sqrt{3}", 0)
    assert near("3.14", r"\pi", 0.002)


@pytest.mark.parametrize(
    ("said", "gold", "same"),
    [
        ("3:4", "3:4", True),
        ("6 : 8", "3:4", True),
        ("1:2:3", "2:4:6", True),
        ("4:3", "3:4", False),
        ("3:4:0", "3:4", False),
        ("0.5:1", "1:2", True),
        ("7:30", "7:30", True),
        ("07:30", "7:30", True),
        ("7:30 PM", "7:30 p.m.", True),
        ("7:30 am", "7:30 pm", False),
        ("1:20", "2:40", False),  # both are times
        ("2:3", "10:15", True),  # 2:3 is no time
        ("3", "3:4", None),
        ("7", "7:30", None),
        ("3/4", "3:4", None),
        ("0:0", "1:2", None),
        ("a:b", "3:4", None),
    ],
)
def test_ratios_and_times(said: str, gold: str, same: bool | None) -> None:
    assert same_ratio(said, gold) is same


def test_a_ratio_is_its_shares_and_a_time_what_is_written() -> None:
    assert ratio("1:3") == (Fraction(1, 4), Fraction(3, 4))
    assert clock("7:05:09 a.m.") == (7, 5, 9, "a")
    assert clock("7:60") is None


def test_numbers_too_large_for_a_float_are_compared_all_the_same() -> None:
    text = "9" * 180 + "e99*10^{99}"
    found = quantity(text)
    assert found is not None
    assert found.number.approximate() == math.inf
    assert agree(found, found, None, 0.1) is None


def test_a_plain_number_is_not_the_sum_that_makes_it(judge: Callable[..., Verdict]) -> None:
    assert judge("3+2", "5", kind="number") == Verdict(0.0, "number", "answer_unreadable")
    assert judge(r"\frac{1+\sqrt5}{2}", r"\frac{\sqrt{5}+1}{2}", kind="number") == Verdict(1.0, "algebra")


@given(st.text(alphabet="0123456789.,/\\frac{}sqrt√π*^+-e% $:", max_size=30))
def test_no_text_raises(text: str) -> None:
    assert quantity(text) == quantity(text)
    assert same_ratio(text, "3:4") in (True, False, None)
