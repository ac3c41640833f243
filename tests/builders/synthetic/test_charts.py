"""Charts: values by hand, charts in other words, claims, pixels at their heights."""

import io
import random

import pytest
from PIL import Image
from pydantic import ValidationError

from perceptdata.builders.synthetic.charts import Charts
from perceptdata.builders.synthetic.charts_picture import BOTTOM, LEFT, RIGHT, TOP
from perceptdata.builders.synthetic.charts_text import Chart, Series
from perceptdata.errors import UsageError

BARS = Chart(
    "bar",
    0,
    5,
    (Series("Sales", "blue"), Series("Costs", "red")),
    ("Mon", "Tue", "Wed", "Thu"),
    ((20, 30), (50, 30), (35, 90), (15, 40)),
)
PIE = Chart("pie", 0, 0, (Series("share", ""),), ("Jan", "Feb", "Mar"), ((50,), (30,), (20,)))
DOTS = Chart("scatter", 0, 5, (Series("x", ""), Series("y", "")), ("A", "B"), ((10, 40), (70, 60)))


@pytest.mark.parametrize(
    ("chart", "task", "answer"),
    [
        (BARS, ("difference", "Sales", "Mon", "Tue"), "30"),
        (BARS, ("difference", "Costs", "Mon", "Tue"), None),  # the same
        (BARS, ("ratio", "Sales", "Tue", "Mon"), "2.5"),
        (BARS, ("ratio", "Costs", "Wed", "Thu"), None),  # 2.25 takes two decimals
        (BARS, ("average", "Sales"), "30"),
        (BARS, ("average", "Costs"), "47.5"),
        (BARS, ("total", "Sales", "Costs", "Wed"), "125"),
        (BARS, ("above", "Sales", 30), "2"),
        (BARS, ("above", "Sales", 50), None),  # one stands on the limit
        (BARS, ("rank", "Sales", "second highest"), "Wed"),
        (BARS, ("rank", "Costs", "lowest"), None),  # two of them
        (PIE, ("difference", "share", "Jan", "Mar"), "30"),
        (PIE, ("average", "share"), None),
        (DOTS, ("total", "x", "y", "B"), "130"),
        (DOTS, ("rank", "x", "highest"), None),  # of two points
    ],
)
def test_what_follows(chart: Chart, task: tuple, answer: str | None) -> None:
    family = Charts(task=task)
    if answer is None:
        with pytest.raises(UsageError, match="does not decide"):
            family.solve(chart, random.Random(0))
        return
    assert family.solve(chart, random.Random(0)).answer == answer
    assert family.check(answer, chart) == 1.0


def test_facts_in_full() -> None:
    assert Charts().facts(BARS) == (
        "bar chart, axis 0 to 100 by 10\nseries Sales (blue), Costs (red)\nMon: Sales 20, Costs 30\n"
        "Tue: Sales 50, Costs 30\nWed: Sales 35, Costs 90\nThu: Sales 15, Costs 40"
    )
    assert Charts().facts(PIE) == "pie chart\nJan: 50%\nFeb: 30%\nMar: 20%"


@pytest.mark.parametrize(
    ("text", "chart"),
    [
        (
            "A bar chart. The axis runs from 0 to 100.\nSeries: Sales (blue) and Costs (red).\n"
            "- Mon: Sales = 20, Costs = 30\n- Tue: Sales: 50, Costs: 30\n- Wed: 35, 90\n- **Thu**: Sales 15, Costs 40",
            BARS,
        ),
        ("Pie chart:\nJan: 50 %\nFeb: 30 %\nMar: 20 %", PIE),
        ("scatter plot, axis 0-100\nA: (10, 40)\nB: (70, 60)", DOTS),
    ],
)
def test_charts_in_other_words(text: str, chart: Chart) -> None:
    assert Charts().parse(text) == chart


@pytest.mark.parametrize(
    "text",
    [
        "",
        "bar chart",
        "bar chart, axis 0 to 100\nMon: 20",  # no series
        "bar chart, axis 0 to 100\nseries Sales (blue)\nMon: Sales 20, Costs 30",
        "bar chart, axis 0 to 100\nseries Sales (blue)\nMon: Costs 20",
        "bar chart, axis 0 to 7\nseries Sales (blue)\nMon: Sales 2",
        "pie chart\nJan: 50%, 20%",
        "Mon: 20",
        "pie chart\n" + "Jan: " * 5000,
    ],
)
def test_what_is_no_chart(text: str) -> None:
    assert Charts().parse(text) is None


@pytest.mark.parametrize(
    ("chart", "claim", "true"),
    [
        (BARS, "This is a bar chart.", True),
        (BARS, "This is a line chart.", False),
        (BARS, "The value of Sales for Mon is 20.", True),
        (BARS, "Sales for Tue is 55.", False),
        (BARS, "Tue: Sales 50, Costs 30", True),
        (BARS, "Tue: Sales 50, Costs 35", False),
        (BARS, "Costs is drawn in red.", True),
        (BARS, "Sales is green.", False),
        (BARS, "There are 4 categories and 2 series.", True),
        (BARS, "There are eight bars.", True),
        (BARS, "Wed has the highest Costs.", True),
        (BARS, "Mon has the highest value for Sales.", False),
        (BARS, "Tue is higher for Sales than Mon.", True),
        (BARS, "Tue is higher than Mon.", None),  # in which series?
        (BARS, "The value axis runs from 0 to 100.", True),
        (BARS, "Business is going well.", None),
        (PIE, "Jan: 50%", True),
        (PIE, "The share of Feb is 35%.", False),
        (PIE, "Jan is larger than Mar.", True),
    ],
)
def test_claims(chart: Chart, claim: str, true: bool | None) -> None:
    assert Charts().check_claim(claim, chart) is true


def test_every_line_of_the_facts_is_a_true_claim() -> None:
    family, rng = Charts(), random.Random(5)
    for _ in range(60):
        scene = family.generate(rng)
        for line in family.facts(scene).splitlines():
            assert family.check_claim(line, scene) is True, line


def test_bars_end_at_their_values() -> None:
    image = Image.open(io.BytesIO(Charts().draw(BARS, random.Random(0)))).convert("RGB")
    slot = (RIGHT - LEFT) / 4
    for at, row in enumerate(BARS.values):
        for series, value in enumerate(row):
            x = round(LEFT + slot * (at + 0.5)) + (-10 if series == 0 else 10)
            column = [image.getpixel((x, y)) for y in range(TOP - 2, BOTTOM)]
            tone = (31, 90, 200) if series == 0 else (214, 39, 40)
            assert column.count(tone) == pytest.approx((BOTTOM - TOP) * value / 100, abs=1)


def test_every_chart_comes() -> None:
    family, rng = Charts(), random.Random(0)
    kinds = [family.generate(rng).kind for _ in range(200)]
    assert all(kinds.count(kind) > 25 for kind in ("bar", "line", "pie", "scatter"))


@pytest.mark.parametrize(
    "options", [{"charts": ()}, {"charts": ("radar",)}, {"categories": (2, 4)}, {"series": (2, 4)}]
)
def test_impossible_options_are_refused(options: dict) -> None:
    with pytest.raises(ValidationError):
        Charts(**options)
