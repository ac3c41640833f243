"""Shape fixture: CLEVR_v1.0 with two hand-made scenes of val, their questions, and a test split without answers."""

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

from drawn import png, put

REJECTED = {"answer.missing": 1}  # a test question: its answer is withheld

DIRECTIONS = {"left": (-1.0, 0.0), "right": (1.0, 0.0), "front": (0.0, -1.0), "behind": (0.0, 1.0)}
MARGIN = 0.2  # as the generator's: nearer ones are neither left nor right

SCENES: list[list[tuple[str, str, str, str, float, float]]] = [
    [
        ("large", "brown", "rubber", "cylinder", -1.0, -1.0),
        ("small", "gray", "metal", "cube", 2.0, -2.0),
        ("small", "green", "rubber", "cylinder", -2.0, 0.5),
        ("large", "purple", "metal", "sphere", 0.0, 2.0),
        ("large", "gray", "rubber", "cube", 2.1, 1.0),  # level with the small cube
    ],
    [
        ("small", "red", "metal", "sphere", -1.5, 0.0),
        ("small", "blue", "metal", "sphere", 1.5, 0.1),
        ("large", "red", "rubber", "cube", 0.0, -1.0),
    ],
]


def scene(number: int, split: str = "val") -> dict[str, Any]:
    """A record of a scenes file; the relations follow from the coordinates as in the generator."""
    things = SCENES[number]
    related = {
        name: [
            [
                other
                for other, (*_, x, y) in enumerate(things)
                if other != at and (x - things[at][4]) * dx + (y - things[at][5]) * dy > MARGIN
            ]
            for at in range(len(things))
        ]
        for name, (dx, dy) in DIRECTIONS.items()
    }
    return {
        "split": split,
        "image_index": number,
        "image_filename": f"CLEVR_{split}_{number:06d}.png",
        "objects": [
            {
                "size": size,
                "color": color,
                "material": material,
                "shape": shape,
                "3d_coords": [x, y, 0.35],
                "rotation": 12.5,
                "pixel_coords": [round(240 + 80 * x), round(160 - 40 * y), 10.5],
            }
            for size, color, material, shape, x, y in things
        ],
        "relationships": related,
        "directions": {name: [dx, dy, 0.0] for name, (dx, dy) in DIRECTIONS.items()},
    }


def step(function: str, inputs: list[int], *values: str, other: bool = False) -> dict[str, Any]:
    """A step of a program in one of the two spellings."""
    names = ("type", "side_inputs") if other else ("function", "value_inputs")
    return {"inputs": inputs, names[0]: function, names[1]: list(values)}


PROGRAMS: list[tuple[int, str, str, list[dict[str, Any]]]] = [
    (
        0,
        "How many gray cubes are there?",
        "2",
        [step("scene", []), step("filter_color", [0], "gray"), step("filter_shape", [1], "cube"), step("count", [2])],
    ),
    (
        0,
        "What color is the shiny sphere behind the brown thing?",
        "purple",
        [
            step("scene", [], other=True),
            step("filter_color", [0], "brown", other=True),
            step("unique", [1], other=True),
            step("relate", [2], "behind", other=True),
            step("filter_material", [3], "metal", other=True),
            step("filter_shape", [4], "sphere", other=True),
            step("unique", [5], other=True),
            step("query_color", [6], other=True),
        ],
    ),
    (
        1,
        "Are there more red things than large metal things?",
        "yes",
        [
            step("scene", []),
            step("filter_color", [0], "red"),
            step("count", [1]),
            step("scene", []),
            step("filter_size", [3], "large"),
            step("filter_material", [4], "metal"),
            step("count", [5]),
            step("greater_than", [2, 6]),
        ],
    ),
]


def question(number: int, split: str = "val") -> dict[str, Any]:
    """A record of a questions file."""
    image, text, answer, program = deepcopy(PROGRAMS[number])
    return {
        "image_index": image,
        "image_filename": f"CLEVR_{split}_{image:06d}.png",
        "split": split,
        "question_index": 100 + number,
        "question_family_index": 7 * number,
        "question": text,
        "answer": answer,
        "program": program,
    }


def wrap(name: str, records: list[Any], split: str = "val") -> str:
    """A file as CLEVR wraps its records."""
    return json.dumps({"info": {"split": split, "license": "CC BY 4.0", "version": "1.0"}, name: records})


def write(folder: Path) -> Path:
    root = folder / "CLEVR_v1.0"
    put(root / "scenes/CLEVR_val_scenes.json", wrap("scenes", [scene(0), scene(1)]).encode())
    put(root / "questions/CLEVR_val_questions.json", wrap("questions", [question(n) for n in range(3)]).encode())
    withheld = {name: question(0, "test")[name] for name in ("image_index", "image_filename", "split", "question")}
    put(root / "questions/CLEVR_test_questions.json", wrap("questions", [withheld], "test").encode())
    for number in range(2):
        put(root / f"images/val/CLEVR_val_{number:06d}.png", png(f"scene {number}", 480, 320))
    return root
