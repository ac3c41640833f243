"""Shape fixture: MATH-Vision's JSON lines, with choices that are letters alone and several marks for one picture."""

from pathlib import Path
from typing import Any

from drawn import jpeg, put, put_json

REJECTED = {"image.missing": 1, "answer.index": 1}


def record(number: int, question: str, options: list[str], answer: str, **change: Any) -> dict[str, Any]:
    return {
        "id": str(number),
        "question": question,
        "options": options,
        "image": f"images/{number}.jpg",
        "answer": answer,
        "solution": None,
        "level": 2,
        "subject": "counting",
    } | change


ROWS = [
    record(4, "How many digits are there?\n<image1>", [], "6"),
    record(63, "A bracelet.\n<image1>\nWhich shows the same?\n<image2>", list("ABCDE"), "E"),
    record(70, "How long is it?\n<image1>", ["2", "4", "$\\frac{1}{2}$"], "C", solution="Half of one: $\\frac{1}{2}$."),
    record(71, "And this?\n<image1>", ["2", "4"], "E"),
    record(72, "What is its name?\n<image1>", [], "7"),
]


def write(folder: Path) -> Path:
    root = folder / "mathvision"
    put_json(root / "testmini.jsonl", ROWS)
    for row in ROWS[:-1]:
        put(root / str(row["image"]), jpeg(str(row["id"])))
    return root
