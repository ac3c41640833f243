"""Shape fixture: GeoQA as R1-V wrote it, and GeoQA+ in EasyR1's shape."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from drawn import png

R1V = [
    {
        "image": {"bytes": png("38"), "path": None},
        "problem": "AB ∥ CD and ∠1 = 38°. Then ∠2 = ()",
        "solution": "<answer> 142° </answer>",
    },
    {
        "image": {"bytes": png("38"), "path": None},
        "problem": "Find the radius.",
        "solution": "<answer> 5\\sqrt{3}cm </answer>",
    },
]
PLUS = [
    {"images": [{"bytes": png("45"), "path": None}], "problem": "<image>What is ∠ABC?\nA. 45°\nB. 55°", "answer": "A"},
]


def write(folder: Path) -> Path:
    (folder / "plus").mkdir()
    pq.write_table(pa.Table.from_pylist(R1V), folder / "train-00000-of-00001.parquet")
    pq.write_table(pa.Table.from_pylist(PLUS), folder / "plus" / "test-00000-of-00001.parquet")
    return folder
