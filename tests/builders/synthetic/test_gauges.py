"""Instruments: readings and results by hand, other words, claims, hands where they belong."""

import io
import random

import pytest
from PIL import Image
from pydantic import ValidationError

from perceptdata.builders.synthetic.gauges import Gauges
from perceptdata.builders.synthetic.gauges_text import Panel
from perceptdata.errors import UsageError

CLOCKS = Panel("clock", 0, 0, ((275,), (665,), (0,)))  # 4:35, 11:05, 12:00
DIALS = Panel("gauge", -50, 50, ((10,), (15,), (20,)))  # 0, 25, 50
BARS = Panel("ruler", 0, 0, ((3, 12), (0, 4)))  # 1.5 to 6, 0 to 2


@pytest.mark.parametrize(
    ("panel", "task", "answer"),
    [
        (CLOCKS, ("add", "A", 35), "5:10"),
        (CLOCKS, ("add", "B", 95), "12:40"),
        (CLOCKS, ("since", "A", "B"), "390"),
        (CLOCKS, ("since", "B", "A"), "330"),
        (CLOCKS, ("since", "A", "D"), None),
        (DIALS, ("difference", "A", "B"), "25"),
        (DIALS, ("rest", "B"), "25"),
        (DIALS, ("rest", "C"), None),  # nothing is missing
        (DIALS, ("length", "A"), None),
        (BARS, ("length", "A"), "4.5"),
        (BARS, ("longer", "A", "B"), "2.5"),
    ],
)
def test_results(panel: Panel, task: tuple, answer: str | None) -> None:
    family = Gauges(task=task)
    if answer is None:
        with pytest.raises(UsageError, match="does not decide"):
            family.solve(panel, random.Random(0))
        return
    assert family.solve(panel, random.Random(0)).answer == answer
    assert family.check(answer, panel) == 1.0


def test_times_in_other_hands() -> None:
    family = Gauges(task=("add", "A", 35))
    assert family.check("5:10 pm", CLOCKS) == family.check("05:10", CLOCKS) == family.check("17:10", CLOCKS) == 1.0
    assert family.check("5:11", CLOCKS) == family.check("ten past five", CLOCKS) == 0.0


def test_facts_in_full() -> None:
    assert Gauges().facts(CLOCKS) == "clock A: 4:35\nclock B: 11:05\nclock C: 12:00"
    assert Gauges().facts(DIALS) == "gauges with a scale from -50 to 50\ngauge A: 0\ngauge B: 25\ngauge C: 50"
    assert Gauges().facts(BARS) == "ruler of 10 cm\nbar A: from 1.5 to 6\nbar B: from 0 to 2"


@pytest.mark.parametrize(
    ("text", "panel"),
    [
        ("Clock B shows 11:05, clock A shows 04:35 and clock C shows 12:00.", CLOCKS),
        ("The scale runs from -50 to 50. Gauge A reads 0. Gauge B reads 25.0. Gauge C reads 50.", DIALS),
        ("Bar A goes from 1.5 cm to 6 cm and bar B from 0 to 2 cm.", BARS),
    ],
)
def test_other_words(text: str, panel: Panel) -> None:
    assert Gauges().parse(text) == panel


@pytest.mark.parametrize(
    "text",
    [
        "",
        "clock B: 11:05",  # and A?
        "clock A: 4:75",
        "clock A: 4:35, clock A: 5:00",
        "gauge A: 3",  # of which scale?
        "scale from 0 to 10; gauge A: 3.3",
        "scale from 10 to 0; gauge A: 3",
        "bar A: from 6 to 2",
        "bar A: from 1 to 12",
    ],
)
def test_what_is_no_panel(text: str) -> None:
    assert Gauges().parse(text) is None


@pytest.mark.parametrize(
    ("panel", "claim", "true"),
    [
        (CLOCKS, "Clock A shows 4:35.", True),
        (CLOCKS, "Clock A shows 4:40.", False),
        (CLOCKS, "There are three clocks.", True),
        (CLOCKS, "Clock A is broken.", None),
        (DIALS, "Gauge B reads 25.", True),
        (DIALS, "Gauge C reads more than gauge B.", True),
        (DIALS, "Gauge A is lower than gauge B.", True),
        (DIALS, "The scale runs from -50 to 50.", True),
        (DIALS, "Clock A shows 4:35.", False),
        (BARS, "Bar A is 4.5 cm long.", True),
        (BARS, "Bar A reaches from 1.5 to 6.5 cm.", False),
        (BARS, "Bar B is longer than bar A.", False),
    ],
)
def test_claims(panel: Panel, claim: str, true: bool | None) -> None:
    assert Gauges().check_claim(claim, panel) is true


def test_every_line_of_the_facts_is_a_true_claim() -> None:
    family, rng = Gauges(minutes=True), random.Random(5)
    for _ in range(60):
        scene = family.generate(rng)
        for line in family.facts(scene).splitlines():
            assert family.check_claim(line, scene) is True, line


def test_needles_point_where_they_should() -> None:
    """A gauge's lowest value points down and left, its middle straight up."""
    panel = Panel("gauge", 0, 10, ((0,), (10,)))
    grey = Image.open(io.BytesIO(Gauges().draw(panel, random.Random(0)))).convert("L")
    low, middle = (78, 84), (234, 84)
    assert grey.getpixel((low[0] - 22, low[1] + 22)) < 120
    assert grey.getpixel((low[0], low[1] - 30)) == 255
    assert grey.getpixel((middle[0], middle[1] - 30)) < 120


@pytest.mark.parametrize("options", [{"instruments": ()}, {"count": 5}, {"instruments": ("scale",)}])
def test_impossible_options_are_refused(options: dict) -> None:
    with pytest.raises(ValidationError):
        Gauges(**options)
