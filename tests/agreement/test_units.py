"""Units: pieces between all borders, clauses by majority, tokens; only non-space characters of clauses count."""

import numpy as np
import pytest
from agreement.coding import coded
from hypothesis import given
from hypothesis import strategies as st

from perceptdata.agreement import Coded, refine
from perceptdata.agreement.units import BATCH
from perceptdata.segmentation import clauses
from perceptdata.spans import PRO, Span, SpanSet


def test_pieces_lie_between_the_borders_of_everybody() -> None:
    # One clause "ab cd ef." of 7 non-space characters; borders at 3 and at 6.
    cut = refine(coded(["ab cd ef."], one=["PPPRRRRRR"], other=["PPPPPPRRR"]))
    assert cut.weight.tolist() == [2, 2, 3]
    assert cut.label.tolist() == [[0, 0], [1, 0], [1, 1]]
    assert cut.characters().weight.sum() == 7


def test_a_clause_has_the_label_of_most_of_its_characters() -> None:
    text = ["abcd efgh."]  # 9 non-space characters
    for drawn, label in {
        "PPPPPRRRRR": 1,  # 4 against 5
        "PPPPPPRRRR": 0,  # 5 against 4
        "PPPPP-----": -1,  # 4 against 5 of nobody
        "PPPPPP----": 0,
        "----------": -1,
        "RR---PPPPP": 0,
    }.items():
        assert refine(coded(text, one=[drawn])).clauses().label.tolist() == [[label]], drawn


def test_a_clause_is_as_sure_as_the_characters_that_have_its_label() -> None:
    # "abcd efgh." of 9: 4 reasoning of .9, then 1 perception of .2 and 4 of .7.
    text = "abcd efgh."
    drawn = [Span(0, 4, "reasoning", 0.9), Span(5, 6, "perception", 0.2), Span(6, 10, "perception", 0.7)]
    given = Coded(PRO, ("one", "other"), ["x"], [text], [[SpanSet.of(drawn)], [SpanSet.of(drawn[:1])]])
    cut = refine(given)
    assert cut.clauses().label.tolist() == [[0, -1]]
    assert cut.clause_scores() == pytest.approx(np.array([[(0.2 + 4 * 0.7) / 5, 0]]))
    assert refine(Coded(PRO, ("one",), [], [], [[]])).clause_scores().shape == (0, 1)


def test_ties_go_to_the_earlier_label_and_to_a_label_before_none() -> None:
    text = ["abcdefgh"]
    assert refine(coded(text, one=["RRRRPPPP"])).clauses().label.tolist() == [[0]]
    assert refine(coded(text, one=["----OOOO"])).clauses().label.tolist() == [[2]]


def test_what_belongs_to_no_clause_does_not_count() -> None:
    # "- " is a list marker: a gap.
    cut = refine(coded(["- one\n- two"], one=["PPPPPPPPPPP"]))
    assert cut.weight.tolist() == [3, 3]
    assert cut.clauses().text.tolist() == [0, 0]


def test_an_annotator_that_has_not_read_a_text_is_told_from_one_that_left_it_open() -> None:
    cut = refine(coded(["one.", "two."], one=["PPPP", None], other=["----", "RRRR"]))
    assert cut.seen.tolist() == [[True, False], [True, True]]
    assert cut.clauses().label.tolist() == [[0, -1], [-1, 1]]


def test_a_token_has_the_label_of_most_of_its_characters_in_clauses() -> None:
    # "- ab cdef": the marker is no one's, and its token is not counted.
    offsets = [(0, 1), (1, 4), (4, 4), (4, 9)]
    cut = refine(coded(["- ab cdef"], one=["--PPPPPRR"]), tokenize=lambda text: offsets)
    tokens = cut.tokens_of_clauses()
    assert tokens.label.tolist() == [[0], [0]]  # "cdef" has two of each, and the earlier label wins
    assert tokens.weight.tolist() == [1, 1]


def test_tokens_that_share_a_character_count_once() -> None:
    cut = refine(coded(["日本。"], one=["PPP"]), tokenize=lambda text: [(0, 1), (0, 1), (1, 2), (2, 3)])
    assert cut.tokens_of_clauses().label.tolist() == [[0], [0], [0]]


def test_nothing_gives_nothing() -> None:
    for texts in ([], [""], ["  \n "]):
        cut = refine(coded(texts, one=["" for _ in texts], other=["" for _ in texts]))
        assert (len(cut.weight), cut.clauses().label.shape) == (0, (0, 2))
        assert cut.tokens_of_clauses().label.shape == (0, 2)


def test_batches_do_not_show() -> None:
    texts = [f"See {number}. So it is {number}." for number in range(BATCH + 3)]
    drawn = ["P" * 6 + "R" * (len(text) - 6) for text in texts]

    def tokenize(text: str) -> list[tuple[int, int]]:
        return [(0, 3), (4, len(text))]

    cut = refine(coded(texts, one=drawn), tokenize)
    alone = refine(coded(texts[-1:], one=drawn[-1:]), tokenize)
    last = cut.text == BATCH + 2
    assert cut.weight[last].tolist() == alone.weight.tolist()
    assert cut.label[last].tolist() == alone.label.tolist()
    assert cut.clause_text.tolist() == np.repeat(np.arange(len(texts)), 2).tolist()
    assert len(cut.tokens_of_clauses().text) == 2 * len(texts)


SOME = st.lists(
    st.tuples(st.sampled_from("ab .\n日😀é"), st.sampled_from("PRO-"), st.sampled_from("PRO-")), max_size=40
)


@given(st.lists(SOME, max_size=4))
def test_every_character_of_a_clause_is_counted_once_with_the_label_it_was_drawn_with(drawn: list[list]) -> None:
    texts = ["".join(char for char, _, _ in text) for text in drawn]
    one, other = (["".join(cells[at] for cells in text) for text in drawn] for at in (1, 2))
    cut = refine(coded(texts, one=one, other=other))
    counted = np.zeros((5, 5), int)  # the last is none
    np.add.at(counted, (cut.label[:, 0], cut.label[:, 1]), cut.weight)
    expected = np.zeros((5, 5), int)
    for text, first, second in zip(texts, one, other, strict=True):
        for start, end in clauses(text):
            for at in range(start, end):
                if not text[at].isspace():
                    expected["PRO".find(first[at]), "PRO".find(second[at])] += 1
    assert (counted == expected).all()
