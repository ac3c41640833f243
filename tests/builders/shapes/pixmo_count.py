"""Shape fixture: PixMo-Count, whose points are two lists."""

from pathlib import Path

from drawn import put_parquet
from fetched import SHAS, URLS, downloaded

REJECTED = {"image.missing": 1, "image.changed": 1}


def options(folder: Path) -> dict[str, object]:
    return {"images": downloaded(folder / "pictures")}


def write(folder: Path) -> Path:
    rows = [
        {
            "image_url": url,
            "image_sha256": sha,
            "count": number,
            "points": {"x": [7.5] * number, "y": [1.0] * number},
            "label": "people",
        }
        for number, (url, sha) in enumerate(zip(URLS, SHAS, strict=True))
    ]
    return put_parquet(folder / "count/data/validation-00000-of-00001.parquet", rows).parent
