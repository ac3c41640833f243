"""Shape fixture: TabMWP, a dict by problem id with the pictures of its tables."""

import json
from pathlib import Path
from typing import Any

from drawn import png, put


def problem(asked: str, answer: str, **fields: Any) -> dict[str, Any]:
    """A problem about the table of spools."""
    return {
        "question": asked,
        "choices": None,
        "answer": answer,
        "unit": None,
        "table_title": "Spools of thread",
        "table": "Colour | Number\nred | 7\nblue | 1,200",
        "table_for_pd": {"Colour": ["red", "blue"], "Number": ["7", "1,200"]},
        "row_num": 3,
        "column_num": 2,
        "solution": "Find the numbers.",
        "ques_type": "free_text",
        "ans_type": "integer_number",
        "grade": 3,
        "split": "train",
    } | fields


PROBLEMS = {
    "1": problem("How many spools are there in all?", "1,207", solution="7 + 1,200 = 1,207."),
    "2": problem("What do 2 spools cost?", "3.50", unit="$", ans_type="decimal_number", split="test"),
    "3": problem(
        "Which has more?", "blue", choices=["red", "blue"], ques_type="multi_choice", ans_type="extractive_text"
    ),
    "4": problem("What is the price per kilogram?", "0.25", unit="/kilogram", ans_type="decimal_number"),
}


def write(folder: Path) -> Path:
    (folder / "problems_train.json").write_text(json.dumps(PROBLEMS))
    for pid in PROBLEMS:
        put(folder / "tables" / f"{pid}.png", png("Spools"))
    return folder
