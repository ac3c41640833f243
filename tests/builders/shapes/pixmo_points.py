"""Shape fixture: PixMo-Points, whose points are a list of pairs, in per cent."""

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
            "points": [{"x": 12.5 * at, "y": 99.9} for at in range(1, number + 2)],
            "count": number + 1,
            "label": "red flags",
            "collection_method": "pointing",
        }
        for number, (url, sha) in enumerate(zip(URLS, SHAS, strict=True))
    ]
    return put_parquet(folder / "points/data/train-00000-of-00001.parquet", rows).parent
