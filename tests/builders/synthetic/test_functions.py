"""Plots: values, slopes and zeros by hand, other words, claims, curves through their marks."""

import io
import random
from fractions import Fraction

import pytest
from PIL import Image
from pydantic import ValidationError

from perceptdata.builders.synthetic.functions import Functions
from perceptdata.builders.synthetic.functions_plot import Curve, Plot, all_curves
from perceptdata.errors import UsageError

# f(x) = 2x - 2 and g(x) = x² / 4 - 4, in units of 2
PLOT = Plot(2, (Curve("line", (-1, -3), (3, 5)), Curve("parabola", (0, -2), (2, 0))))
BENT = Plot(1, (Curve("v", (1, -2), (3, 2)),))  # 2 |x - 1| - 2


@pytest.mark.parametrize(
    ("plot", "task", "answer"),
    [
        (PLOT, ("slope", "f"), "2"),
        (PLOT, ("slope", "g"), None),
        (PLOT, ("root", "f", "the"), "1"),
        (PLOT, ("root", "g", "the smaller"), "-4"),
        (PLOT, ("root", "g", "the larger"), "4"),
        (PLOT, ("root", "g", "the"), None),  # there are two
        (PLOT, ("sum", "f", 2, "g", 2), "-1"),  # 2 - 3
        (PLOT, ("sum", "f", 2, "f", 2), None),
        (PLOT, ("sum", "f", 3, "g", 2), None),  # between the grid lines
        (BENT, ("root", "f", "the smaller"), "0"),
        (BENT, ("root", "f", "the larger"), "2"),
        (BENT, ("sum", "f", -1, "f", 4), "6"),
        (BENT, ("slope", "g"), None),
    ],
)
def test_results(plot: Plot, task: tuple, answer: str | None) -> None:
    family = Functions(task=task)
    if answer is None:
        with pytest.raises(UsageError, match="does not decide"):
            family.solve(plot, random.Random(0))
        return
    assert family.solve(plot, random.Random(0)).answer == answer
    assert family.check(answer, plot) == 1.0


def test_a_trace_in_full() -> None:
    trace = Functions(task=("sum", "f", 2, "g", 2)).solve(PLOT, random.Random(0)).trace
    assert trace == (
        "f rises by 16 from x = -2 to x = 6: slope 2, so f(x) = -6 + (2) · (x − (-2)).\n"
        "from the vertex (0, -4) to (4, 0) the factor is 0.25, so g(x) = -4 + (0.25) · (x − (0))².\n"
        "f(2) = 2, g(2) = -3.\n2 + (-3) = -1."
    )


@pytest.mark.parametrize("kind", ["line", "parabola", "v"])
def test_curves_pass_through_their_marks(kind: str) -> None:
    found = all_curves(kind)
    assert len(set(found)) == len(found) > 300
    for curve in found:
        assert curve.at(curve.one[0]) == curve.one[1]
        assert curve.at(curve.two[0]) == curve.two[1]
        for root in curve.roots() or []:
            assert curve.at(root) == 0


def test_no_zero_and_no_fraction() -> None:
    assert Curve("parabola", (0, 1), (2, 5)).roots() == []
    assert Curve("parabola", (0, -2), (2, 2)).roots() is None  # ± √2
    assert Curve("line", (0, 1), (2, 1)).roots() is None
    assert Curve("line", (0, 1), (2, 2)).roots() == [Fraction(-2)]


@pytest.mark.parametrize(
    "text",
    [
        "axes from -12 to 12\nf: line through (-2, -6) and (6, 10)\ng: parabola with vertex (0, -4) through (4, 0)",
        "The axes run from −12 to 12. f is a straight line through (6, 10) and (-2, -6). "
        "g is a parabola with its vertex at (0, -4) that goes through (4, 0).",
    ],
)
def test_other_words(text: str) -> None:
    assert Functions().parse(text) == PLOT


@pytest.mark.parametrize(
    "text",
    [
        "",
        "f: line through (0, 0) and (1, 1)",  # on which axes?
        "axes from -12 to 12",
        "axes from -7 to 7\nf: line through (0, 0) and (1, 1)",
        "axes from -12 to 12\nf: line through (1, 0) and (2, 2)",  # off the grid
        "axes from -6 to 6\ng: line through (0, 0) and (1, 1)",  # g without f
        "axes from -6 to 6\nf: line through (0, 0) and (0, 1)",
    ],
)
def test_what_is_no_plot(text: str) -> None:
    assert Functions().parse(text) is None


@pytest.mark.parametrize(
    ("claim", "true"),
    [
        ("f is a line.", True),
        ("g is a straight line.", False),
        ("f passes through (2, 2).", True),
        ("f passes through (2, 4).", False),
        ("g(2) = -3", True),
        ("g(2) is positive.", False),
        ("g has its vertex at (0, -4).", True),
        ("There are two curves.", True),
        ("The axes run from -12 to 12.", True),
        ("The axes run from -6 to 6.", False),
        ("f grows quickly.", None),
    ],
)
def test_claims(claim: str, true: bool | None) -> None:
    assert Functions().check_claim(claim, PLOT) is true


def test_every_line_of_the_facts_is_a_true_claim() -> None:
    family, rng = Functions(), random.Random(5)
    for _ in range(60):
        scene = family.generate(rng)
        for line in family.facts(scene).splitlines():
            assert family.check_claim(line, scene) is True, line


def test_marks_are_dots_on_the_grid() -> None:
    grey = Image.open(io.BytesIO(Functions().draw(PLOT, random.Random(0)))).convert("L")
    for curve in PLOT.curves:
        for x, y in (curve.one, curve.two):
            assert grey.getpixel((18 + (6 + x) * 24 + 2, 18 + (6 - y) * 24 + 2)) < 60


@pytest.mark.parametrize("options", [{"curves": ()}, {"count": (1, 3)}, {"scales": (0,)}, {"curves": ("circle",)}])
def test_impossible_options_are_refused(options: dict) -> None:
    with pytest.raises(ValidationError):
        Functions(**options)
