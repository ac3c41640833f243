"""Drawing in 16 greys, and ramps of a few colours beside them, straight into what the PNG stores.

A picture is an array of palette indices, and the palette is an even ramp from black (0) to white (15): mixing two
indices by a mask mixes their greys. So smooth edges need no conversion of colours, and 4 bits a pixel halve the bytes
that a grey PNG would have to compress. Letters and circles are drawn smooth once, kept as masks, and stamped; lines
are drawn at twice the size and reduced.

A canvas with colours has, behind the greys, a ramp of 16 for each: from the colour itself to white. What is drawn in a
colour gets the ramp's indices whole, so colours are smooth on white ground, which is where families draw them; such a
picture takes 8 bits a pixel.

Letters come from the font inside Pillow (`ImageFont.load_default`), so no font file can be missing. Pixels may differ
between versions of Pillow: `BACKEND` names the one in use, and goes into every record.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Iterable, Sequence
from functools import cache, lru_cache
from itertools import product

import PIL
from PIL import Image, ImageDraw, ImageFont

BACKEND = f"pillow {PIL.__version__}, zlib {zlib.ZLIB_RUNTIME_VERSION}"
BLACK, WHITE = 0, 15

_PALETTE = [17 * level for level in range(16) for _ in range(3)]
_LINE_SCALE, _DISC_SCALE = 2, 4

Point = tuple[float, float]
RGB = tuple[int, int, int]


def colour(number: int) -> int:
    """The level that draws in the canvas's colour `number`, counted from 0."""
    return 16 * (number + 1)


class Canvas:
    """A white picture of `width` x `height` pixels. What is drawn later lies on top.

    Levels are 0 (black) to 15 (white), or `colour(n)` for one of `colours`.
    """

    def __init__(self, width: int, height: int, colours: Sequence[RGB] = ()) -> None:
        self._image = Image.new("P", (width, height), WHITE)
        self._image.putpalette(_palette(tuple(colours)))
        self._colours = tuple(colours)

    def lines(self, segments: Iterable[tuple[Point, Point]], width: float, level: int = BLACK) -> None:
        """Straight lines of one width, smooth at the edges. A line without length is left out."""
        scale = _LINE_SCALE
        shapes = []
        for ends in segments:
            (ax, ay), (bx, by) = ((round((x + 0.5) * scale), round((y + 0.5) * scale)) for x, y in ends)
            if (ax, ay) == (bx, by):
                continue
            right, down = _side(bx - ax, by - ay, width * scale)
            shapes.append(
                [(ax + right, ay + down), (bx + right, by + down), (bx - right, by - down), (ax - right, ay - down)]
            )
        self._fill(shapes, scale, level)

    def polygon(self, corners: Sequence[Point], level: int = BLACK) -> None:
        """A filled polygon, smooth at the edges."""
        scale = _DISC_SCALE
        self._fill([[(round((x + 0.5) * scale), round((y + 0.5) * scale)) for x, y in corners]], scale, level)

    def box(self, left: int, top: int, right: int, bottom: int, level: int = BLACK) -> None:
        """A filled rectangle; `right` and `bottom` are just outside it."""
        self._image.paste(level, (left, top, right, bottom))

    def disc(self, centre: tuple[int, int], radius: int, edge: int = 2) -> None:
        """A white disc with a black edge `edge` pixels wide."""
        corner = (centre[0] - radius, centre[1] - radius)
        self._image.paste(BLACK, corner, _disc(radius, 0))
        self._image.paste(WHITE, corner, _disc(radius, edge))

    def dot(self, centre: tuple[int, int], radius: int, level: int = BLACK) -> None:
        """A filled disc."""
        self._stamp(_disc(radius, 0), (centre[0] - radius, centre[1] - radius), level)

    def arc(self, centre: Point, radius: float, start: float, end: float, width: float, level: int = BLACK) -> None:
        """Part of a circle's edge, clockwise from `start` to `end` degrees; 0 points right, 90 down."""
        scale = _DISC_SCALE
        reach = math.ceil(radius + width) + 1
        left, top = math.floor(centre[0]) - reach, math.floor(centre[1]) - reach
        mask = Image.new("L", (2 * reach * scale + scale, 2 * reach * scale + scale))
        x, y = (centre[0] + 0.5 - left) * scale, (centre[1] + 0.5 - top) * scale
        outer = (radius + width / 2) * scale
        box = (x - outer, y - outer, x + outer, y + outer)
        ImageDraw.Draw(mask).arc(box, start, end, fill=255, width=max(1, round(width * scale)))
        self._stamp(mask.reduce(scale), (left, top), level)

    def text(self, centre: tuple[int, int], text: str, size: int, level: int = BLACK) -> None:
        """A short text, its ink centred; `size` is the font size in pixels."""
        mask = _text(text, size)
        self._stamp(mask, (centre[0] - mask.width // 2, centre[1] - mask.height // 2), level)

    @property
    def width(self) -> int:
        """In pixels."""
        return self._image.width

    @property
    def height(self) -> int:
        """In pixels."""
        return self._image.height

    def place(self, other: Canvas, corner: tuple[int, int]) -> None:
        """Another picture of the same colours, whole, with its upper left corner there."""
        self._image.paste(other._image, corner)

    def copy(self) -> Canvas:
        """A canvas that starts from this picture."""
        twin = object.__new__(Canvas)
        twin._image, twin._colours = self._image.copy(), self._colours
        return twin

    def png(self) -> bytes:
        """The picture as a PNG file of 4 bits a pixel, or 8 where it has colours.

        Written here, because Pillow's encoder takes nearly twice as long and encoding is most of the work. Rows are
        stored unfiltered, as the PNG specification advises for palettes (section 12.7).
        """
        width, height = self._image.size
        if self._colours:
            bits, packed, stride = 8, self._image.tobytes(), width
        else:
            bits, packed, stride = 4, self._image.tobytes("raw", "P;4"), (width + 1) // 2
        rows = b"".join([b"\0" + packed[at : at + stride] for at in range(0, len(packed), stride)])
        header = struct.pack(">IIBBBBB", width, height, bits, 3, 0, 0, 0)  # palette, not interlaced
        palette = bytes(_palette(self._colours))
        chunks = ((b"IHDR", header), (b"PLTE", palette), (b"IDAT", zlib.compress(rows, 1)), (b"IEND", b""))
        return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)

    def _fill(self, shapes: Sequence[Sequence[tuple[int, int]]], scale: int, level: int) -> None:
        """Polygons in whole `scale`-ths of a pixel, as one mask no larger than they are."""
        if not shapes:
            return
        across, down = [x for shape in shapes for x, _ in shape], [y for shape in shapes for _, y in shape]
        left, top = max(0, min(across) // scale), max(0, min(down) // scale)
        right = min(self._image.width, max(across) // scale + 1)
        bottom = min(self._image.height, max(down) // scale + 1)
        if left >= right or top >= bottom:
            return
        if 2 * (right - left) * (bottom - top) > self._image.width * self._image.height:
            left, top, right, bottom = 0, 0, *self._image.size  # little to save, and Pillow rounds by the place
        mask = Image.new("L", ((right - left) * scale, (bottom - top) * scale))
        pen = ImageDraw.Draw(mask)
        for shape in shapes:
            pen.polygon([(x - left * scale, y - top * scale) for x, y in shape], fill=255)
        self._stamp(mask.reduce(scale), (left, top), level)

    def _stamp(self, mask: Image.Image, corner: tuple[int, int], level: int) -> None:
        """Ink where the mask says: mixed with the greys below, or, of a colour, as the colour's own ramp."""
        if level <= WHITE:
            self._image.paste(level, corner, mask)
            return
        tones, cover = _TONES[level // 16 - 1], mask.tobytes()
        inked = Image.frombytes("P", mask.size, cover.translate(tones))
        self._image.paste(inked, corner, Image.frombytes("L", mask.size, cover.translate(_COVERED)))


@lru_cache(maxsize=4096)
def text_size(text: str, size: int) -> tuple[int, int]:
    """Width and height of a text's ink, in pixels."""
    return _text(text, size).size


@cache
def _palette(colours: tuple[RGB, ...]) -> list[int]:
    ramps = [round(part + (255 - part) * level / 15) for shade in colours for level in range(16) for part in shade]
    return _PALETTE + ramps


_TONES = [bytes(16 * ramp + 15 - (amount + 8) // 17 for amount in range(256)) for ramp in range(1, 16)]
_COVERED = bytes(255 if amount > 8 else 0 for amount in range(256))


@lru_cache(maxsize=8192)
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


@lru_cache(maxsize=4096)
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
