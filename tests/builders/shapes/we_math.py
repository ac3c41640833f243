"""Shape fixture: We-Math's `testmini.json`, its irregular separators, and columns with underscores."""

from pathlib import Path
from typing import Any

from drawn import png, put, put_json, put_parquet, shown

REJECTED = {"answer.index": 1, "field.invalid": 1}


def record(number: int, key: str, option: str, answer: str) -> dict[str, Any]:
    return {
        "ID": f"2steps_{number}",
        "split": "testmini",
        "knowledge concept": "Area of a square",
        "question": "What is the area of the tile in the figure?",
        "option": option,
        "answer": answer,
        "image_path": f"pictures/{number}.png",
        "key": key,
        "question number": 5,
        "knowledge concept description": "The side times itself.",
    }


ROWS = [
    record(1, "2steps_1", "A. 12 cm²; B. 25 cm²; C. 20 cm²; D. No correct answer", "B"),
    record(2, "2steps_2", "A. 12 B．25; C. 20; D. none", "C"),
    record(3, "2steps_multi", "A. 1, 2; B. 2, 4", "A"),
    record(4, "2steps_1", "A. 12; B. 25", "E"),
    record(5, "2steps_1", "twelve or so", "A"),
]


def write(folder: Path) -> Path:
    root = folder / "we_math"
    put_json(root / "testmini.json", ROWS)
    for row in ROWS:
        put(root / str(row["image_path"]), png(str(row["ID"])))
    return root


def hub(folder: Path) -> Path:
    row = {name.replace(" ", "_"): value for name, value in ROWS[0].items()} | {"image_path": shown("1")}
    return put_parquet(folder / "hub/data/testmini-00000-of-00001.parquet", [row]).parent
