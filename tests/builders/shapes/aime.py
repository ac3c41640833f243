"""Shape fixture: AIME in three spellings of its columns; one answer with more in it than a number, one out of range."""

import json
from pathlib import Path

REJECTED = {"field.invalid": 1}
ROWS = [
    {"id": 60, "problem": "Find n.", "solution": "It is \\boxed{033}.", "answer": "033", "year": "2024", "url": "…/1"},
    {"ID": "2024-II-4", "Problem": "Find m.", "Solution": "…", "Answer": 204},
    {"id": "2025-I-6", "question": "Find the angle.", "answer": "336^\\circ"},
    {"id": "broken", "question": "Find the sum.", "answer": "1000"},
]


def write(folder: Path) -> Path:
    (folder / "aime.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return folder
