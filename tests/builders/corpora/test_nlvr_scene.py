import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from perceptdata.builders.corpora.nlvr_scene import (
    COLOURS,
    ORDERS,
    RGB,
    Thing,
    box_order,
    facts,
    parse_facts,
    read_boxes,
)
from perceptdata.errors import Rejected

_things = st.builds(
    Thing,
    st.integers(0, 99),
    st.integers(0, 99),
    st.sampled_from([10, 20, 30]),
    st.sampled_from(["black", "blue", "yellow"]),
    st.sampled_from(["circle", "square", "triangle"]),
)
_boxes = st.lists(_things, max_size=8).map(lambda things: tuple(sorted(things)))


@given(st.tuples(_boxes, _boxes, _boxes))
def test_facts_of_any_scene_read_back(boxes) -> None:
    assert parse_facts(facts(boxes)) == boxes


def test_facts_by_hand() -> None:
    boxes = (
        (Thing(9, 82, 10, "blue", "circle"),),
        (),
        (Thing(0, 0, 30, "black", "square"), Thing(1, 50, 20, "yellow", "triangle")),
    )
    assert facts(boxes) == (
        "Left box: 1 object\n- small blue circle at (9, 82)\nMiddle box: 0 objects\n"
        "Right box: 2 objects\n- large black square at (0, 0)\n- medium yellow triangle at (1, 50)"
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Left box: 0 objects\nMiddle box: 0 objects",
        "Left box: 1 object\nMiddle box: 0 objects\nRight box: 0 objects",
        "Left box: 0 objects\nMiddle box: 0 objects\nRight box: 0 objects\nand a cat",
        "- small blue circle at (9, 82)\nLeft box: 0 objects\nMiddle box: 0 objects\nRight box: 0 objects",
    ],
)
def test_what_states_no_scene(text: str) -> None:
    assert parse_facts(text) is None


@pytest.mark.parametrize(
    "structured",
    [
        [[], []],
        None,
        [[{"x_loc": 1}], [], []],
        [[{"x_loc": 1, "y_loc": 1, "size": 25, "color": "Black", "type": "circle"}], [], []],
    ],
)
def test_a_scene_that_is_none(structured) -> None:
    with pytest.raises(Rejected, match="structured_rep"):
        read_boxes(structured)


def test_orders_are_the_six_permutations() -> None:
    assert sorted(ORDERS) == sorted(set(ORDERS))
    assert all(sorted(order) == [0, 1, 2] for order in ORDERS)


@pytest.mark.parametrize("number", range(6))
def test_the_order_is_read_from_the_pixels(number: int) -> None:
    boxes = tuple((Thing(10 * i, 20, 20, colour, "square"),) for i, colour in enumerate(RGB))
    for order in ORDERS:
        picture = Image.new("RGB", (400, 100), (211, 211, 211))
        draw = ImageDraw.Draw(picture)
        for place, box in enumerate(order):
            for x, y, size, colour, _ in boxes[box]:
                draw.rectangle((150 * place + x, y, 150 * place + x + size - 1, y + size - 1), fill=RGB[colour])
        assert box_order(np.asarray(picture), boxes, number) == order  # whatever the name says
    assert box_order(np.zeros((100, 400, 3), np.uint8), boxes, number) is None
    assert box_order(np.asarray(picture)[:, :200], boxes, number) is None  # cut off


def test_the_real_pictures_prove_the_orders(shared: Path) -> None:
    """Every object's own colour at its own place, in all 90 pictures, by the order of the picture's number alone."""
    dev = shared / "corpora/nlvr/dev"
    seen: Counter[int] = Counter()
    others_fit: Counter[tuple[int, ...]] = Counter()
    for line in (dev / "dev.json").read_text().splitlines():
        record = json.loads(line)
        for number in range(6):
            file = dev / f"images/{record['directory']}/dev-{record['identifier']}-{number}.png"
            if not file.exists():
                continue
            seen[number] += 1
            picture = Image.open(file).convert("RGB")

            def found(order: tuple[int, ...], record=record, picture=picture) -> list[bool]:
                return [
                    picture.getpixel(
                        (150 * place + each["x_loc"] + each["size"] // 2, each["y_loc"] + each["size"] // 2)
                    )
                    == RGB[COLOURS[each["color"]]]
                    for place, box in enumerate(order)
                    for each in record["structured_rep"][box]
                ]

            assert all(found(ORDERS[number]))
            assert box_order(np.asarray(picture), read_boxes(record["structured_rep"]), number) == ORDERS[number]
            others_fit.update(order for order in ORDERS if order != ORDERS[number] and all(found(order)))
    assert seen == {0: 45, 1: 45}
    assert max(others_fit.values()) <= 6  # another order fits only where two boxes look alike


def test_real_facts_are_the_structured_representation(shared: Path) -> None:
    for line in (shared / "corpora/nlvr/dev/dev.json").read_text().splitlines():
        structured = json.loads(line)["structured_rep"]
        back = parse_facts(facts(read_boxes(structured)))
        assert back is not None
        words = {word: name for name, word in COLOURS.items()}
        for box, original in zip(back, structured, strict=True):
            again = [
                {
                    "x_loc": thing.x,
                    "y_loc": thing.y,
                    "size": thing.size,
                    "color": words[thing.colour],
                    "type": thing.shape,
                }
                for thing in box
            ]
            assert sorted(map(str, map(sorted, (each.items() for each in again)))) == sorted(
                map(str, map(sorted, (each.items() for each in original)))
            )
