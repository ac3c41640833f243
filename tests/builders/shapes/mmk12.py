"""Shape fixture: MMK12's rows of the hub, and MM-Eureka's older JSON lines with their conversation in JSON text."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from drawn import png, put

HUB = [
    {
        "id": "h-1",
        "question": "As shown, line AB meets CD at O. If ∠AOD = 65°, then ∠COB = ______.",
        "answer": "$$65^{\\circ}$$",
        "subject": "math",
        "image": {"bytes": png("65"), "path": None},
    },
    {
        "id": "h-2",
        "question": "Fill in: <image1> the mass is ______ and the volume ______.",
        "answer": "1;10.5",
        "subject": "physics",
        "image": {"bytes": png("scale"), "path": None},
    },
]


def message(text: str, picture: str | None = None) -> str:
    """MM-Eureka's `message`: a list of turns as JSON text."""
    parts = [{"type": "image", "image": picture}] if picture else []
    system = {"role": "system", "content": "Reason first, then answer."}
    return json.dumps([system, {"role": "user", "content": [*parts, {"type": "text", "text": text}]}])


OLDER = [
    {"id": "e-1", "message": message("How many apples are shown?", "file:///data/eureka/images/1.png"), "answer": "3"},
    {"id": "e-2", "message": message("What is 2 + 3?"), "answer": "5"},
]


def write(folder: Path) -> Path:
    pq.write_table(pa.Table.from_pylist(HUB), folder / "train-00000-of-00001.parquet")
    (folder / "older.jsonl").write_text("".join(json.dumps(row) + "\n" for row in OLDER))
    put(folder / "images" / "1.png", png("apples"))
    return folder
