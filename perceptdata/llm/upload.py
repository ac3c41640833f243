"""Images on their way out: the stored bytes as a data URI, made smaller only where the model's limit asks for it.

What every endpoint reads (JPEG, PNG, WebP) and is small enough goes out byte for byte. The rest is decoded as it is
meant to be seen and written anew: too many pixels, another format, or a camera's note that the picture lies on its
side, which some servers follow and some do not.
"""

from __future__ import annotations

import base64
import io
import math

from PIL import Image as Pillow

from perceptdata.images import decode
from perceptdata.packs import ImageStore

READ_EVERYWHERE = ("image/jpeg", "image/png", "image/webp")
JPEG_QUALITY = 95
_ORIENTATION = 0x0112


def data_uri(images: ImageStore, sha256: str, max_pixels: int | None = None) -> str:
    """The image, ready to be sent.

    Raises WorkspaceError when no pack has it, Rejected when it must be decoded and cannot be.
    """
    row, data = images.row(sha256), images[sha256].to_pybytes()
    media, width, height = row["media_type"], row["width"], row["height"]
    size = fitted(width, height, max_pixels)
    if media not in READ_EVERYWHERE or size != (width, height) or _lies_on_its_side(data):
        media, data = _written(data, media, size)
    return f"data:{media};base64,{base64.b64encode(data).decode('ascii')}"


def fitted(width: int, height: int, max_pixels: int | None) -> tuple[int, int]:
    """The largest size of at most `max_pixels` in the same proportion; each side keeps at least one pixel."""
    if max_pixels is None or width * height <= max_pixels:
        return width, height
    scale = math.sqrt(max_pixels / (width * height))
    small = max(1, math.floor(width * scale)), max(1, math.floor(height * scale))
    # A line of one pixel across cannot shrink that way; then the other side gives all.
    return min(small[0], max(1, max_pixels // small[1])), min(small[1], max(1, max_pixels // small[0]))


def _lies_on_its_side(data: bytes) -> bool:
    with Pillow.open(io.BytesIO(data)) as picture:
        return picture.getexif().get(_ORIENTATION, 1) != 1


def _written(data: bytes, media: str, size: tuple[int, int]) -> tuple[str, bytes]:
    """JPEG stays JPEG; the rest becomes PNG, which loses nothing."""
    picture, sink = decode(data), io.BytesIO()
    if picture.size != size:
        picture = picture.resize(size, Pillow.Resampling.LANCZOS)
    if media == "image/jpeg":
        picture.save(sink, "JPEG", quality=JPEG_QUALITY)
        return media, sink.getvalue()
    picture.save(sink, "PNG")
    return "image/png", sink.getvalue()
