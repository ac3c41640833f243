"""Boxes, matched one to one."""

from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perceptdata.answers.boxes import Box, Boxes, match, overlap, read_boxes
from perceptdata.answers.structures import Unreadable
from perceptdata.errors import UsageError


def test_overlap_by_hand() -> None:
    # 10x10 against 10x10 moved by 5: shared 5x10 = 50, union 200 - 50 = 150.
    assert overlap(Box(0, 0, 10, 10), Box(5, 0, 15, 10)) == pytest.approx(1 / 3)
    assert overlap(Box(0, 0, 10, 10), Box(10, 0, 20, 10)) == 0.0
    assert overlap(Box(3, 3, 3, 3), Box(3, 3, 3, 3)) == 1.0  # empty, and the same
    assert overlap(Box(0, 0, 1e200, 1e200), Box(0, 0, 2e200, 1e200)) == 0.0  # no number to say it with


def test_reading() -> None:
    one = [Box(1, 2, 3, 4)]
    assert read_boxes("[1,2,3,4]") == read_boxes("[[1, 2, 3, 4]]") == read_boxes("[3,4,1,2]") == one
    assert read_boxes('[{"bbox_2d": [1,2,3,4]}]') == read_boxes('{"box": [1,2,3,4]}') == one
    assert read_boxes('[{"bbox": [1,2,3,4], "label": "A Dog"}]') == [Box(1, 2, 3, 4, "a dog")]
    assert read_boxes("[]") == []
    for text in (
        "1,2",
        "[1,2,3]",
        '[{"x": 1}]',
        '["a","b","c","d"]',
        "[[1,2,3,null]]",
        f"[{'[0,0,1,1],' * 300}[0,0,1,1]]",
    ):
        with pytest.raises(Unreadable):
            read_boxes(text)


def test_scores(asked: Any) -> None:
    two = asked("[[0,0,10,10],[20,20,30,30]]", kind="boxes")
    assert Boxes().score("[[20,20,30,30],[0,0,10,9]]", two) == 1.0  # in any order; 90/100
    assert Boxes(iou=0.95).score("[[20,20,30,30],[0,0,10,9]]", two) == 0.0
    assert Boxes().score("[[0,0,10,10]]", two) == 0.0
    assert Boxes().score("[[0,0,10,10],[0,0,10,10]]", two) == 0.0  # one box does not serve twice
    assert Boxes(dense=True).score("[[0,0,10,10]]", two) == pytest.approx(2 / 3)  # 2·1 / (2 + 1)
    assert Boxes().score("a dog", two) == 0.0
    labelled = asked('[{"bbox": [0,0,10,10], "label": "dog"}]', kind="boxes")
    assert Boxes().score('[{"bbox_2d": [0,0,10,10], "label": "Dog"}]', labelled) == 1.0
    assert Boxes().score('[{"bbox_2d": [0,0,10,10], "label": "cat"}]', labelled) == 0.0


def test_frames_are_turned_into_each_other(asked: Any) -> None:
    # A picture of 200 x 100: thousandths 100, 200, 500, 800 are pixels 20, 20, 100, 80.
    gold = asked("[20, 20, 100, 80]", kind="boxes", size=(200, 100))
    assert Boxes(answer_frame="thousandth", iou=0.99).score("[100,200,500,800]", gold) == 1.0
    assert Boxes(answer_frame="unit", iou=0.99).score("[0.1,0.2,0.5,0.8]", gold) == 1.0
    assert Boxes(answer_frame="percent", iou=0.99).score("[10,20,50,80]", gold) == 1.0
    assert Boxes(iou=0.5).score("[100,200,500,800]", gold) == 0.0
    unit = asked("[0.1,0.2,0.5,0.8]", kind="boxes")
    assert Boxes(frame="unit", answer_frame="percent", iou=0.99).score("[10,20,50,80]", unit) == 1.0
    with pytest.raises(UsageError, match="no image"):
        Boxes(frame="unit", answer_frame="pixel").score("[1,2,3,4]", unit)
    with pytest.raises(UsageError, match="states no boxes"):
        Boxes().score("[1,2,3,4]", asked("somewhere", kind="boxes"))


def box(x: int, y: int, width: int, height: int) -> Box:
    return Box(x, y, x + width, y + height)


corner, side = st.integers(0, 4), st.integers(1, 4)
boxes = st.lists(st.builds(box, corner, corner, side, side), max_size=4)


@given(boxes, boxes)
def test_the_matching_is_the_largest_there_is(gold: list[Box], said: list[Box]) -> None:
    small, large = sorted((gold, said), key=len)
    most = max(
        sum(overlap(one, other) >= 0.3 for one, other in zip(small, order, strict=False))
        for order in permutations(large)
    )
    assert match(gold, said, 0.3) == most
