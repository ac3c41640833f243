"""Shape fixture: MathVista's `testmini.json` (a dict by pid), and a row of the hub."""

from pathlib import Path
from typing import Any

from drawn import jpeg, put, put_json, put_parquet, shown

REJECTED = {"answer.missing": 1, "answer.index": 1}


def record(pid: int, **change: Any) -> dict[str, Any]:
    return {
        "question": "Which number belongs in the empty cell?",
        "image": f"images/{pid}.jpg",
        "choices": None,
        "unit": None,
        "precision": None,
        "answer": "2",
        "question_type": "free_form",
        "answer_type": "integer",
        "pid": str(pid),
        "metadata": {
            "split": "testmini",
            "category": "math-targeted-vqa",
            "context": "puzzle test",
            "grade": "elementary school",
            "img_height": 48,
            "img_width": 64,
            "language": "english",
            "skills": ["logical reasoning"],
            "source": "IQTest",
            "task": "figure question answering",
        },
    } | change


RECORDS = [
    record(1),
    record(2, question_type="multi_choice", answer_type="text", choices=["Yes", "No"], answer="No"),
    record(3, answer_type="float", precision=1.0, answer="1.2", unit="m"),
    record(4, answer_type="list", answer="[0, 1]"),
    record(5, answer=""),
    record(6, question_type="multi_choice", answer_type="text", choices=["Yes", "No"], answer="Maybe"),
    record(7, question_type="multi_choice", answer_type="integer", choices=["12", "2", "1"], answer="1", unit="$"),
]


def write(folder: Path) -> Path:
    root = folder / "mathvista"
    put_json(root / "testmini.json", {row["pid"]: row for row in RECORDS})
    for row in RECORDS:
        put(root / row["image"], jpeg(row["pid"]))
    return root


def hub(folder: Path) -> Path:
    row = record(1) | {"decoded_image": shown("1"), "query": "Hint: …\nQuestion: …"}
    return put_parquet(folder / "hub/data/testmini-00000-of-00001.parquet", [row]).parent
