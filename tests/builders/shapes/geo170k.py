"""Shape fixture: Geo170K, its two files of conversations with images.zip."""

import json
import zipfile
from pathlib import Path

from drawn import png

WRAPPED = (
    "<image>\nFirst perform reasoning, then finally select the question from the choices in the following format: "
    "Answer: xxx.\nQuestion:AB = AC and angle A = 40°; then angle B is ()\nChoices:\nA:60°\nB:70°\nC:80°\nD:100°"
)
SOLUTION = "AB = AC, so angles B and C are equal: (180° - 40°) / 2 = 70°.\nAnswer:B"
TUNING = [
    {
        "image": "images/7.png",
        "conversations": [{"from": "human", "value": WRAPPED}, {"from": "gpt", "value": SOLUTION}],
    },
    {
        "image": "images/8.png",
        "conversations": [
            {"from": "human", "value": "<image>\nHow long is AB?"},
            {"from": "gpt", "value": "OA = 3 and OB = 4, so AB = 5.\nAnswer: 5"},
        ],
    },
]
ALIGNMENT = [
    {
        "image": "images/7.png",
        "conversations": [
            {"from": "human", "value": "Render a clear and concise summary of the photo.\n<image>"},
            {"from": "gpt", "value": "Triangle ABC is isosceles, and its angle A is marked 40°."},
        ],
    }
]


def write(folder: Path) -> Path:
    (folder / "qa_tuning.json").write_text(json.dumps(TUNING))
    (folder / "alignment.json").write_text(json.dumps(ALIGNMENT))
    with zipfile.ZipFile(folder / "images.zip", "w") as archive:
        archive.writestr("images/7.png", png("40"))
        archive.writestr("images/8.png", png("3 4"))
    return folder
