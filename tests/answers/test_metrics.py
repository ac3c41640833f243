"""The published text metrics against numbers worked out by hand and slow oracles."""

from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perceptdata import answers
from perceptdata.answers.metrics import ANLS, Consensus, Relaxed, distance, similarity, vqa_text
from perceptdata.example import CheckerRef

TEN = ("net", "net", "net", "netting", "mesh", "mesh", "A mesh.", "mesh", "fence", "string")


def slow_consensus(answer: str, people: tuple[str, ...]) -> float:
    """As published: leave each person out, count who of the others agrees, over three, at most one; the mean."""
    said = [vqa_text(person) for person in people]
    shares = [
        min(1.0, sum(other == vqa_text(answer) for other in said[:at] + said[at + 1 :]) / 3) for at in range(len(said))
    ]
    return sum(shares) / len(shares)


def test_consensus_by_hand(asked: Any) -> None:
    ten = asked("mesh", accepts=TEN)
    assert Consensus().score("mesh", ten) == pytest.approx(1.0)  # four of ten: three others for each of them
    assert Consensus().score("Net", ten) == pytest.approx(0.9)  # three of ten: (3 · 2/3 + 7 · 1) / 10
    assert Consensus().score("fence", ten) == pytest.approx(0.3)  # one of ten: (0 + 9 · 1/3) / 10
    assert Consensus().score("wall", ten) == 0.0


@given(st.lists(st.sampled_from("abc"), min_size=1, max_size=10), st.sampled_from("abcd"))
def test_consensus_is_the_published_one(asked: Any, people: list[str], answer: str) -> None:
    people = [f"{person}1" for person in people]
    wanted = slow_consensus(f"{answer}1", tuple(people))
    assert Consensus().score(f"{answer}1", asked("x", accepts=tuple(people))) == pytest.approx(wanted)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Two dogs.", "2 dogs"),
        ("the dog", "a Dog"),
        ("don't", "dont"),
        ("1,000", "1000"),
        ("black-white", "black white"),
        ("none", "0"),
        ("3.5", "3.5"),
    ],
)
def test_vqa_spellings(one: str, other: str) -> None:
    assert vqa_text(one) == vqa_text(other)


def test_a_gold_answer_on_which_people_disagree_is_still_taken_in(asked: Any) -> None:
    split = asked("a1", accepts=("a1", "a1", "a1", *(f"b{n}" for n in range(7))), checker=CheckerRef(name="vqa"))
    assert answers.score("a1", split) == pytest.approx(0.9)
    assert answers.gold_score(split) == 1.0
    assert answers.gold_score(split.model_copy(update={"answer": split.answer.model_copy(update={"text": "b1"})})) < 0.5
    alone = asked("dog", checker=CheckerRef(name="vqa"))
    assert (answers.score("Dog", alone), answers.score("cat", alone), answers.gold_score(alone)) == (1.0, 0.0, 1.0)


def test_anls_by_hand(asked: Any) -> None:
    gold = asked("invoice 12", accepts=("inv. 12",))
    assert ANLS().score("Invoice  12", gold) == 1.0
    assert ANLS().score("invoice 13", gold) == pytest.approx(0.9)  # one of ten characters
    assert ANLS().score("inv 12", gold) == pytest.approx(6 / 7)  # against the second: one of seven
    assert ANLS().score("x", gold) == 0.0
    assert similarity("abcd", "abxy", 0.5) == 0.0  # exactly one half is not above it
    assert similarity("abcd", "abxy", 0.4) == 0.5
    assert ANLS().score("x" * 100_000, gold) == 0.0


@given(st.text("abc", max_size=9), st.text("abc", max_size=9))
def test_distance_is_levenshtein(one: str, other: str) -> None:
    table = {}
    for i, j in product(range(len(one) + 1), range(len(other) + 1)):
        if not i or not j:
            table[i, j] = i + j
        else:
            change = table[i - 1, j - 1] + (one[i - 1] != other[j - 1])
            table[i, j] = min(table[i - 1, j] + 1, table[i, j - 1] + 1, change)
    assert distance(one, other) == table[len(one), len(other)]


def test_distance_beyond_a_machine_word() -> None:
    assert distance("ab" * 500, "ba" * 500) == 2
    assert distance("a" * 300, "b" * 200) == 300


@pytest.mark.parametrize(
    ("answer", "gold", "right"),
    [
        ("104", "100", True),
        ("105", "100", True),
        ("105.1", "100", False),
        ("-105", "-100", True),
        ("3%", "0.03", True),
        ("3", "0.03", False),
        ("1,040", "1000", True),
        ("0", "0", True),
        ("0.0", "0", True),
        ("0.01", "0", False),
        ("Yes", "yes", True),
        ("no", "yes", False),
        ("nan", "nan", True),
        ("about 104", "100", False),
        ("9" * 400, "100", False),
    ],
)
def test_relaxed(asked: Any, answer: str, gold: str, right: bool) -> None:
    assert Relaxed().score(answer, asked(gold)) == float(right)


def test_they_are_found_by_name(asked: Any) -> None:
    chart = asked("100", kind="number", checker=CheckerRef(name="relaxed", args={"tolerance": 0.1}))
    assert (answers.score("109", chart), answers.score("111", chart)) == (1.0, 0.0)
    page = asked("abcd", checker=CheckerRef(name="anls"))
    assert answers.score("abcx", page) == pytest.approx(0.75)
    assert answers.gold_score(page) == 1.0
