"""Texts as words and runs: what counts, what does not, and hashes that a hand can check."""

import numpy as np
import pytest

from perceptdata.curation.wording import Grams, bare, digest64, marks, masked, minhash, plain, words


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("<image>What is the Area?", ["what", "is", "the", "area"]),
        (r"Find $\left( \dfrac{1}{2} \right)$.", ["find", "frac", "1", "2"]),
        ("x+1 = 3.5", ["x", "+", "1", "=", "3.5"]),
        ("a right-angled x-1", ["a", "right", "angled", "x", "-", "1"]),
        ("如图ABC", ["如", "图", "abc"]),
        ("ＡＢ ①", ["ab", "1"]),
        ("", []),
    ],
)
def test_words(text: str, found: list[str]) -> None:
    assert words(text) == found


def test_signs_tell_texts_apart() -> None:
    assert words("x + 1") != words("x - 1")
    assert plain("What  IS\nit?") == plain("<image>what is it?") != plain("what is it")


def test_options_are_cut_off_where_a_question_is_left() -> None:
    assert bare("How many?\nChoices:\n(A) 3\n(B) 4") == "How many?"
    assert bare("How many?\n(A) 3\n(B) 4").strip() == "How many?"
    assert bare("Choices: A or B") == "Choices: A or B"
    assert bare("Point A. lies on B") == "Point A. lies on B"


def test_marks_tell_rows_of_one_template_apart() -> None:
    assert marks("The length of AB is 3.5 and x") == ["length", "AB", "3.5", "x"]
    assert marks("the red cube left of it") != marks("the blue cube left of it")
    assert marks("What is BC?") != marks("What is BA?")
    assert marks("Find it now") == marks("Please find it")


def test_masked_is_what_a_template_leaves() -> None:
    assert masked(words("What is 3 + 14?")) == masked(words("what is 5 + 2.5")) == "what is # + #"


def test_runs_are_those_of_words_in_a_row_and_not_across_texts() -> None:
    runs = Grams(3).of([words("a b c d"), words("a b"), words("b c d")])
    assert runs.starts.tolist() == [0, 2, 2, 3]
    assert runs.high[1] == runs.high[2]  # b c d
    assert runs.high[0] != runs.high[1]
    whole = Grams(3, whole=True).of([words("a b"), [], words("a b"), words("b a")])
    assert whole.starts.tolist() == [0, 1, 1, 2, 3]
    assert whole.high[0] == whole.high[1] != whole.high[2]


def test_runs_of_words_need_no_order_of_batches() -> None:
    one, other = Grams(2), Grams(2)
    first = one.of([["x", "y"], ["p", "q"]])
    other.of([["q", "p", "y", "x"]])
    assert np.array_equal(first.salted("s"), other.of([["x", "y"], ["p", "q"]]).salted("s"))
    assert not np.array_equal(first.salted("s"), first.salted("t"))


def test_minhash_estimates_jaccard() -> None:
    """60 of 100 shared between two sets of 80: Jaccard 0.6; 512 columns leave a standard error of 0.022."""
    values = np.random.default_rng(0).integers(0, 1 << 63, 100).astype(np.uint64)
    made = minhash(np.r_[values[:80], values[20:]], np.array([0, 80, 160]), 512)
    assert made.shape == (2, 512)
    assert abs((made[0] == made[1]).mean() - 0.6) < 0.07
    assert minhash(np.zeros(0, np.uint64), np.array([0])).shape == (0, 126)


def test_digests_are_the_same_everywhere() -> None:
    assert digest64("a", "b") == digest64("a", "b") != digest64("ab")
    assert 0 <= digest64("x") < 1 << 63
    assert digest64("\ud800") >= 0
