"""Scores against hand-worked counts."""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import pytest

from perceptdata.errors import UsageError
from perceptdata.labelled import LabelledText, leave_one_source_out, measure, pass_agreement
from perceptdata.labelled.scoring import compare
from perceptdata.plugins import Tagger, TextItem
from perceptdata.spans import SEGMENTS, Scheme, Span, SpanSet


def spans(*borders: tuple[int, int, str]) -> SpanSet:
    return SpanSet.of([Span(*one) for one in borders])


TEXT = "aaaa bbbb cccc dd"  # white space at 4, 9, 14
GOLD = spans((0, 9, "perception"), (10, 14, "reasoning"))


def test_by_hand() -> None:
    # Scored: 8 perceived characters, 4 reasoned; "dd" has no gold label. Said: "aaaa" perceived, "bbbb cc" reasoned,
    # the last two of "cccc" open, "dd" other (ignored).
    #   n[P] = [4, 4, 0, open 0]   n[R] = [0, 2, 0, open 2]
    #   F1(P) = 2*4 / (8 + 4) = 2/3   F1(R) = 2*2 / (4 + 6) = 0.4   F1(O) = 0
    found = compare(
        [LabelledText("a", TEXT, GOLD)], [spans((0, 4, "perception"), (5, 12, "reasoning"), (15, 17, "other"))]
    )
    assert found.confusion.tolist() == [[4, 4, 0, 0], [0, 2, 0, 2], [0, 0, 0, 0]]
    assert found.f1 == pytest.approx({"perception": 2 / 3, "reasoning": 0.4, "other": 0})
    assert found.macro_f1 == pytest.approx((2 / 3 + 0.4) / 3)
    assert found.perception_precision == 1.0
    assert found.labelled == pytest.approx(10 / 12)
    assert found.share_error == pytest.approx(8 / 12 - 4 / 12)
    assert found.share_bias == pytest.approx(-4 / 12)


def test_texts_are_pooled_and_shares_are_means() -> None:
    # The second text is wrong all through: 2 reasoned characters said to be perceived.
    texts = [LabelledText("a", TEXT, GOLD), LabelledText("b", "xy", spans((0, 2, "reasoning")))]
    found = compare(texts, [GOLD, spans((0, 2, "perception"))])
    assert found.confusion.tolist() == [[8, 0, 0, 0], [2, 4, 0, 0], [0, 0, 0, 0]]
    assert found.perception_precision == 0.8
    assert found.share_error == 0.5  # 0 and 1
    assert found.share_bias == pytest.approx(2 / 14)


def test_nothing_to_score() -> None:
    row = compare([LabelledText("a", "xy", spans())], [spans((0, 2, "other"))]).to_row()
    assert row["texts"] == 0
    assert row["macro_f1"] is None


def test_kappa_by_hand() -> None:
    # 10 characters, of which 9 in both passes: PPPP RRRR O against PPPR RRRR O.
    #   agreed 8/9; margins P 4, 3; R 4, 5; O 1, 1: chance = (12 + 20 + 1) / 81
    first = spans((0, 4, "perception"), (4, 8, "reasoning"), (8, 9, "other"))
    second = spans((0, 3, "perception"), (3, 8, "reasoning"), (8, 10, "other"))
    one = LabelledText("a", "abcdefghij", spans(), passes=(first, second))
    found = pass_agreement([one, LabelledText("b", "xy", spans())])
    assert found is not None
    assert found.agreed == pytest.approx(8 / 9)
    assert found.kappa == pytest.approx((8 / 9 - 33 / 81) / (1 - 33 / 81))
    assert found.f1 == pytest.approx({"perception": 6 / 7, "reasoning": 8 / 9, "other": 1})
    assert pass_agreement([LabelledText("b", "xy", spans())]) is None


class Asked(Tagger):
    """Says reasoning wherever it is told the question, other elsewhere; labels are never shown to it."""

    name: ClassVar[str] = "asked"

    def tag(self, texts: Sequence[TextItem]) -> list[SpanSet]:
        said = []
        for item in texts:
            assert (item.label == -1).all()
            label = "reasoning" if item.meta["question"] else "other"
            said.append(SpanSet.of([Span(a, b, label) for a, b in zip(item.start, item.end, strict=True)]))
        return said


class Elsewhere(Asked):
    """Speaks another scheme."""

    scheme: ClassVar[Scheme] = SEGMENTS


def test_taggers_get_the_question_and_no_label() -> None:
    texts = [LabelledText("a", TEXT, GOLD), LabelledText("b", TEXT, GOLD, question="Why?")]
    found = measure(texts, [Asked()])
    assert np.array_equal(found.confusion, [[0, 8, 8, 0], [0, 4, 4, 0], [0, 0, 0, 0]])
    with pytest.raises(UsageError, match="pro@1"):
        measure(texts, [Elsewhere()])


def test_one_source_cannot_be_left_out() -> None:
    with pytest.raises(UsageError, match="two sources"):
        leave_one_source_out(object, [LabelledText("a", TEXT, GOLD)])
