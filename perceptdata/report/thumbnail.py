"""Pictures small enough to carry inside the page, as data URIs.

thumbnail(data)        # "data:image/png;base64,…"
"""

from __future__ import annotations

import base64
import io

from PIL import Image as Pillow

from perceptdata import images
from perceptdata.errors import Rejected

SIDE = 640
"""The longest side, in pixels: twice the width at which a card shows it, for dense screens."""
QUALITY = 82


def thumbnail(data: bytes | memoryview) -> str | None:
    """The picture at most `SIDE` pixels a side, in the smaller of PNG and JPEG; None where its pixels are damaged.

    It is always drawn anew: what else a stranger's file carries (metadata, trailing bytes) stays behind.
    """
    try:
        picture = images.decode(data)
    except Rejected:
        return None
    picture.thumbnail((SIDE, SIDE), Pillow.Resampling.LANCZOS)
    jpeg = _encoded(picture, "JPEG", quality=QUALITY, optimize=True)
    png = _encoded(picture.quantize(64), "PNG", optimize=True) if _is_drawing(picture) else jpeg
    media, smaller = ("png", png) if len(png) < len(jpeg) else ("jpeg", jpeg)
    return f"data:image/{media};base64,{base64.b64encode(smaller).decode()}"


def _is_drawing(picture: Pillow.Image) -> bool:
    """Few colours, so that a palette loses nothing the eye could find: line art, plots, grids."""
    return picture.getcolors(maxcolors=1024) is not None


def _encoded(picture: Pillow.Image, media: str, **options: int | bool) -> bytes:
    file = io.BytesIO()
    picture.save(file, media, **options)
    return file.getvalue()
