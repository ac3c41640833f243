"""Shape fixture: We-Math 2.0, two variants of a problem of MathBook-Pro and one with choices."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from drawn import png

ROWS = [
    {
        "question_id": "12",
        "question": "What is the area of the square?",
        "image": {"bytes": png("side 3"), "path": None},
        "difficulty": "seed",
        "knowledge points": ["area", "square"],
        "idx": 0,
        "answer": "9",
    },
    {
        "question_id": "12",
        "question": "What is the area of the shaded half?",
        "image": {"bytes": png("side 3 half"), "path": None},
        "difficulty": "1",
        "knowledge points": ["area", "square", "halves"],
        "idx": 1,
        "answer": "4.5",
    },
    {
        "question_id": "13",
        "question": "How many sides?\nA. 3\nB. 4\nC. 5",
        "image": {"bytes": png("pentagon"), "path": None},
        "difficulty": "seed",
        "knowledge points": ["polygons"],
        "idx": 2,
        "answer": "C",
    },
]


def write(folder: Path) -> Path:
    pq.write_table(pa.Table.from_pylist(ROWS), folder / "pro-00000-of-00001.parquet")
    return folder
