"""Shapes: programs by hand, scenes in other words, claims."""

import io
import random

import pytest
from PIL import Image
from pydantic import ValidationError

from perceptdata.builders.synthetic.shapes import CELL, MARGIN, RGB, ShapeScenes
from perceptdata.builders.synthetic.shapes_text import Shape, Shapes

# A1 large red circle, C1 small blue square, B2 small red star, C3 large red square
SCENE: Shapes = (
    Shape(0, 0, "large", "red", "circle"),
    Shape(0, 2, "small", "blue", "square"),
    Shape(1, 1, "small", "red", "star"),
    Shape(2, 2, "large", "red", "square"),
)


@pytest.mark.parametrize(
    ("task", "answer"),
    [
        (("query_colour", "colour", "square", "right of", "small red star"), None),  # there are two
        (("query_colour", "colour", "square", "above", "small red star"), "blue"),
        (("query_shape", "shape", "red object", "above", "small red star"), "circle"),
        (("count", "red objects", "right of", "large red circle"), "2"),
        (("count", "squares", "above", "large red circle"), "0"),
        (("compare", "red objects", "blue objects"), "yes"),
        (("compare", "small objects", "large objects"), None),  # two of each
        (("same", "colour", "small red star"), "2"),
        (("same", "shape", "small blue square"), "1"),
        (("and", "right of", "large red circle", "below", "small blue square"), "2"),
        (("or", "blue objects", "squares"), "2"),
        (("exist_beside", "stars", "below", "small blue square"), "yes"),
        (("exist_beside", "blue objects", "below", "small red star"), "no"),
    ],
)
def test_programs(task: tuple, answer: str | None) -> None:
    family = ShapeScenes(task=task)
    if answer is None:
        with pytest.raises(Exception, match="does not decide"):
            family.solve(SCENE, random.Random(0))
        return
    solution = family.solve(SCENE, random.Random(0))
    assert solution.answer == answer
    assert solution.trace.endswith(f"So the answer is {answer}.")
    assert family.check(answer.upper(), SCENE) == 1.0
    assert family.check("7", SCENE) == 0.0


def test_a_trace_in_full() -> None:
    family = ShapeScenes(task=("count", "red objects", "right of", "large red circle"))
    assert family.ask(SCENE) == "How many red objects are right of the large red circle?"
    assert family.solve(SCENE, random.Random(0)).trace == (
        "the large red circle → {A1}\nright of A1 → {C1, B2, C3}\nred objects → {B2, C3}\ncount → 2\n"
        "So the answer is 2."
    )


@pytest.mark.parametrize(
    "text",
    [
        "large red circle at A1\nsmall blue square at C1\nsmall red star at B2\nlarge red square at C3",
        "A1: large red circle; C1: small blue square; B2: small red star; C3: large red square",
        '[{"size": "large", "color": "red", "shape": "circle", "cell": "A1"}, {"size": "small", "color": "blue", '
        '"shape": "square", "cell": "C1"}, {"size": "small", "color": "red", "shape": "star", "cell": "B2"}, '
        '{"size": "large", "color": "red", "shape": "square", "cell": "C3"}]',
        "There is a Small Red Star in cell B2, a large red circle at (A1), a large red square at C3, and a small blue "
        "square at C1.",
    ],
)
def test_scenes_in_other_words(text: str) -> None:
    assert ShapeScenes().parse(text) == SCENE


@pytest.mark.parametrize(
    "text", ["", "red circle", "large red circle at Z9", "large red circle at A1, small red star at A1"]
)
def test_what_is_no_scene(text: str) -> None:
    assert ShapeScenes().parse(text) is None


def test_partial_credit_is_by_objects() -> None:
    said = "large red circle at A1\nsmall blue square at C1\nsmall red star at B3"
    assert ShapeScenes().check_perception(said, SCENE) == 0.0
    assert ShapeScenes().check_perception(said, SCENE, dense=True) == pytest.approx(2 * 2 / 7)


@pytest.mark.parametrize(
    ("claim", "true"),
    [
        ("There is a large red circle at A1.", True),
        ("A small red circle is at A1.", False),
        ("C1: small blue square", True),
        ("There are three red objects.", True),
        ("There are two red objects and one blue square.", False),
        ("There are no green shapes.", True),
        ("The large red circle is left of the small red star.", True),
        ("The small red star is above the large red circle.", False),
        ("The red star is not above the large red circle.", True),
        ("The square is left of the star.", None),  # which square?
        ("A square is right of the red star.", True),
        ("Cell B1 is empty.", True),
        ("The picture looks cheerful.", None),
        ("There are 4 objects", True),
    ],
)
def test_claims(claim: str, true: bool | None) -> None:
    assert ShapeScenes().check_claim(claim, SCENE) is true


def test_every_line_of_the_facts_is_a_true_claim() -> None:
    family, rng = ShapeScenes(), random.Random(5)
    for _ in range(40):
        scene, other = family.generate(rng), family.generate(rng)
        assert all(family.check_claim(line, scene) is True for line in family.facts(scene).splitlines())
        false = set(other) - set(scene)
        assert all(family.check_claim(family.facts((each,)), scene) is False for each in false)


def test_colours_stand_where_the_facts_say() -> None:
    image = Image.open(io.BytesIO(ShapeScenes().draw(SCENE, random.Random(0)))).convert("RGB")
    for shape in SCENE:
        x, y = (MARGIN + at * CELL + CELL // 2 for at in (shape.column, shape.row))
        assert image.getpixel((x, y + 3)) == RGB[shape.colour]
    assert image.getpixel((MARGIN + CELL // 2, MARGIN + CELL + CELL // 2)) == (255, 255, 255)


@pytest.mark.parametrize(
    "options", [{"grid": 2}, {"objects": (2, 5)}, {"objects": (6, 13)}, {"grid": 3, "objects": (4, 9)}]
)
def test_impossible_options_are_refused(options: dict) -> None:
    with pytest.raises(ValidationError):
        ShapeScenes(**options)
