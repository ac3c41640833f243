"""A folder of web pictures as somebody fetched them, for shape fixtures of corpora that name their pictures by URL."""

import hashlib
from pathlib import Path

from drawn import jpeg, put

URLS = [f"https://pictures.example/{name}.jpg" for name in ("red", "blue", "gone", "other")]


def downloaded(folder: Path) -> Path:
    """The pictures that were fetched: by their own hash, by their URL's hash, not at all, and somebody else's."""
    red, blue = jpeg("red"), jpeg("blue")
    put(folder / f"{sha(red)}.jpg", red)
    by_url = sha(URLS[1].encode())
    put(folder / by_url[:2] / f"{by_url}.png", blue)
    put(folder / sha(URLS[3].encode()), jpeg("not what it was"))
    return folder


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


SHAS = [sha(jpeg("red")), sha(jpeg("blue")), "0" * 64, sha(jpeg("other"))]
