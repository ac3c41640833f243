"""Facts of texts, and what other texts say of them."""

import pytest

from perceptdata.rewards.surrogates.matching import Finding, agreement, facts_of, look, worth

CAPTION = "Three red cups stand on the left. A blue ball lies behind the table. There is no leash."


def said(description: str) -> list[str]:
    return [finding.value for finding in look(facts_of(CAPTION), facts_of(description))]


def test_a_clause_is_a_fact() -> None:
    cups, ball, leash = facts_of(CAPTION)
    assert (cups.words, cups.numbers, cups.colours, cups.sides) == ({"cup", "stand"}, {3}, {"red"}, {"left"})
    assert (ball.words, ball.colours, ball.sides) == ({"ball", "lie", "table"}, {"blue"}, {"back"})
    assert (leash.words, leash.negated) == ({"leash"}, True)
    assert CAPTION[ball.start : ball.end] == "A blue ball lies behind the table."


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("twenty-one sheep", {21}),
        ("twenty sheep", {20}),
        ("twenty and thirty", {20, 30}),
        ("1,250 people", {1250}),
        ("a 3.5 m wall", {3.5}),
        ("a pair of boots", {2}),
        ("ninety", {90}),
        ("9" * 400, {float("inf")}),
    ],
)
def test_numbers_are_read_in_digits_and_words(text: str, numbers: set[float]) -> None:
    assert facts_of(text)[0].numbers == numbers


@pytest.mark.parametrize(
    ("description", "findings"),
    [
        (CAPTION, ["stated", "stated", "stated"]),
        ("On the left there stand 3 red cups, and more.", ["stated", "missing", "missing"]),
        ("Four red cups stand on the left.", ["contradicted", "missing", "missing"]),
        ("Three green cups stand on the left.", ["contradicted", "missing", "missing"]),
        ("Three red cups stand on the right.", ["contradicted", "missing", "missing"]),
        ("Two green cups stand on the right.", ["open", "missing", "missing"]),  # other cups
        ("There is a leash.", ["missing", "missing", "contradicted"]),
        ("There are red cups that stand on the left.", ["open", "missing", "missing"]),  # how many?
        ("A ball.", ["missing", "open", "missing"]),
        ("Drei rote Tassen stehen links.", ["missing", "missing", "missing"]),
        ("", ["missing", "missing", "missing"]),
    ],
)
def test_what_a_description_says_of_each_fact(description: str, findings: list[str]) -> None:
    assert said(description) == findings


def test_to_state_every_possibility_is_to_contradict() -> None:
    listed = " ".join(f"{number} red cups stand on the left." for number in ("Two", "Three", "Four"))
    assert said(listed)[0] == "contradicted"


def test_a_clause_that_states_another_fact_contradicts_none() -> None:
    both = facts_of("The left cup is red. The left cup is small and red. The right cup is red.")
    findings = look(both, facts_of("The left cup is red. The right cup is red."))
    assert [finding.value for finding in findings] == ["stated", "open", "stated"]


def test_worth_is_recall_less_contradictions() -> None:
    findings = [Finding.STATED, Finding.STATED, Finding.CONTRADICTED, Finding.MISSING]
    assert worth(findings) == pytest.approx(0.25)
    assert worth(findings, contradiction=0.5) == pytest.approx(0.375)
    assert worth(findings, contradiction=9) == 0.0
    assert worth([]) == 0.0


def test_agreement_looks_both_ways() -> None:
    one, other = facts_of("Two dogs run. A cat sleeps."), facts_of("Two dogs run.")
    assert agreement(one, other) == pytest.approx((0.5 + 1.0) / 2)
    assert agreement(other, one) == agreement(one, other)
    assert agreement(one, []) == 0.0
