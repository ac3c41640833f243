"""Shape fixture: ArxivQA, with options in the spellings that occur."""

import json
from pathlib import Path

from drawn import png, put

ROWS = [
    {
        "id": "cond-mat-1",
        "image": "images/0805.1_1.jpg",
        "options": ["A) It rises", "B) It falls", "C) It stays", "D) Nothing is shown"],
        "question": "What happens to the curve?",
        "label": "B",
        "rationale": "The curve goes down from left to right.",
    },
    {
        "id": "math-2",
        "image": "images/0805.1_1.jpg",
        "options": ["blue", "red", "green"],
        "question": "Which colour is the curve?",
        "label": "[C]",
        "rationale": "It is green.",
    },
]


def write(folder: Path) -> Path:
    (folder / "arxivqa.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    put(folder / "images" / "0805.1_1.jpg", png("curve"))
    return folder
