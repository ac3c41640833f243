"""Drawing in 16 greys, straight into what the PNG stores.

A picture is an array of palette indices, and the palette is an even ramp from black (0) to white (15): mixing two
indices by a mask mixes their greys. So smooth edges need no conversion of colours, and 4 bits a pixel halve the bytes
that a grey PNG would have to compress. Letters and circles are drawn smooth once, kept as masks, and stamped; lines
are drawn at twice the size and reduced.

Letters come from the font inside Pillow (`ImageFont.load_default`), so no font file can be missing. Pixels may differ
between versions of Pillow: `BACKEND` names the one in use, and goes into every record.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Iterable
from functools import cache
from itertools import product

import PIL
from PIL import Image, ImageDraw, ImageFont

BACKEND = f"pillow {PIL.__version__}, zlib {zlib.ZLIB_RUNTIME_VERSION}"
BLACK, WHITE = 0, 15

_PALETTE = [17 * level for level in range(16) for _ in range(3)]
_LINE_SCALE, _DISC_SCALE = 2, 4

Point = tuple[float, float]


class Canvas:
    """A white picture of `width` x `height` pixels. What is drawn later lies on top; levels are 0 (black) to 15."""

    def __init__(self, width: int, height: int) -> None:
        self._image = Image.new("P", (width, height), WHITE)
        self._image.putpalette(_PALETTE)

    def lines(self, segments: Iterable[tuple[Point, Point]], width: float, level: int = BLACK) -> None:
        """Straight lines of one width, smooth at the edges."""
        scale = _LINE_SCALE
        mask = Image.new("L", (self._image.width * scale, self._image.height * scale))
        pen = ImageDraw.Draw(mask)
        for ends in segments:
            (ax, ay), (bx, by) = ((round((x + 0.5) * scale), round((y + 0.5) * scale)) for x, y in ends)
            right, down = _side(bx - ax, by - ay, width * scale)
            pen.polygon(
                [(ax + right, ay + down), (bx + right, by + down), (bx - right, by - down), (ax - right, ay - down)],
                fill=255,
            )
        self._image.paste(level, mask=mask.reduce(scale))

    def box(self, left: int, top: int, right: int, bottom: int, level: int = BLACK) -> None:
        """A filled rectangle; `right` and `bottom` are just outside it."""
        self._image.paste(level, (left, top, right, bottom))

    def disc(self, centre: tuple[int, int], radius: int, edge: int = 2) -> None:
        """A white disc with a black edge `edge` pixels wide."""
        corner = (centre[0] - radius, centre[1] - radius)
        self._image.paste(BLACK, corner, _disc(radius, 0))
        self._image.paste(WHITE, corner, _disc(radius, edge))

    def text(self, centre: tuple[int, int], text: str, size: int, level: int = BLACK) -> None:
        """A short text, its ink centred; `size` is the font size in pixels."""
        mask = _text(text, size)
        corner = (centre[0] - mask.width // 2, centre[1] - mask.height // 2)
        self._image.paste(level, corner, mask)

    def copy(self) -> Canvas:
        """A canvas that starts from this picture."""
        twin = object.__new__(Canvas)
        twin._image = self._image.copy()
        return twin

    def png(self) -> bytes:
        """The picture as a PNG file of 4 bits a pixel.

        Written here, because Pillow's encoder takes nearly twice as long and encoding is most of the work. Rows are
        stored unfiltered, as the PNG specification advises for palettes (section 12.7).
        """
        width, height = self._image.size
        packed, stride = self._image.tobytes("raw", "P;4"), (width + 1) // 2
        rows = b"".join([b"\0" + packed[at : at + stride] for at in range(0, len(packed), stride)])
        header = struct.pack(">IIBBBBB", width, height, 4, 3, 0, 0, 0)  # 4 bits a pixel, palette, not interlaced
        chunks = ((b"IHDR", header), (b"PLTE", bytes(_PALETTE)), (b"IDAT", zlib.compress(rows, 1)), (b"IEND", b""))
        return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def _side(along_x: int, along_y: int, width: float) -> tuple[int, int]:
    """Half the width of a line as whole pixels, to each side, so that lines of all angles look equally wide.

    Pillow cuts polygons to whole pixels and fills their border too, which adds up to a pixel. Of the four offsets
    around the exact one, the one that comes nearest to `width` is taken; that the ends become slanted does not show.
    """
    length = math.hypot(along_x, along_y)
    x, y = along_x / length, along_y / length
    border = max(abs(x), abs(y))
    half = (width - border) / 2

    def error(side: tuple[int, int]) -> float:
        return abs(2 * abs(side[0] * y - side[1] * x) + border - width)

    rights, downs = ((math.floor(exact), math.ceil(exact)) for exact in (y * half, -x * half))
    return min(product(rights, downs), key=error)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


@cache
def _disc(radius: int, inset: int) -> Image.Image:
    """The mask of a disc `inset` pixels smaller than `radius`, in a square of side 2 * radius + 1."""
    scale, side = _DISC_SCALE, 2 * radius + 1
    mask = Image.new("L", (side * scale, side * scale))
    low, high = inset * scale, (side - inset) * scale - 1
    ImageDraw.Draw(mask).ellipse((low, low, high, high), fill=255)
    return mask.reduce(scale)


@cache
def _text(text: str, size: int) -> Image.Image:
    """The mask of a text's ink."""
    font = _font(size)
    left, top, right, bottom = (int(edge) for edge in font.getbbox(text))
    mask = Image.new("L", (right - left, bottom - top))
    ImageDraw.Draw(mask).text((-left, -top), text, fill=255, font=font)
    return mask


@cache
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
