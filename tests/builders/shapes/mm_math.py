"""Shape fixture: MM-Math, MM_Math.jsonl with Image.zip."""

import json
import zipfile
from pathlib import Path

from drawn import png

ROWS = [
    {
        "question": "As shown in the figure, AB = 6 and BC = 8. Find AC.",
        "file_name": "1.png",
        "solution": "By Pythagoras, AC = \\sqrt{36+64}.\nSo AC = \\boxed{10}.",
        "year": "eight",
        "difficult": "easy",
        "knowledge": "Pythagorean theorem",
    },
    {
        "question": "As shown, what is ∠1?",
        "file_name": "2.png",
        "solution": "First \\boxed{50} by the sum, no: ∠1 = \\boxed{\\frac{180-{80}}{2}^{\\circ}}",
        "year": "seven",
        "difficult": "medium",
        "knowledge": "Angles",
    },
]


def write(folder: Path) -> Path:
    (folder / "MM_Math.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    with zipfile.ZipFile(folder / "Image.zip", "w") as archive:
        for row in ROWS:
            archive.writestr(f"Image/{row['file_name']}", png(row["file_name"]))
    return folder
