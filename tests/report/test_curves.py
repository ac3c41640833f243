"""Curves, read back as XML: places to scale, gaps kept, long runs thinned, every last value told."""

import re
from xml.etree import ElementTree

import pytest
from markupsafe import Markup

from perceptdata.report.curves import COLUMNS, PLOT, POINTS, WIDTH, Curve, curves, figure


def strokes(picture: Markup) -> list[list[tuple[float, float]]]:
    """The points of the first line, stroke by stroke."""
    path = next(ElementTree.fromstring(picture).iter("path")).get("d", "")
    pairs = [
        [tuple(map(float, re.findall(r"[\d.]+", point)[:2])) for point in part.split("L")] for part in path.split("M")
    ]
    return [[(point[0], point[1]) for point in part if len(point) == 2] for part in pairs if any(part)]


def test_points_are_to_scale() -> None:
    picture = curves([2, 3, 6], [Curve("loss", "ink", (1.0, 0.5, 0.0))], "Loss")
    assert strokes(picture) == [[(0, 0), (WIDTH / 4, PLOT / 2), (WIDTH, PLOT)]]


def test_lines_share_one_axis() -> None:
    lines = [Curve("a", "ink", (1.0, 1.0)), Curve("b", "other", (3.0, None))]
    picture = curves([1, 2], lines, "Both")
    assert strokes(picture) == [[(0, PLOT), (WIDTH, PLOT)]]
    root = ElementTree.fromstring(picture)
    assert [path.get("class") for path in root.iter("path")] == ["line line-ink", "line line-other"]
    assert [text.text for text in root.iter("text")] == ["3", "1", "steps 1 to 2"]
    assert root.get("aria-label") == "Both, steps 1 to 2. a: 1 at last; b: 3 at last"


def test_what_is_missing_is_a_gap_and_a_lone_value_a_dot() -> None:
    picture = curves([1, 2, 3, 4, 5], [Curve("a", "ink", (0.0, 1.0, None, 0.5, None))], "a")
    assert [len(stroke) for stroke in strokes(picture)] == [2, 1]
    assert "h0" in picture  # a stroke of no length, with round ends


def test_a_value_that_never_changes_stands_in_the_middle() -> None:
    assert strokes(curves([7], [Curve("a", "ink", (4.0,))], "a")) == [[(WIDTH / 2, PLOT / 2)]]


def test_a_long_run_is_thinned_to_means() -> None:
    steps = list(range(1, 10 * POINTS + 1))
    picture = curves(steps, [Curve("a", "ink", tuple(float(step % 10) for step in steps))], "a")
    (stroke,) = strokes(picture)
    assert len(stroke) == POINTS
    assert {y for _, y in stroke} == {PLOT / 2}  # each stretch holds 0 to 9, whose mean is 4.5
    told = [title.text for title in ElementTree.fromstring(picture).iter("title")]
    assert len(told) == COLUMNS
    assert told[0] == "steps 1 to 50: a 4.5"


def test_words_are_escaped() -> None:
    picture = curves([1], [Curve("<b>", "ink", (1.0,)), Curve("none", "ink", (None,))], "</svg>")
    root = ElementTree.fromstring(picture)
    assert root.get("aria-label") == "</svg>, steps 1 to 1. <b>: 1 at last"
    assert [title.text for title in root.iter("title")] == ["step 1: <b> 1"]


@pytest.mark.parametrize(
    ("value", "said"),
    [(0.0, "0"), (0.123456, "0.123"), (12.0, "12"), (12345.6, "12,346"), (1e-6, "1.00e-06"), (2.5e9, "2.50e+09")],
)
def test_figures(value: float, said: str) -> None:
    assert figure(value) == said
