"""The exact comparisons, kind by kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perceptdata import answers, registry
from perceptdata.answers.rungs import _checker
from perceptdata.errors import UsageError
from perceptdata.example import CheckerRef, Example
from perceptdata.plugins import Checker

Score = Callable[..., float]


@pytest.fixture(scope="session")
def score(asked: Any) -> Score:
    """`score(answer, gold, choices, kind="number")`, by the exact rungs alone."""
    return lambda answer, text, choices=(), **fields: answers.score(answer, asked(text, choices, **fields))


LENGTHS = ("3 cm", "12 cm", "9 cm")
WORDS = ("a dog", "a cat", "Neither of them.")


@pytest.mark.parametrize(
    ("answer", "choices", "index"),
    [
        ("B", LENGTHS, 1),
        ("b", LENGTHS, 1),
        ("(B)", LENGTHS, 1),
        ("B.", LENGTHS, 1),
        ("[b]", LENGTHS, 1),
        ("Choice B", LENGTHS, 1),
        ("B. 12 cm", LENGTHS, 1),
        ("(b) 12 cm.", LENGTHS, 1),
        ("B) 9 cm", LENGTHS, None),  # letter and text disagree
        ("12 cm", LENGTHS, 1),
        ("12  CM.", LENGTHS, 1),
        ("1", LENGTHS, 1),  # no choice is a plain number: an index from 0
        ("3", LENGTHS, None),
        ("-1", LENGTHS, None),
        ("D", LENGTHS, None),
        ("A cat", WORDS, 1),  # begins with a letter, and is a text
        ("A horse", WORDS, None),
        ("neither of them", WORDS, 2),
        ("2", ("1", "2", "3"), 1),  # text before index
        ("0", ("1", "2", "3"), None),
        ("2.0", ("1", "2", "3"), 1),
        ("1,000", ("500", "1000"), 1),
        ("A", ("B", "A"), 1),  # text before letter
        ("x", ("X", "x"), 1),  # exactly so before nearly so
        ("$x$", ("y", "x"), 1),
        ("", LENGTHS, None),
        ("é", LENGTHS, None),
    ],
)
def test_choice_index(answer: str, choices: tuple[str, ...], index: int | None) -> None:
    assert answers.choice_index(answer, choices) == index


def test_choices_are_scored_by_what_they_name(score: Score) -> None:
    for answer, right in (("B", 1.0), ("12 cm", 1.0), ("A", 0.0), ("horse", 0.0), ("", 0.0)):
        assert score(answer, "12 cm", LENGTHS, kind="choice", index=1) == right
        assert score(answer, "B", LENGTHS, kind="choice") == right
    assert score("A", "7", ("7", "8", "7"), kind="choice", index=2) == 1.0  # the same text twice: either is right
    assert score("X", "x", ("X", "x"), kind="choice", index=1) == 0.0
    assert score("True.", "true", kind="choice") == 1.0  # no choices given: text decides


@pytest.mark.parametrize(
    ("answer", "text", "fields", "right"),
    [
        ("13", "13", {}, True),
        (" 13. ", "13", {}, True),
        ("$13$", "13", {}, True),
        ("13.0", "13", {}, True),
        ("+13", "13", {}, True),
        ("−13", "-13", {}, True),  # the minus sign of typesetters
        ("1,234,567", "1234567", {}, True),
        ("1,23", "123", {}, False),  # no thousands
        ("1/2", "0.5", {}, True),
        ("\\frac{1}{2}", "1/2", {}, True),
        ("-\\dfrac{2}{4}", "-0.5", {}, True),
        (".5", "1/2", {}, True),
        ("1.5e3", "1500", {}, True),
        ("0.333", "1/3", {}, False),
        ("0.333", "1/3", {"tolerance": 0.001}, True),
        ("10.3", "10", {"tolerance": 0.3}, True),  # at the border, in decimals
        ("10.31", "10", {"tolerance": 0.3}, False),
        ("10%", "10", {}, False),
        ("0.1", "10%", {}, False),
        ("10 %", "10%", {}, True),
        ("10\\%", "10%", {}, True),
        ("10%", "10", {"unit": "%"}, True),
        ("12 cm", "12", {"unit": "cm"}, True),
        ("12cm", "12", {"unit": "cm"}, True),
        ("12", "12 cm", {"unit": "cm"}, True),
        ("12 m", "12", {"unit": "cm"}, False),
        ("12 cm", "12", {"unit": "m"}, False),
        ("12 cm", "12", {}, False),
        ("x=12", "12", {}, False),
        ("I got 5. Checking 3+2", "5", {}, False),
        ("1/0", "0", {}, False),
        ("14", "13", {"accepts": ("14",)}, True),
        ("9" * 201, "13", {}, False),
        ("", "13", {}, False),
        ("٣", "3", {}, False),
        ("2\\sqrt{3}", "2\\sqrt{3}", {}, True),  # a gold answer that is no plain number is compared as text
    ],
)
def test_numbers(score: Score, answer: str, text: str, fields: dict[str, Any], right: bool) -> None:
    assert score(answer, text, kind="number", **fields) == float(right)


@given(st.fractions(), st.fractions())
def test_numbers_are_compared_exactly(score: Score, one: Any, other: Any) -> None:
    assert score(str(one), str(other), kind="number") == float(one == other)


@pytest.mark.parametrize(
    ("answer", "text", "kind", "right"),
    [
        ("  A  Dog. ", "a dog", "text", True),
        ("cafe\u0301", "caf\u00e9", "text", True),
        ("Straße", "STRASSE", "text", True),
        ("cat", "dog", "text", False),
        ("$x + 1$", "x + 1", "expression", True),
        ("X", "x", "expression", False),
        ("[[1,2],[3,4]]", "[[1, 2], [3, 4]]", "structure", True),
        ("[[1, 2], [3, 5]]", "[[1, 2], [3, 4]]", "structure", False),
        ("[0.1,0.2, 0.3,0.4]", "[0.1, 0.2, 0.3, 0.4]", "boxes", True),
        ("red, blue", "Red, blue", "set", True),
        (" \n ", "dog", "text", False),
    ],
)
def test_other_kinds(score: Score, answer: str, text: str, kind: str, right: bool) -> None:
    assert score(answer, text, kind=kind) == float(right)


def test_any_accepted_text_is_right(score: Score) -> None:
    assert score("hound", "dog", accepts=("Hound", "puppy")) == 1.0
    assert score("cat", "dog", accepts=("Hound", "puppy")) == 0.0


KINDS = ["choice", "number", "expression", "set", "text", "structure", "boxes"]


@given(answer=st.text(max_size=40), kind=st.sampled_from(KINDS), unit=st.none() | st.text(max_size=3))
def test_nothing_a_model_writes_raises(score: Score, answer: str, kind: str, unit: str | None) -> None:
    assert score(answer, "13", ("12", "13"), kind=kind, unit=unit) in (0.0, 1.0)


@given(text=st.text(min_size=1, max_size=20).filter(str.strip), kind=st.sampled_from(KINDS))
def test_a_gold_answer_is_right_by_itself(asked: Any, text: str, kind: str) -> None:
    assert answers.gold_score(asked(text, kind=kind)) == 1.0


class Parity(Checker):
    """Right where the number's parity is the wanted one."""

    name = "parity"
    odd: bool = False

    def score(self, answer: str, example: Example) -> float:
        return float(answer.isdigit() and int(answer) % 2 == self.odd)


def test_a_checker_decides(asked: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[dict[str, Any]] = []

    def make(kind: str, name: str, options: dict[str, Any]) -> Parity:
        assert (kind, name) == ("checkers", "parity")
        made.append(options)
        return Parity(**options)

    monkeypatch.setattr(registry, "make", make)
    _checker.cache_clear()
    odd = asked("1", kind="number", checker=CheckerRef(name="parity", args={"odd": True}))
    even = asked("2", kind="number", checker=CheckerRef(name="parity"))
    assert [answers.score("3", odd), answers.score("4", odd), answers.score("3", even)] == [1.0, 0.0, 0.0]
    assert answers.gold_score(odd) == answers.gold_score(even) == 1.0
    assert answers.score("", odd) == 0.0
    assert made == [{"odd": True}, {}]  # made once for each name and arguments
    _checker.cache_clear()


def test_an_unknown_checker_is_named(score: Score) -> None:
    with pytest.raises(UsageError, match="there is no checker 'nonsuch'"):
        score("1", "1", checker=CheckerRef(name="nonsuch"))
