"""Shape fixture: Math-PUMA, rows of one picture and rows of two that are one problem."""

import json
from pathlib import Path

from drawn import png, put

ROWS = [
    {
        "image_url": "Synthesis/images/1.png",
        "instruction": "In triangle ABC, AB = 3 and BC = 4. Find AC.",
        "output": "By Pythagoras AC = 5, since 9 + 16 = 25.\nAnswer: 5",
    },
    {
        "image_url": "Synthesis/images/2.png",
        "instruction": "AB = 3, BC = 4. Find AC.",
        "output": "AC is 5. Therefore, the answer is 5.",
        "image_url_2": "Synthesis/images/2_2.png",
        "instruction_2": "Find AC.",
        "output_2": "In the figure AB = 3 and BC = 4, so AC is 5. Therefore, the answer is 5.",
    },
    {"image_url": "", "instruction": "What is 2 + 3?", "output": "5"},
]


def write(folder: Path) -> Path:
    (folder / "stage2.json").write_text(json.dumps(ROWS))
    for name in ("1", "2", "2_2"):
        put(folder / "Synthesis" / "images" / f"{name}.png", png(name))
    return folder
