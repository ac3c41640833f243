"""Images as they leave."""

import base64
import io
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as Pillow

from perceptdata.errors import Rejected, WorkspaceError
from perceptdata.llm.upload import data_uri, fitted
from perceptdata.packs import ImageStore


def file(kind: str, size: tuple[int, int] = (40, 30), **options: Any) -> bytes:
    sink = io.BytesIO()
    Pillow.linear_gradient("L").resize(size).convert("RGB").save(sink, kind, **options)
    return sink.getvalue()


Pack = Callable[..., tuple[ImageStore, str]]


def sent(uri: str) -> tuple[str, bytes]:
    head, _, body = uri.partition(",")
    return head.removeprefix("data:").removesuffix(";base64"), base64.b64decode(body, validate=True)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_small_enough_goes_out_byte_for_byte(pack: Pack, kind: str) -> None:
    data, media = file(kind), f"image/{kind.lower()}"
    for limit in (None, 1200):  # 40 x 30
        assert sent(data_uri(*pack(data, media, (40, 30)), limit)) == (media, data)


@pytest.mark.parametrize(("kind", "becomes"), [("PNG", "image/png"), ("JPEG", "image/jpeg"), ("WEBP", "image/png")])
def test_too_large_is_made_smaller(pack: Pack, kind: str, becomes: str) -> None:
    store, sha256 = pack(file(kind), f"image/{kind.lower()}", (40, 30))
    media, data = sent(data_uri(store, sha256, 300))
    assert media == becomes
    picture = Pillow.open(io.BytesIO(data))
    assert picture.size == (20, 15)
    assert abs(picture.convert("L").getpixel((10, 7)) - 127) < 12  # the gradient is still one
    assert data_uri(store, sha256, 300) == data_uri(store, sha256, 300)


@pytest.mark.parametrize("kind", ["BMP", "TIFF", "GIF"])
def test_what_few_servers_read_becomes_png(pack: Pack, kind: str) -> None:
    media, data = sent(data_uri(*pack(file(kind), f"image/{kind.lower()}", (40, 30))))
    assert (media, Pillow.open(io.BytesIO(data)).size) == ("image/png", (40, 30))


def test_a_picture_on_its_side_is_turned(pack: Pack) -> None:
    exif = Pillow.Exif()
    exif[0x0112] = 6
    data = file("JPEG", exif=exif)
    media, sent_data = sent(data_uri(*pack(data, "image/jpeg", (30, 40))))
    picture = Pillow.open(io.BytesIO(sent_data))
    assert (media, picture.size, dict(picture.getexif())) == ("image/jpeg", (30, 40), {})


def test_damaged_pixels_are_the_rows_fault_and_a_missing_image_the_workspaces(pack: Pack) -> None:
    store, sha256 = pack(file("JPEG", (200, 200))[:300], "image/jpeg", (200, 200))
    with pytest.raises(Rejected):
        data_uri(store, sha256, 100)
    with pytest.raises(WorkspaceError, match="in no pack"):
        data_uri(store, "0" * 64)


def test_fitting_by_hand() -> None:
    assert fitted(40, 30, None) == (40, 30)
    assert fitted(40, 30, 1200) == (40, 30)
    assert fitted(40, 30, 1199) == (39, 29)
    assert fitted(40, 30, 300) == (20, 15)
    assert fitted(10_000, 1, 100) == (100, 1)
    assert fitted(3, 3, 1) == (1, 1)


@given(st.integers(1, 50_000), st.integers(1, 50_000), st.integers(1, 10**7))
def test_fitting_keeps_the_limit_and_nearly_the_shape(width: int, height: int, limit: int) -> None:
    small = fitted(width, height, limit)
    assert 1 <= small[0] <= width
    assert 1 <= small[1] <= height
    assert small[0] * small[1] <= max(limit, 1)
    if min(small) > 100:
        assert small[0] / small[1] == pytest.approx(width / height, rel=0.02)
        assert width * height <= limit or small[0] * small[1] > 0.95 * limit
