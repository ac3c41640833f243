"""Shape fixture: LLaVA-OneVision-Data, two configs; one row of two exchanges and one without a picture."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from drawn import png


def turns(*said: str) -> list[dict[str, str]]:
    """The turns of a conversation, people and model in turn."""
    return [{"from": ("human", "gpt")[at % 2], "value": text} for at, text in enumerate(said)]


CONFIGS = {
    "CLEVR-Math(MathV360K)": [
        {
            "id": "1",
            "image": {"bytes": png("clevr"), "path": None},
            "conversations": turns("<image>\nSubtract all cubes. How many objects are left?", "4"),
            "data_source": "CLEVR-Math(MathV360K)",
        },
        {
            "id": "2",
            "image": None,
            "conversations": turns("What is 3 + 4?", "3 + 4 is counted on from 3.\nAnswer: 7"),
            "data_source": "CLEVR-Math(MathV360K)",
        },
    ],
    "vision_flan(filtered)": [
        {
            "id": "1",
            "image": {"bytes": png("car"), "path": None},
            "conversations": turns(
                "<image>\nWhat color is the car?\nAnswer the question using a single word or phrase.",
                "Red",
                "Is there a dog?\nAnswer the question using a single word or phrase.",
                "No",
            ),
            "data_source": "vision_flan(filtered)",
        }
    ],
}


def write(folder: Path) -> Path:
    for name, rows in CONFIGS.items():
        (folder / name).mkdir()
        pq.write_table(pa.Table.from_pylist(rows), folder / name / "train-00000-of-00001.parquet")
    return folder
