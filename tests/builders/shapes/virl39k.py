"""Shape fixture: ViRL39K, its Parquet file with images.zip, and a port in EasyR1's shape."""

import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from drawn import png

ROWS = [
    {
        "qid": "Processed-1-0",
        "question": "<image>\nWhich line is longer?\nA. AB\nB. CD",
        "answer": "\\boxed{B}",
        "image": ["images/Processed-1-0.png"],
        "category": "Spatial Reasoning",
        "source": "Processed",
        "PassRate_32BTrained": 0.75,
        "PassRate_7BBase": 0.125,
    },
    {
        "qid": "Processed-2-0",
        "question": "<image><image>How many dots do both show?",
        "answer": "\\boxed{\\frac{7}{2}}",
        "image": ["images/Processed-2-0.png", "images/Processed-2-1.png"],
        "category": "Counting",
        "source": "Processed",
        "PassRate_32BTrained": 1.0,
        "PassRate_7BBase": -1.0,
    },
]
PORT = [
    {
        "qid": "Port-1",
        "problem": "<image>What is the sum?",
        "answer": "12",
        "images": [{"bytes": png("5+7"), "path": None}],
        "category": "Arithmetic",
    }
]


def write(folder: Path) -> Path:
    pq.write_table(pa.Table.from_pylist(ROWS), folder / "39Krelease.parquet")
    pq.write_table(pa.Table.from_pylist(PORT), folder / "train-easyr1.parquet")
    with zipfile.ZipFile(folder / "images.zip", "w") as archive:
        for name in ("Processed-1-0", "Processed-2-0", "Processed-2-1"):
            archive.writestr(f"images/{name}.png", png(name))
    return folder
