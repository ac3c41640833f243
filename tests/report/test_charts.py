"""Charts, read back as XML: lengths to scale, words escaped, every figure in the description."""

from xml.etree import ElementTree

import pytest
from markupsafe import Markup

from perceptdata.report.charts import PLOT, SLIVER, Bar, Part, bars, histogram, sliver
from perceptdata.report.holdings import Histogram


def parts(chart: Markup) -> list[tuple[str, float, float]]:
    """Class, x and width of each part, in percent."""
    found = ElementTree.fromstring(chart).iter("rect")
    return [
        (
            rect.get("class", "").removeprefix("part fill-"),
            float(rect.get("x", "")[:-1]),
            float(rect.get("width", "")[:-1]),
        )
        for rect in found
        if "part" in rect.get("class", "")
    ]


def test_bars_are_to_one_scale_and_their_parts_follow_each_other() -> None:
    rows = [Bar("A", (Part("perception", 30), Part("other", 10)), "40"), Bar("B", (Part("perception", 20),), "20")]
    assert parts(bars(rows, "about")) == [("perception", 0, 75), ("other", 75, 25), ("perception", 0, 50)]


def test_what_is_not_empty_is_seen_and_stays_inside() -> None:
    rows = [Bar("A", (Part("perception", 1_000_000), Part("other", 1), Part("reasoning", 0)), "")]
    drawn = parts(bars(rows, "about"))
    assert [kind for kind, _, _ in drawn] == ["perception", "other"]
    _, left, width = drawn[1]
    assert width == SLIVER
    assert left + width == pytest.approx(100)


def test_words_are_escaped_and_told() -> None:
    chart = bars([Bar("</svg><script>", (Part("other", 1),), '"1"', "& more")], "shares")
    picture = ElementTree.fromstring(chart)
    assert picture.get("aria-label") == 'shares. </svg><script>, & more: "1"'
    assert [text.text for text in picture.iter("text")] == ["</svg><script>", '"1"', "& more"]
    assert [title.text for title in picture.iter("title")] == ["</svg><script>, & more, other: 1"]


def test_nothing_gives_an_empty_picture() -> None:
    assert parts(bars([], "none")) == []
    assert parts(bars([Bar("A", (Part("other", 0),), "0")], "none")) == []


def test_a_funnels_bar_stands_where_its_rows_went() -> None:
    assert parts(sliver("reject", 70, 20, 100, "x")) == [("reject", 70, 20)]
    assert parts(sliver("accept", 0, 0, 0, "x")) == [("accept", 0, 0)]


def test_a_histograms_heights_are_in_proportion() -> None:
    chart = ElementTree.fromstring(histogram(Histogram(10, (4, 0, 2, 1), 7, 5, 99), "lengths"))
    rects = list(chart.iter("rect"))
    assert [float(rect.get("height", "")) for rect in rects] == [PLOT, 0, PLOT / 2, PLOT / 4]
    assert [rect.get("class") for rect in rects] == ["part fill-ink"] * 3 + ["part fill-rest"]
    assert [title.text for title in chart.iter("title")][-1] == "30 or more tokens: 1 texts"
    assert [text.text for text in chart.iter("text")] == ["0", "20", "30+"]
