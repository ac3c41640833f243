"""Thumbnails: small, in the smaller format, and without what else the file carried."""

import base64
import io

import numpy as np
import pytest
from PIL import Image as Pillow
from PIL import ImageDraw, PngImagePlugin

from perceptdata.report.thumbnail import SIDE, thumbnail


def encoded(picture: Pillow.Image, **options: object) -> bytes:
    file = io.BytesIO()
    picture.save(file, "PNG", **options)
    return file.getvalue()


def opened(uri: str | None) -> tuple[str, Pillow.Image, bytes]:
    assert uri is not None
    media, _, coded = uri.partition(";base64,")
    data = base64.b64decode(coded)
    return media, Pillow.open(io.BytesIO(data)), data


def line_art(width: int, height: int) -> Pillow.Image:
    picture = Pillow.new("RGB", (width, height), "white")
    ImageDraw.Draw(picture).line([(10, 10), (width - 10, height - 10)], fill="black", width=3)
    return picture


def test_line_art_stays_png_and_photographs_become_jpeg() -> None:
    media, shown, _ = opened(thumbnail(encoded(line_art(300, 200))))
    assert (media, shown.size) == ("data:image/png", (300, 200))
    noise = Pillow.fromarray(np.random.default_rng(0).integers(0, 256, (200, 300, 3), np.uint8))
    media, shown, data = opened(thumbnail(encoded(noise)))
    assert (media, shown.size) == ("data:image/jpeg", (300, 200))
    assert len(data) < len(encoded(noise))


@pytest.mark.parametrize(("size", "shown"), [((4000, 1000), (SIDE, SIDE // 4)), ((500, 5000), (SIDE // 10, SIDE))])
def test_large_pictures_shrink_in_proportion(size: tuple[int, int], shown: tuple[int, int]) -> None:
    assert opened(thumbnail(encoded(line_art(*size))))[1].size == shown


def test_what_else_a_file_carries_stays_behind() -> None:
    note = PngImagePlugin.PngInfo()
    note.add_text("Comment", "a secret")
    data = encoded(line_art(50, 50), pnginfo=note) + b"a tail"
    _, _, small = opened(thumbnail(data))
    assert b"a secret" in data
    assert b"a secret" not in small
    assert b"a tail" not in small


def test_damaged_pixels_give_no_picture() -> None:
    whole = encoded(line_art(300, 300))
    assert thumbnail(whole[: len(whole) // 2]) is None
