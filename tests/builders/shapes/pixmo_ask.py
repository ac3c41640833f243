"""Shape fixture: PixMo-AskModelAnything."""

from pathlib import Path

from drawn import put_parquet
from fetched import SHAS, URLS, downloaded

REJECTED = {"image.missing": 1, "image.changed": 1}


def options(folder: Path) -> dict[str, object]:
    return {"images": downloaded(folder / "pictures")}


def write(folder: Path) -> Path:
    rows = [
        {"image_url": url, "image_sha256": sha, "question": f"What is this, number {number}?", "answer": "A picture."}
        for number, (url, sha) in enumerate(zip(URLS, SHAS, strict=True))
    ]
    return put_parquet(folder / "ask/data/train-00000-of-00001.parquet", rows).parent
