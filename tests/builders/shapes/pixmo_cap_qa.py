"""Shape fixture: PixMo-CapQA."""

from pathlib import Path

from drawn import put_parquet
from fetched import URLS, downloaded

REJECTED = {"image.missing": 1}


def options(folder: Path) -> dict[str, object]:
    return {"images": downloaded(folder / "pictures")}


def write(folder: Path) -> Path:
    rows = [
        {
            "image_url": URLS[1],
            "question": "[USER] What color is the picture? [ASSISTANT]",
            "answer": "It is blue.",
            "messages": [{"content": "What color is the picture?", "role": "user"}],
        },
        {"image_url": URLS[2], "question": "[USER] Why? [ASSISTANT]", "answer": "Because.", "messages": []},
    ]
    return put_parquet(folder / "qa/data/train-00000-of-00001.parquet", rows).parent
