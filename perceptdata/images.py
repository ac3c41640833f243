"""Images on their way in: found, measured from their headers and hashed; their bytes are never changed.

    checked = images.read(FileIn(root, "11/img_diagram.png"))   # CheckedImage: sha256, size, media type, data
    picture = images.decode(checked.data)                       # RGB

PNG, JPEG and WebP, nearly all of any corpus, are walked marker by marker: that gives the size, says whether the file
ends too early or holds several frames, and decodes nothing. Whatever the walk does not fully understand is decoded once
by Pillow. The pixel limit is checked first in both cases.

`width` and `height` are those of `decode`: the picture as it is meant to be seen, with its EXIF orientation applied,
which is also how `datasets` and `transformers` show it.
"""

from __future__ import annotations

import errno
import hashlib
import io
import os
import stat
import warnings
import zipfile
import zlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from PIL import Image as Pillow
from PIL import UnidentifiedImageError

from perceptdata.draft import FileIn, ImageRef, ZipMember
from perceptdata.errors import Rejected

MAX_PIXELS = 100_000_000
MAX_BYTES = 1 << 30  # larger files are refused unread; a zip entry may claim any size
# Pillow opens nothing above twice its warning limit, so a picture above it could be stored but never seen.
_PILLOW_PIXELS = 2 * (Pillow.MAX_IMAGE_PIXELS or MAX_PIXELS)
# A closed list: Pillow also knows formats that start another program (EPS) or fetch parts from elsewhere.
_FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF", "PPM")
# How to turn a picture upright, by EXIF orientation (tag 0x0112); from 5 on, width and height swap.
_ORIENTATION = 0x0112
_UPRIGHT = {
    2: Pillow.Transpose.FLIP_LEFT_RIGHT,
    3: Pillow.Transpose.ROTATE_180,
    4: Pillow.Transpose.FLIP_TOP_BOTTOM,
    5: Pillow.Transpose.TRANSPOSE,
    6: Pillow.Transpose.ROTATE_270,
    7: Pillow.Transpose.TRANSVERSE,
    8: Pillow.Transpose.ROTATE_90,
}
_PNG_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}  # by colour type
# Trouble of the machine, not of the row: it must stop the run, or a rerun would find other rejects.
_MACHINE = (errno.EMFILE, errno.ENFILE, errno.EIO, errno.ENOMEM, errno.ESTALE, errno.ETIMEDOUT)


@dataclass(frozen=True, slots=True)
class CheckedImage:
    """An image that can be stored: its content hash, its size as seen, and its bytes as found."""

    sha256: str
    width: int
    height: int
    media_type: str
    data: bytes


class _Header(NamedTuple):
    """What a walk found. `tagged`: there is metadata that may hold an orientation."""

    width: int
    height: int
    media_type: str
    tagged: bool = False


def read(ref: ImageRef, max_pixels: int = MAX_PIXELS) -> CheckedImage:
    """The image behind a reference, checked. Raises Rejected with one of the `image.*` codes."""
    data = _load(ref)
    if not data:
        raise Rejected("image.truncated", "the image file is empty")
    limit = min(max_pixels, _PILLOW_PIXELS)
    header = _walk(data, limit) or _decoded_header(data, limit)
    width, height = header.width, header.height
    if header.tagged and _orientation(_open(data)) >= 5:
        width, height = height, width
    return CheckedImage(hashlib.sha256(data).hexdigest(), width, height, header.media_type, data)


def decode(data: bytes | memoryview) -> Pillow.Image:
    """The picture as RGB: orientation applied, transparency composited on white, 16-bit greys scaled to 8.

    `data` is an image file; any buffer will do. Raises Rejected as `read` does: a file whose header is sound can still
    hold damaged pixels.
    """
    picture = _open(bytes(data))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            picture.load()
            if (turn := _UPRIGHT.get(_orientation(picture))) is not None:
                picture = picture.transpose(turn)
            if picture.mode.startswith("I"):
                picture = picture.convert("I").point(lambda level: level * (1 / 257)).convert("L")
            if picture.has_transparency_data:
                white = Pillow.new("RGBA", picture.size, "white")
                picture = Pillow.alpha_composite(white, picture.convert("RGBA"))
            return picture.convert("RGB")
    except MemoryError:
        raise
    except Exception as error:  # a decoder on a stranger's bytes raises nearly any type
        raise _unreadable(error) from error


# Finding the bytes


def _load(ref: ImageRef) -> bytes:
    if isinstance(ref, bytes):
        return ref
    if isinstance(ref, ZipMember):
        return _zip_member(ref)
    if isinstance(ref, FileIn):
        return _file(_inside(ref), ref.name)
    return _file(ref, ref.name)


def _file(path: str | Path, name: str) -> bytes:
    try:
        status = os.stat(path)
        if not stat.S_ISREG(status.st_mode):
            raise Rejected("image.missing", f"{name!a} is not a file")
        _check_bytes(status.st_size, name)
        with open(path, "rb") as file:
            return file.read()
    except PermissionError:
        raise Rejected("image.unreadable", f"no permission to read {name!a}") from None
    except OSError as error:
        if error.errno in _MACHINE:
            raise
        raise Rejected("image.missing", f"{name!a} cannot be opened: {error.strerror}") from None
    except ValueError as error:  # NUL or a lone surrogate in the name
        raise Rejected("image.missing", f"{name!a} is no file name: {error}") from None


def _inside(ref: FileIn) -> str:
    """The file's real path, which must lie in the root's, whatever links and `..` lead there."""
    root = _real_root(os.path.abspath(ref.root))  # a relative one means another folder after chdir
    try:
        path = os.path.realpath(os.path.join(root, ref.name))
    except ValueError as error:  # as in _file
        raise Rejected("image.missing", f"{ref.name!a} is no file name: {error}") from None
    if os.path.isabs(ref.name) or not path.startswith(os.path.join(root, "")):
        raise Rejected("image.path_escapes", f"{ref.name!a} leads out of the image folder")
    return path


@lru_cache(maxsize=64)
def _real_root(root: str) -> str:
    return os.path.realpath(root)


def _zip_member(ref: ZipMember) -> bytes:
    parts = ref.name.replace("\\", "/").split("/")
    if ".." in parts or parts[0] == "" or parts[0].endswith(":"):
        raise Rejected("image.path_escapes", f"zip entry {ref.name!a} climbs out of its archive")
    where = f"{ref.name!a} in {ref.archive.name}"
    try:
        status = os.stat(ref.archive)
        archive = _archive(ref.archive, status.st_mtime_ns, status.st_size)
        entry = archive.getinfo(ref.name)
        _check_bytes(entry.file_size, ref.name)
        return archive.read(entry)
    except (KeyError, FileNotFoundError, IsADirectoryError):
        raise Rejected("image.missing", f"there is no {where}") from None
    except (OSError, ValueError, zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:  # Runtime: encrypted
        if isinstance(error, OSError) and error.errno in _MACHINE:
            raise
        raise Rejected("image.unreadable", f"{where} cannot be unpacked: {error}") from None


@lru_cache(maxsize=8)
def _archive(path: Path, mtime_ns: int, size: int) -> zipfile.ZipFile:
    """An open archive, kept a while: its directory is read once, not once an image. Time and size notice a new file."""
    return zipfile.ZipFile(path)


def _check_bytes(size: int, name: str) -> None:
    if size > MAX_BYTES:
        raise Rejected("image.too_large", f"{name!a} has {size:,} bytes; the limit is {MAX_BYTES:,}")


# Measuring without decoding


def _walk(data: bytes, max_pixels: int) -> _Header | None:
    """The header by a walk; None where only a full decode can tell."""
    try:
        if data.startswith(b"\x89PNG\r\n\x1a\n"):
            return _walk_png(data, max_pixels)
        if data.startswith(b"\xff\xd8\xff"):
            return _walk_jpeg(data, max_pixels)
        if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
            return _walk_webp(data, max_pixels)
    except IndexError:
        raise _truncated() from None
    return None


def _walk_png(data: bytes, max_pixels: int) -> _Header | None:
    """Chunks are length (4, big endian), type (4), body, checksum (4); IHDR opens, IEND closes."""
    if len(data) < 33:
        raise _truncated()
    width, height = int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
    if data[12:16] != b"IHDR" or not width or not height or data[24] not in _PNG_DEPTHS.get(data[25], ()):
        return None
    _check_pixels(width, height, max_pixels)
    at, end, pixels, tagged = 33, len(data), False, False
    while at + 12 <= end:
        kind = data[at + 4 : at + 8]
        if kind == b"IDAT":
            pixels = True
        elif kind == b"IEND":
            return _Header(width, height, "image/png", tagged) if pixels else None
        elif kind == b"acTL":
            if int.from_bytes(data[at + 8 : at + 12], "big") > 1:
                raise _animated()
        elif kind in (b"eXIf", b"iTXt", b"tEXt", b"zTXt"):
            start = data[at + 8 : at + 32].lower()
            tagged = tagged or kind == b"eXIf" or start.startswith((b"xml:com.adobe.xmp", b"raw profile type"))
        at += 12 + int.from_bytes(data[at : at + 4], "big")
    raise _truncated()


def _walk_jpeg(data: bytes, max_pixels: int) -> _Header | None:
    """Segments are 0xFF, marker, length (2, big endian, counting itself), body; after a scan header, pixels up to EOI.

    Inside pixel data 0xFF is always followed by 0x00 or a restart marker, so an EOI after a scan header ends the file.
    """
    at, size, tagged = 2, None, False
    while True:
        if data[at] != 0xFF:
            return None
        while data[at] == 0xFF:
            at += 1
        marker = data[at]
        length = data[at + 1] << 8 | data[at + 2]
        body = at + 3
        if marker in (0xC0, 0xC1, 0xC2):  # baseline, extended, progressive; rarer kinds go to the decoder
            size = (data[body + 3] << 8 | data[body + 4], data[body + 1] << 8 | data[body + 2])
            if data[body] != 8 or data[body + 5] not in (1, 3, 4) or 0 in size:
                return None
            _check_pixels(*size, max_pixels)
        elif marker == 0xE1:  # EXIF and XMP
            tagged = True
        elif marker == 0xDA:
            if size is None:
                return None
            if not data.endswith(b"\xff\xd9") and data.find(b"\xff\xd9", body) < 0:
                raise _truncated()
            return _Header(*size, "image/jpeg", tagged)
        elif marker in (0x00, 0xD8, 0xD9):
            return None
        at += 1 + length


def _walk_webp(data: bytes, max_pixels: int) -> _Header | None:
    """RIFF: the length at byte 4 covers the file; the first chunk, VP8, VP8L or VP8X, holds the size."""
    if len(data) < 30 or len(data) < 8 + int.from_bytes(data[4:8], "little"):
        raise _truncated()
    kind, flags = data[12:16], data[20]
    if kind == b"VP8X":
        width, height = (1 + int.from_bytes(data[at : at + 3], "little") for at in (24, 27))
        _check_pixels(width, height, max_pixels)
        if flags & 0x02:
            raise _animated()
        return _Header(width, height, "image/webp", tagged=bool(flags & 0x0C))
    if kind == b"VP8L" and flags == 0x2F:
        bits = int.from_bytes(data[21:25], "little")
        width, height = 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    elif kind == b"VP8 " and data[23:26] == b"\x9d\x01\x2a":
        width, height = (int.from_bytes(data[at : at + 2], "little") & 0x3FFF for at in (26, 28))
    else:
        return None
    _check_pixels(width, height, max_pixels)
    return _Header(width, height, "image/webp")


# Measuring by decoding


def _open(data: bytes) -> Pillow.Image:
    """Pillow's lazy open: header only."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # our own limit decides, and oddities of metadata do not matter
            return Pillow.open(io.BytesIO(data), formats=_FORMATS)
    except Pillow.DecompressionBombError as error:
        raise Rejected("image.too_large", str(error)) from None
    except UnidentifiedImageError:
        raise Rejected(
            "image.unreadable", f"the bytes, {ascii(data[:8])[1:]}…, are no image of a known format"
        ) from None
    except MemoryError:
        raise
    except Exception as error:  # a decoder on a stranger's bytes raises nearly any type
        raise _unreadable(error) from error


def _decoded_header(data: bytes, max_pixels: int) -> _Header:
    picture = _open(data)
    _check_pixels(*picture.size, max_pixels)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if getattr(picture, "n_frames", 1) > 1:
                raise _animated()
            picture.load()
    except (MemoryError, Rejected):
        raise
    except Exception as error:  # as above
        raise _unreadable(error) from error
    width, height = picture.size
    if _orientation(picture) >= 5:
        width, height = height, width
    return _Header(width, height, Pillow.MIME.get(picture.format or "", "application/octet-stream"))


def _orientation(picture: Pillow.Image) -> int:
    """The EXIF (or XMP) orientation, 1 to 8; 1 where none is given, or none that makes sense."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            value = picture.getexif().get(_ORIENTATION, 1)
    except MemoryError:
        raise
    except Exception:  # metadata that cannot be read is no metadata; the pixels are still good
        return 1
    return value if isinstance(value, int) and value in _UPRIGHT else 1


def _check_pixels(width: int, height: int, max_pixels: int) -> None:
    if width * height > max_pixels:
        raise Rejected(
            "image.too_large", f"the image has {width:,} x {height:,} pixels; the limit is {max_pixels:,} in all"
        )


def _animated() -> Rejected:
    return Rejected("image.animated", "the image has more than one frame")


def _truncated() -> Rejected:
    return Rejected("image.truncated", "the image file ends too early")


def _unreadable(error: Exception) -> Rejected:
    if isinstance(error, EOFError) or "truncated" in str(error).lower():
        return _truncated()
    return Rejected("image.unreadable", f"the image cannot be decoded: {type(error).__name__}: {error}")
