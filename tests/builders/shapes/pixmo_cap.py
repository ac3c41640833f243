"""Shape fixture: PixMo-Cap; it names no hashes, so that a wrong picture goes unseen."""

from pathlib import Path

from drawn import put_parquet
from fetched import URLS, downloaded

REJECTED = {"image.missing": 2}


def options(folder: Path) -> dict[str, object]:
    return {"images": downloaded(folder / "pictures")}


def write(folder: Path) -> Path:
    rows = [
        {
            "image_url": url,
            "caption": f"A picture of number {number}, described at length.",
            "transcripts": ["well", " "],
        }
        for number, url in enumerate(URLS)
    ]
    return put_parquet(folder / "cap/data/train-00000-of-00001.parquet", rows).parent
