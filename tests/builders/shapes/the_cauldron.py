"""Shape fixture: The Cauldron, a row of two exchanges about one picture."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from drawn import png

ROWS = [
    {
        "images": [{"bytes": png("table"), "path": None}],
        "texts": [
            {"user": "What is the capital?", "assistant": "Oslo", "source": "ai2d"},
            {
                "user": "Question: Which part is X?\nChoices:\nA. leaf\nB. root",
                "assistant": "Answer: B",
                "source": "ai2d",
            },
        ],
    }
]


def write(folder: Path) -> Path:
    (folder / "ai2d").mkdir()
    pq.write_table(pa.Table.from_pylist(ROWS), folder / "ai2d" / "train-00000-of-00001.parquet")
    return folder
