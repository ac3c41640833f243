"""Shape fixture: R1-Onevision, three of its folders: pictures as base64, as bytes and as paths."""

import base64
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from drawn import png, put


def row(named: str, image: object, asked: str, said: str) -> dict[str, object]:
    """A row of two turns."""
    turns = [{"from": "human", "value": asked}, {"from": "gpt", "value": said}]
    return {"id": named, "image": image, "conversations": turns}


THOUGHT = "<think>\nThe figure shows a right triangle with legs 3 and 4. So the hypotenuse is 5.\n</think>\n\n"
FOLDERS = {
    "Geometry3K(MathV360K)": [
        row(
            "1", base64.b64encode(png("3 4")).decode(), "<image>\nFind AB.\nA. 5\nB. 6", f"{THOUGHT}**Final Answer:** A"
        )
    ],
    "intergps": [
        row("1", png("right"), "<image>Find AB.", f"{THOUGHT}The hypotenuse is \\boxed{{5}}."),
        row("2", png("again"), "<image>Find BC.", f"{THOUGHT}Therefore, the answer is 4."),
    ],
    "vsr(cauldron,llava_format)": [
        row("1", "pictures/1.png", "<image>Is the cat left of the dog?", f"{THOUGHT}<answer>Yes</answer>")
    ],
}


def write(folder: Path) -> Path:
    for name, rows in FOLDERS.items():
        (folder / name).mkdir()
        pq.write_table(pa.Table.from_pylist(rows), folder / name / "train-00000-of-00001.parquet")
    put(folder / "pictures" / "1.png", png("cat dog"))
    return folder
