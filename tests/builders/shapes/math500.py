"""Shape fixture: MATH-500."""

import json
from pathlib import Path

ROWS = [
    {
        "problem": "Convert the point to polar coordinates.",
        "solution": "We find $r = 3$, so it is $\\boxed{\\left( 3, \\frac{\\pi}{2} \\right)}$.",
        "answer": "\\left( 3, \\frac{\\pi}{2} \\right)",
        "subject": "Precalculus",
        "level": 2,
        "unique_id": "test/precalculus/807.json",
    },
    {
        "problem": "How many divisors has 9?",
        "solution": "1, 3, 9: $\\boxed{3}$.",
        "answer": "3",
        "subject": "Number Theory",
        "level": 1,
        "unique_id": "test/number_theory/572.json",
    },
]


def write(folder: Path) -> Path:
    (folder / "test.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return folder
