"""Shape fixture: ScienceQA's problems.json with splits and captions, and a Parquet file of the hub."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from drawn import png, put


def question(asked: str, choices: list[str], answer: int, **fields: Any) -> dict[str, Any]:
    """A problem with the fields that all have."""
    return {
        "question": asked,
        "choices": choices,
        "answer": answer,
        "hint": "",
        "image": None,
        "task": "closed choice",
        "grade": "grade4",
        "subject": "natural science",
        "topic": "physics",
        "category": "Magnets",
        "skill": "Identify",
        "lecture": "Magnets pull or push.",
        "solution": "Opposite poles pull.",
    } | fields


PROBLEMS = {
    "1": question(
        "Will they attract?", ["attract", "repel"], 0, image="image.png", split="train", hint="Two magnets lie near."
    ),
    "2": question("Which is a noun?", ["run", "tree", "soft"], 1, lecture="", split="val"),
    "3": question("What is shown?", ["a fox", "a hen"], 1, image="image.png", split="test", solution=""),
}
SPLITS = {"train": ["1"], "val": ["2"], "test": ["3"], "trainval": ["1", "2"], "minitest": ["3"]}
CAPTIONS = {"captions": {"1": "two magnets on a table", "3": "a brown hen"}}
HUB = [question("Which is red?", ["rose", "leaf"], 0, image={"bytes": png("rose"), "path": "image.png"})]


def write(folder: Path) -> Path:
    (folder / "problems.json").write_text(json.dumps(PROBLEMS))
    (folder / "pid_splits.json").write_text(json.dumps(SPLITS))
    (folder / "captions.json").write_text(json.dumps(CAPTIONS))
    put(folder / "images/train/1/image.png", png("N S"))
    put(folder / "images/test/3/image.png", png("hen"))
    pq.write_table(pa.Table.from_pylist(HUB), folder / "validation-00000-of-00001.parquet")
    return folder
