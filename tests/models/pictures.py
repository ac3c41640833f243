"""Pictures for tiny models, as files."""

import io
from functools import cache

from PIL import Image


@cache
def draw(colour: str, width: int = 64, height: int = 64) -> bytes:
    """A picture of one colour with a black corner, as a PNG."""
    picture = Image.new("RGB", (width, height), colour)
    picture.paste("black", (0, 0, max(1, width // 4), max(1, height // 4)))
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()
