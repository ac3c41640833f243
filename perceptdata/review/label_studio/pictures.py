"""Pictures: where a browser gets a task's image from.

    Files(images, media)         # copied once to <media>/perceptdata/<2 hex>/<sha256>.png; the server reads them there
    Thumbnails(images)           # in the task itself, at most 768 pixels and about 100 KB: no set-up at all

Thumbnails travel with every list and export of their project: good for a try, slow beyond a thousand tasks.
"""

from __future__ import annotations

import base64
import io
import os
from pathlib import Path, PurePosixPath
from typing import Protocol

from PIL import Image as Pillow

from perceptdata.errors import UsageError
from perceptdata.images import decode
from perceptdata.packs import ImageStore

FOLDER = "perceptdata"
"""Below the media folder: Label Studio does not serve its document root itself."""
NO_IMAGE = (
    "data:image/svg+xml;base64,"
    + base64.b64encode(
        b'<svg xmlns="http://www.w3.org/2000/svg" width="480" height="120"><rect width="480" height="120" fill="#eee"/>'
        b'<text x="240" y="66" font-family="sans-serif" font-size="18" fill="#666" text-anchor="middle">'
        b"This question has no picture.</text></svg>"
    ).decode()
)
_SIDE, _BYTES = 768, 100_000
_ENDINGS = {
    "image/png": "png",
    "image/jpeg": "jpg",
    "image/webp": "webp",
    "image/gif": "gif",
    "image/bmp": "bmp",
}


class Pictures(Protocol):
    """A way to show images."""

    def url(self, sha256: str | None) -> str:
        """What stands in the task's `image`."""
        ...

    def folder(self) -> str | None:
        """The folder that the server has to serve, as the server calls it; None where it has to serve none."""
        ...


class Files:
    """Images as files by content hash, under a folder that the server reads too.

    `media` is Label Studio's document root as this machine sees it, `on_server` as the server does (in a container).
    """

    def __init__(self, images: ImageStore, media: Path, on_server: str | None = None) -> None:
        self.images, self.media = images, media
        self.on_server = on_server or str(media.resolve())

    def url(self, sha256: str | None) -> str:
        """The server's address of the image, whose file is written where it is missing."""
        if sha256 is None:
            return NO_IMAGE
        row, data = _image(self.images, sha256)
        ending = _ENDINGS.get(row["media_type"])
        if ending is None:  # browsers show no other formats
            data, ending = _as_png(data), "png"
        inner = PurePosixPath(FOLDER, sha256[:2], f"{sha256}.{ending}")
        file = self.media / inner
        if not file.exists():
            try:
                file.parent.mkdir(parents=True, exist_ok=True)
                fresh = file.with_name(f"{file.name}.{os.getpid()}.new")
                fresh.write_bytes(data)
                fresh.replace(file)
            except OSError as error:
                raise UsageError(
                    f"{file} cannot be written ({error.strerror}); LABEL_STUDIO_MEDIA must name a folder that you can "
                    "write and the server can read"
                ) from error
        return f"/data/local-files/?d={inner}"

    def folder(self) -> str | None:
        """`perceptdata` in the server's document root."""
        (self.media / FOLDER).mkdir(parents=True, exist_ok=True)  # the server refuses a folder that is not there
        return str(PurePosixPath(self.on_server, FOLDER))


class Thumbnails:
    """Images as data URIs, made small."""

    def __init__(self, images: ImageStore) -> None:
        self.images = images

    def url(self, sha256: str | None) -> str:
        """A data URI: the bytes themselves where they are small and of a known format, else a JPEG of 768 pixels."""
        if sha256 is None:
            return NO_IMAGE
        row, data = _image(self.images, sha256)
        media_type = row["media_type"]
        if len(data) > _BYTES or media_type not in _ENDINGS:
            data, media_type = _small(data), "image/jpeg"
        return f"data:{media_type};base64,{base64.b64encode(data).decode()}"

    def folder(self) -> str | None:
        """None: nothing is served."""
        return None


def _image(images: ImageStore, sha256: str) -> tuple[dict[str, str], bytes]:
    return images.row(sha256), bytes(images[sha256])


def _small(data: bytes) -> bytes:
    picture = decode(data).convert("RGB")
    for side in (_SIDE, _SIDE // 2):
        picture.thumbnail((side, side), Pillow.Resampling.LANCZOS)
        for quality in (85, 70, 50):
            file = io.BytesIO()
            picture.save(file, "JPEG", quality=quality)
            if file.tell() <= _BYTES:
                return file.getvalue()
    return file.getvalue()


def _as_png(data: bytes) -> bytes:
    file = io.BytesIO()
    decode(data).save(file, "PNG")
    return file.getvalue()
