"""Shape fixture: Perception-R1, EasyR1's shape with the visual annotations as a list and as text."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from drawn import png

ROWS = [
    {
        "images": [{"bytes": png("AB 5"), "path": None}],
        "problem": "<image>Find x.",
        "answer": "12",
        "visual_key_info": '["AB is labelled 5", "angle B is a right angle"]',
    },
    {
        "images": [{"bytes": png("AB 6"), "path": None}],
        "problem": "<image>Find y.",
        "answer": "6\\sqrt{2}",
        "visual_key_info": "- AB is labelled 6\n- AB and BC are equal",
    },
]


def write(folder: Path) -> Path:
    pq.write_table(pa.Table.from_pylist(ROWS), folder / "train-00000-of-00001.parquet")
    return folder
