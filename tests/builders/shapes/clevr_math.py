"""Shape fixture: CLEVR-Math in the hub's columns, configs general and multihop."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from drawn import png

GENERAL = [
    {
        "template": "subtraction",
        "id": "CLEVR_v1.0-0",
        "question": "Subtract all red cubes. How many objects are left?",
        "image": {"bytes": png("clevr 0"), "path": None},
        "label": 4,
    },
    {
        "template": "adversarial",
        "id": "CLEVR_v1.0-0",
        "question": "Subtract 3 red cubes. How many blue cubes are left?",
        "image": {"bytes": png("clevr 0"), "path": None},
        "label": 0,
    },
]
MULTIHOP = [
    {
        "template": "subtraction-multihop",
        "id": "CLEVR_v1.0-1",
        "question": "Subtract all cubes. Subtract all green spheres. How many objects are left?",
        "image": {"bytes": png("clevr 1"), "path": None},
        "label": 2,
    }
]


def write(folder: Path) -> Path:
    for config, split, rows in (("general", "train", GENERAL), ("multihop", "test", MULTIHOP)):
        (folder / config).mkdir()
        pq.write_table(pa.Table.from_pylist(rows), folder / config / f"{split}-00000-of-00001.parquet")
    return folder
