"""Plane geometry: proofs against the drawn coordinates, facts in other words, claims."""

import cmath
import math
import random
from collections import Counter

import pytest
from pydantic import ValidationError

from perceptdata.builders.synthetic.geometry_figures import SHAPES, Figure
from perceptdata.builders.synthetic.geometry_picture import draw, layout
from perceptdata.builders.synthetic.geometry_proof import known, proof, trace
from perceptdata.builders.synthetic.plane_geometry import PlaneGeometry

CEVIAN = Figure("cevian", "ABCD", ("right ADC",), (("BC", 20), ("CA", 15), ("CD", 12)), True)


@pytest.mark.parametrize("kind", SHAPES)
def test_what_is_proved_can_be_measured(kind: str) -> None:
    """The oracle: all that follows from the labels is true of the coordinates that a figure to scale is drawn with."""
    family, rng, checked = PlaneGeometry(figures=(kind,), not_to_scale=0), random.Random(0), 0
    for _ in range(40):
        figure = family.generate(rng)
        placed = layout(figure)
        assert placed is not None
        points = placed.points
        units = []
        for quantity, step in known(figure).items():
            if len(quantity) == 3:
                one, vertex, other = (points[name] for name in quantity)
                measured = abs(math.degrees(cmath.phase((one - vertex) / (other - vertex))))
                assert measured == pytest.approx(float(step.value), abs=0.01), (figure, quantity)
                checked += 1
            elif len(quantity) == 2:
                units.append(abs(points[quantity[0]] - points[quantity[1]]) / float(step.value))
        proved = kind in ("triangle", "circle", "cevian")  # one scale; of similar triangles only ratios are known
        if proved and units:
            assert max(units) == pytest.approx(min(units), rel=1e-6), figure
            checked += len(units)
    assert checked > 50


def test_a_proof_in_full() -> None:
    """15² = 12² + 9² and 20² = 12² + 16², so AB = 25 and the area is 25 · 12 / 2."""
    found = known(CEVIAN)
    steps = proof(found, "area ABC")
    assert {step.quantity: step.value for step in steps} == {"AD": 9, "CDB": 90, "DB": 16, "AB": 25, "area ABC": 150}
    assert trace(CEVIAN, proof(found, "AD")) == "Pythagoras in triangle ADC (CD = 12, CA = 15, ∠ADC = 90°) → AD = 9"
    assert found["AB"].value == 25
    assert found["area ABC"].value == 150


@pytest.mark.parametrize(
    ("figure", "quantity", "value"),
    [
        (Figure("triangle", "ABC", ("equal BC CA",), (("BCA", 40),), True), "CAB", 70),
        (Figure("parallel", "ABCDE", ("parallel DE AB",), (("AB", 12), ("CA", 8), ("CD", 6)), True), "DE", 9),
        (Figure("cross", "ABCDO", ("parallel AC BD",), (("CAO", 50), ("AOC", 60)), True), "BDO", 70),
        (Figure("circle", "ABCO", (), (("CAO", 35),), True), "COB", 70),  # the central angle is twice the other
        (Figure("circle", "ABCO", (), (("AB", 10), ("CA", 6)), True), "BC", 8),
    ],
)
def test_theorems(figure: Figure, quantity: str, value: int) -> None:
    shape = SHAPES[figure.kind]
    labels = tuple((shape.angle(name) or name if len(name) == 3 else name, own) for name, own in figure.labels)
    name = shape.angle(quantity) if len(quantity) == 3 else quantity
    assert known(figure._replace(labels=labels))[str(name)].value == value


def test_steps_are_in_range() -> None:
    family, rng = PlaneGeometry(steps=(3, 4)), random.Random(0)
    for row in range(12):
        asked = None
        while asked is None:
            scene = family.generate(rng)
            asked = family.dealt(scene, row, rng)
        assert 3 <= asked.solve(scene, rng).trace.count("→") <= 4


def test_all_constructions_come_and_some_are_not_to_scale() -> None:
    family, rng = PlaneGeometry(), random.Random(0)
    scenes = [family.generate(rng) for _ in range(150)]
    assert set(Counter(scene.kind for scene in scenes)) == set(SHAPES)
    assert 0.12 < sum(not scene.exact for scene in scenes) / 150 < 0.4
    for scene in scenes:
        assert ("not to scale" in family.facts(scene)) != scene.exact


def test_texts_and_points_keep_apart() -> None:
    family, rng = PlaneGeometry(redundant=1), random.Random(1)
    for _ in range(60):
        placed = layout(family.generate(rng))
        assert placed is not None
        places = [place for _, place in placed.texts]
        for at, (x, y) in enumerate(places):
            assert all(abs(x - a) + abs(y - b) > 8 for a, b in places[:at])


@pytest.mark.parametrize(
    "text",
    [
        "triangle ABC, D on AB, segment CD\nright angle ADC\nBC = 20\nCA = 15\nCD = 12",
        "The figure shows triangle ABC. D lies on AB. The segment CD is drawn. ∠ADC is a right angle. "
        "AC = 15, BC = 20 and CD = 12.",
        "Triangle BCA with D on side BA, segment CD. Right angle at CDB. $CD = 12$, $BC = 20$, $AC = 15$.",
    ],
)
def test_figures_in_other_words(text: str) -> None:
    assert PlaneGeometry().parse(text) == CEVIAN


@pytest.mark.parametrize(
    "text", ["", "triangle AAB", "a nice triangle", "triangle ABC\nangle ABD = 40°", "AB = 3", "x" * 9999]
)
def test_what_is_no_figure(text: str) -> None:
    assert PlaneGeometry().parse(text) is None


@pytest.mark.parametrize(
    ("claim", "true"),
    [
        ("CD = 12.", True),
        ("CD = 13.", False),
        ("AC is labelled 15", True),
        ("Angle ADC is a right angle.", True),
        ("Angle CAB is a right angle.", None),  # not marked
        ("D lies on AB.", True),
        ("D lies on BC.", False),
        ("There is a triangle ADC.", True),
        ("There is a triangle ABD.", False),
        ("Segments CD and AB are red.", None),
        ("AB = 25", None),  # true, but nothing in the figure says so
        ("The figure is not to scale.", False),
        ("AX = 12", False),
    ],
)
def test_claims(claim: str, true: bool | None) -> None:
    assert PlaneGeometry().check_claim(claim, CEVIAN) is true


def test_every_line_of_the_facts_is_a_true_claim() -> None:
    family, rng = PlaneGeometry(), random.Random(5)
    for _ in range(60):
        scene = family.generate(rng)
        for line in family.facts(scene).splitlines():
            assert family.check_claim(line, scene) is True, line


@pytest.mark.parametrize("options", [{"steps": (0, 2)}, {"figures": ("kite",)}, {"redundant": 5}, {"not_to_scale": 2}])
def test_impossible_options_are_refused(options: dict) -> None:
    with pytest.raises(ValidationError):
        PlaneGeometry(**options)


def test_a_figure_that_contradicts_itself_is_drawn_all_the_same() -> None:
    """A model may describe a triangle of 170°, 5° and 90°, and the render surrogate draws what it describes."""
    family = PlaneGeometry()
    flat = family.parse("triangle ABC\nangle CAB = 170°\nangle ABC = 5°\nangle BCA = 90°\nAB = 1\nBC = 50\nCA = 2")
    assert flat is not None
    assert layout(flat) is None
    assert draw(flat).png() == draw(flat).png()
