"""Spans against spans: F1 by kind of match, and borders told from labels; all by hand, one letter a character."""

import numpy as np
import pytest
from agreement.coding import coded
from hypothesis import given
from hypothesis import strategies as st

from perceptdata.agreement import refine
from perceptdata.agreement.matching import COLUMNS, ERRORS, f1, match

P, R, O = range(3)  # noqa: E741


def counts(text: str, one: str, other: str) -> tuple[np.ndarray, dict[str, float]]:
    """(L, 7) of one text, and its errors by name."""
    found = match(refine(coded([text], one=[one], other=[other])), 0, 1)
    return found.spans[0], dict(zip(ERRORS, found.errors[0, -1].tolist(), strict=True))


def test_f1_by_hand() -> None:
    # First: P of 4, R of 4. Second: P of 6, R of 2. P: intersection 4, union 6 (.67); R: 2 of 4 (.5).
    spans, _ = counts("abcdefgh", "PPPPRRRR", "PPPPPPRR")
    found = {kind: score.tolist() for kind, score in f1(spans).items()}
    assert found["exact"][:2] == [0, 0]
    assert found["iou_0.5"][:2] == [1, 1]
    assert found["iou_0.75"][:2] == [0, 0]
    # P: of the second's run 4/6 is covered, of the first's all: 2·(2/3)·1/(5/3) = .8. R: 1 and 1/2: 2/3.
    assert found["partial"][:2] == pytest.approx([0.8, 2 / 3])
    assert np.isnan(found["partial"][O])  # no such span: no score
    total = f1(spans.sum(axis=0))
    # Over both: precision (2/3 + 1)/2 = 5/6, recall (1 + 1/2)/2 = 3/4; 2·(5/6)(3/4)/(19/12) = 15/19.
    assert total["partial"] == pytest.approx(15 / 19)
    assert total["iou_0.5"] == 1


def test_neighbours_of_one_label_are_one_span_and_space_is_nothing() -> None:
    # The first draws a border inside the P, and leaves the space open.
    text = "ab cd. ef"
    drawn = coded([text], one=["PPPPPP-RR"], other=["PP-PPP-RR"])
    found = match(refine(drawn), 0, 1)
    assert found.spans[0, :, COLUMNS.index("first")].tolist() == [1, 1, 0]
    assert f1(found.spans.sum(axis=(0, 1)))["exact"] == 1


def test_an_open_stretch_parts_two_spans() -> None:
    spans, errors = counts("abcdef", "PP--PP", "PPPPPP")
    assert spans[P, COLUMNS.index("first")] == 2
    assert spans[P, COLUMNS.index("second")] == 1
    assert spans[P, COLUMNS.index("covered_second")] == pytest.approx(4 / 6)
    assert errors == {"agreed": 4, "border": 0, "label": 0, "borders": 0}  # open is no error, but not covered


def test_a_label_that_only_one_uses_scores_nothing() -> None:
    spans, _ = counts("abcd", "PPPP", "PPOO")
    assert [float(score[O]) for score in f1(spans).values()] == [0, 0, 0, 0]


def test_a_border_elsewhere_is_told_from_another_label() -> None:
    # In one clause both turn from P to R, two characters apart.
    _, errors = counts("abcdefgh", "PPPPRRRR", "PPPPPPRR")
    assert errors == {"agreed": 6, "border": 2, "label": 0, "borders": 1}
    _, errors = counts("abcdefgh", "PPPPPPRR", "PPPPRRRR")
    assert errors == {"agreed": 6, "border": 2, "label": 0, "borders": 1}
    # The second sees a turn that the first does not: nothing agreed on the far side.
    _, errors = counts("abcdefgh", "PPPPPPPP", "PPPPPPRR")
    assert errors == {"agreed": 6, "border": 0, "label": 2, "borders": 0}
    # A third label between: no border of theirs was moved.
    _, errors = counts("abcdefgh", "PPPPPPRR", "PPPPOORR")
    assert errors == {"agreed": 6, "border": 0, "label": 2, "borders": 0}


def test_a_whole_clause_in_dispute_is_a_label() -> None:
    # Three clauses; the middle one is P to the first and R to the second, though it looks like a border moved.
    _, errors = counts("Aa. Bb. Cc.", "PPPPPPPPRRR", "PPPPRRRRRRR")
    assert errors == {"agreed": 6, "border": 0, "label": 3, "borders": 0}


def test_errors_are_of_each_label_that_is_concerned() -> None:
    # The first clause turns from P to R, two characters apart; the second is R to one and O to the other.
    found = match(refine(coded(["abcdefgh. Ij."], one=["PPPPRRRRRRRRR"], other=["PPPPPPRRRROOO"])), 0, 1)
    by_label = {
        letter: dict(zip(ERRORS, row, strict=True))
        for letter, row in zip(("P", "R", "O", "all"), found.errors[0].tolist(), strict=True)
    }
    assert by_label == {
        "P": {"agreed": 4, "border": 2, "label": 0, "borders": 1},
        "R": {"agreed": 3, "border": 2, "label": 3, "borders": 1},
        "O": {"agreed": 0, "border": 0, "label": 3, "borders": 0},
        "all": {"agreed": 7, "border": 2, "label": 3, "borders": 1},
    }


def test_texts_that_one_has_not_read_are_not_compared() -> None:
    found = match(refine(coded(["abcd", "abcd"], one=["PPPP", "PPPP"], other=["PPPP", None])), 0, 1)
    assert found.spans[1].sum() == 0
    assert found.errors[:, -1].sum(axis=1).tolist() == [4, 0]


def test_runs_stop_at_the_end_of_a_text() -> None:
    found = match(refine(coded(["ab", "cd"], one=["PP", "PP"], other=["PP", "RR"])), 0, 1)
    assert found.spans[:, P, COLUMNS.index("exact")].tolist() == [1, 0]


def runs(drawn: str) -> dict[tuple[int, int], str]:
    found, start = {}, 0
    for at in range(1, len(drawn) + 1):
        if at == len(drawn) or drawn[at] != drawn[start]:
            if drawn[start] != "-":
                found[start, at] = drawn[start]
            start = at
    return found


@given(st.lists(st.tuples(st.sampled_from("PRO-"), st.sampled_from("PRO-")), min_size=1, max_size=30))
def test_counting_agrees_with_comparing_every_pair(drawn: list[tuple[str, str]]) -> None:
    one, other = ("".join(column) for column in zip(*drawn, strict=True))
    spans, errors = counts("x" * len(drawn), one, other)
    first, second = runs(one), runs(other)
    for code, letter in enumerate("PRO"):
        mine = [set(range(*run)) for run, label in first.items() if label == letter]
        theirs = [set(range(*run)) for run, label in second.items() if label == letter]
        ious = [len(a & b) / len(a | b) for a in mine for b in theirs]
        expected = {
            "first": len(mine),
            "second": len(theirs),
            "covered_first": sum(len(a & b) / len(a) for a in mine for b in theirs),
            "covered_second": sum(len(a & b) / len(b) for a in mine for b in theirs),
            "exact": sum(iou == 1 for iou in ious),
            "iou_0.5": sum(iou >= 0.5 for iou in ious),
            "iou_0.75": sum(iou >= 0.75 for iou in ious),
        }
        assert dict(zip(COLUMNS, spans[code].tolist(), strict=True)) == pytest.approx(expected)
    both = [(a, b) for a, b in drawn if "-" not in (a, b)]
    assert errors["agreed"] == sum(a == b for a, b in both)
    assert errors["border"] + errors["label"] == sum(a != b for a, b in both)
