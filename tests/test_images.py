"""Images: where they are found, what their headers say, and that damage is seen without decoding."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from perceptdata import images
from perceptdata.draft import FileIn, ImageRef, ZipMember
from perceptdata.errors import Rejected


def encoded(picture: Image.Image, form: str, **options: Any) -> bytes:
    file = io.BytesIO()
    picture.save(file, form, **options)
    return file.getvalue()


def noise(width: int = 60, height: int = 40, mode: str = "RGB") -> Image.Image:
    picture = Image.effect_noise((width, height), 80).convert(mode)
    if mode == "RGBA":
        picture.putalpha(100)
    return picture


def code_of(ref: ImageRef, **options: Any) -> str:
    with pytest.raises(Rejected) as caught:
        images.read(ref, **options)
    return caught.value.code


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


KINDS: dict[str, tuple[bytes, str]] = {
    "png grey": (encoded(noise(mode="L"), "PNG"), "image/png"),
    "png palette": (encoded(noise(mode="P"), "PNG"), "image/png"),
    "png transparent": (encoded(noise(mode="RGBA"), "PNG"), "image/png"),
    "png 16 bit": (encoded(noise(mode="I;16"), "PNG"), "image/png"),
    "png one bit": (encoded(noise(mode="1"), "PNG"), "image/png"),
    "jpeg": (encoded(noise(), "JPEG"), "image/jpeg"),
    "jpeg grey": (encoded(noise(mode="L"), "JPEG"), "image/jpeg"),
    "jpeg cmyk": (encoded(noise(mode="CMYK"), "JPEG"), "image/jpeg"),
    "jpeg progressive": (encoded(noise(), "JPEG", progressive=True), "image/jpeg"),
    "webp": (encoded(noise(), "WEBP"), "image/webp"),
    "webp lossless": (encoded(noise(), "WEBP", lossless=True), "image/webp"),
    "webp transparent": (encoded(noise(mode="RGBA"), "WEBP"), "image/webp"),
    "gif": (encoded(noise(mode="P"), "GIF"), "image/gif"),
    "bmp": (encoded(noise(), "BMP"), "image/bmp"),
    "tiff": (encoded(noise(), "TIFF"), "image/tiff"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_measured_and_its_bytes_pass_through(kind: str) -> None:
    data, media_type = KINDS[kind]
    checked = images.read(data)
    assert checked == images.CheckedImage(hashlib.sha256(data).hexdigest(), 60, 40, media_type, data)
    picture = images.decode(checked.data)
    assert (picture.mode, picture.size) == ("RGB", (60, 40))


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.startswith(("png", "jpeg", "webp"))])
def test_the_common_kinds_are_never_decoded(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("opened by Pillow")

    monkeypatch.setattr(images.Pillow, "open", refuse)
    if kind == "webp transparent":  # VP8X without metadata
        assert KINDS[kind][0][12:16] == b"VP8X"
    assert images.read(KINDS[kind][0]).width == 60


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.startswith(("png", "jpeg", "webp"))])
def test_a_file_cut_anywhere_is_refused(kind: str) -> None:
    data = KINDS[kind][0]
    cuts = {*range(1, 64), *range(64, len(data) - 16, 97), *range(len(data) - 16, len(data))}
    for cut in sorted(cuts):
        assert code_of(data[:cut]) in ("image.truncated", "image.unreadable"), cut
    assert code_of(data[: len(data) // 2]) == "image.truncated"


@pytest.mark.parametrize("kind", ["gif", "bmp", "tiff"])
def test_other_kinds_cut_in_their_pixels_are_refused(kind: str) -> None:
    data = KINDS[kind][0]
    assert code_of(data[: len(data) // 2]) in ("image.truncated", "image.unreadable")


def test_bytes_after_the_end_do_no_harm() -> None:
    for kind in ("png grey", "jpeg", "jpeg progressive", "webp"):
        assert images.read(KINDS[kind][0] + b"\0" * 100 + b"camera notes").width == 60


def test_animated_images_are_refused() -> None:
    frames = [noise(8, 8), noise(8, 8), noise(8, 8)]
    for form in ("GIF", "PNG", "WEBP", "TIFF"):
        moving = encoded(frames[0], form, save_all=True, append_images=frames[1:])
        assert code_of(moving) == "image.animated", form


def test_a_bomb_is_refused_from_its_header(monkeypatch: pytest.MonkeyPatch) -> None:
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")
    assert code_of(bomb) == "image.too_large"
    screen = bytearray(KINDS["gif"][0])
    screen[6:10] = struct.pack("<HH", 60_000, 60_000)  # Pillow's own limit speaks here
    assert code_of(bytes(screen)) == "image.too_large"
    assert code_of(bytes(screen), max_pixels=10**12) == "image.too_large"


@pytest.mark.parametrize("kind", KINDS)
def test_the_pixel_limit_is_exact(kind: str) -> None:
    data = KINDS[kind][0]
    assert images.read(data, max_pixels=60 * 40).height == 40
    assert code_of(data, max_pixels=60 * 40 - 1) == "image.too_large"


@pytest.mark.parametrize(
    "data",
    [
        b"<html>not found</html>",
        b"version https://example.org/spec/v1\noid sha256:00\n",
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 0, 9, 8, 2, 0, 0, 0)) + chunk(b"IEND", b""),
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 9, 9, 7, 2, 0, 0, 0)) + chunk(b"IEND", b""),
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",  # Pillow would start another program for this one
        b"\xff\xd8\xff\xe0\x00\x04\x00\x00\xff\xd9",
        b"RIFF\x16\x00\x00\x00WEBPVP8 \x0a\x00\x00\x00" + bytes(10),
    ],
)
def test_what_is_no_image_is_refused(data: bytes) -> None:
    assert code_of(data) in ("image.unreadable", "image.truncated")


def test_an_empty_file_is_refused() -> None:
    assert code_of(b"") == "image.truncated"


def test_damaged_pixels_are_refused_at_the_latest_when_decoded() -> None:
    data = bytearray(KINDS["png grey"][0])
    at = data.index(b"IDAT") + 4
    data[at : at + 40] = bytes(40)
    with pytest.raises(Rejected) as caught:
        images.decode(images.read(bytes(data)).data)
    assert caught.value.code == "image.unreadable"


# Orientation: the record agrees with what is seen


def corners(picture: Image.Image) -> list[bool]:
    """Which corners are dark: top left, top right, bottom left, bottom right."""
    right, low = picture.width - 3, picture.height - 3
    pixels = [picture.convert("L").getpixel(at) for at in ((2, 2), (right, 2), (2, low), (right, low))]
    return [isinstance(level, int) and level < 128 for level in pixels]


def marked(form: str, orientation: int) -> bytes:
    """60 x 40, white, the stored top left corner dark, to be shown as `orientation` says."""
    picture = Image.new("RGB", (60, 40), "white")
    picture.paste((0, 0, 0), (0, 0, 12, 12))
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encoded(picture, form, exif=exif)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize(
    ("orientation", "dark"), [(1, 0), (2, 1), (3, 3), (4, 2), (5, 0), (6, 1), (7, 3), (8, 2), (99, 0)]
)
def test_orientation_is_applied_and_recorded(form: str, orientation: int, dark: int) -> None:
    data = marked(form, orientation)
    checked, picture = images.read(data), images.decode(data)
    assert (checked.width, checked.height) == picture.size == ((40, 60) if 5 <= orientation <= 8 else (60, 40))
    assert corners(picture) == [corner == dark for corner in range(4)]
    assert checked.data == data


def test_metadata_that_cannot_be_read_is_ignored() -> None:
    data = encoded(noise(), "JPEG", exif=b"Exif\0\0nonsense that is no TIFF header")
    assert images.read(data).width == images.decode(data).width == 60


# Decoding


def test_transparency_is_composited_on_white() -> None:
    clear = Image.new("RGBA", (4, 4), (255, 0, 0, 0))
    half = Image.new("RGBA", (4, 4), (0, 0, 0, 128))
    assert images.decode(encoded(clear, "PNG")).getpixel((1, 1)) == (255, 255, 255)
    assert images.decode(encoded(half, "PNG")).getpixel((1, 1)) == (127, 127, 127)
    palette = Image.new("P", (4, 4), 3)
    palette.putpalette([10, 20, 30] * 256)
    assert images.decode(encoded(palette, "PNG", transparency=3)).getpixel((1, 1)) == (255, 255, 255)


def test_sixteen_bit_grey_is_scaled_not_clipped() -> None:
    for level, seen in ((0, 0), (257 * 100, 100), (65535, 255)):
        grey = Image.new("I;16", (4, 4), level)
        assert images.decode(encoded(grey, "PNG")).getpixel((0, 0)) == (seen, seen, seen)


def test_any_buffer_decodes() -> None:
    assert images.decode(memoryview(KINDS["jpeg"][0])).size == (60, 40)


# Where images are found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "images"
    (root / "a").mkdir(parents=True)
    (root / "a" / "x.png").write_bytes(KINDS["png grey"][0])
    (tmp_path / "secret.png").write_bytes(KINDS["png grey"][0])
    (tmp_path / "images-too").mkdir()
    (tmp_path / "images-too" / "y.png").write_bytes(KINDS["png grey"][0])
    (root / "inner.png").symlink_to(root / "a" / "x.png")
    (root / "outer.png").symlink_to(tmp_path / "secret.png")
    (root / "loop.png").symlink_to(root / "loop.png")
    os.mkfifo(root / "pipe.png")
    return root


def test_a_path_is_read(folder: Path) -> None:
    assert images.read(folder / "a" / "x.png").data == KINDS["png grey"][0]


@pytest.mark.parametrize("name", ["a/x.png", "./a/../a/x.png", "inner.png"])
def test_a_file_inside_its_folder_is_read(folder: Path, name: str) -> None:
    assert images.read(FileIn(folder, name)).width == 60


@pytest.mark.parametrize("name", ["../secret.png", "a/../../secret.png", "outer.png", "../images-too/y.png", "..", ""])
def test_a_file_outside_its_folder_is_refused(folder: Path, name: str) -> None:
    assert code_of(FileIn(folder, name)) == "image.path_escapes"


def test_an_absolute_name_is_refused_even_inside(folder: Path) -> None:
    assert code_of(FileIn(folder, str(folder / "a" / "x.png"))) == "image.path_escapes"


@pytest.mark.parametrize("name", ["b.png", "a", "pipe.png", "loop.png", "a/x.png/y", "n\0l", "\ud800.png", "l" * 300])
def test_a_file_that_is_not_there_is_missing(folder: Path, name: str) -> None:
    assert code_of(FileIn(folder, name)) == "image.missing"
    assert code_of(folder / name) == "image.missing"


def test_no_permission_is_said(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("builtins.open", refuse)
    assert code_of(folder / "a" / "x.png") == "image.unreadable"


def test_trouble_of_the_machine_is_no_reject(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr("builtins.open", fail)
    with pytest.raises(OSError, match="Too many open files"):
        images.read(folder / "a" / "x.png")


def test_a_file_over_the_byte_limit_is_not_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "MAX_BYTES", 100)
    assert code_of(folder / "a" / "x.png") == "image.too_large"


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "images.zip"
    with zipfile.ZipFile(path, "w") as file:
        for name in ("a/x.png", "../up.png", "/abs.png", "a\\..\\..\\up.png", "C:/x.png"):
            file.writestr(name, KINDS["png grey"][0])
        file.mkdir("folder")
    return path


def test_a_zip_member_is_read_in_place(archive: Path) -> None:
    assert images.read(ZipMember(archive, "a/x.png")).data == KINDS["png grey"][0]
    assert sorted(path.name for path in archive.parent.iterdir()) == ["images.zip"]


@pytest.mark.parametrize("name", ["../up.png", "/abs.png", "a\\..\\..\\up.png", "C:/x.png", "a/../x.png"])
def test_a_zip_entry_that_climbs_out_is_refused(archive: Path, name: str) -> None:
    assert code_of(ZipMember(archive, name)) == "image.path_escapes"


def test_a_zip_member_or_archive_that_is_not_there_is_missing(archive: Path) -> None:
    assert code_of(ZipMember(archive, "b.png")) == "image.missing"
    assert code_of(ZipMember(archive.with_name("other.zip"), "a/x.png")) == "image.missing"


def test_a_damaged_zip_is_unreadable(archive: Path, tmp_path: Path) -> None:
    data = bytearray(archive.read_bytes())
    data[60:80] = bytes(20)  # inside the first member: its checksum fails
    archive.write_bytes(data)
    assert code_of(ZipMember(archive, "a/x.png")) == "image.unreadable"
    archive.write_bytes(b"no zip at all")
    assert code_of(ZipMember(archive, "a/x.png")) == "image.unreadable"


def test_an_archive_stays_open_until_it_changes(archive: Path) -> None:
    images.read(ZipMember(archive, "a/x.png"))
    before = images._archive.cache_info().misses
    images.read(ZipMember(archive, "a/x.png"))
    assert images._archive.cache_info().misses == before
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("a/x.png", KINDS["jpeg"][0])
    assert images.read(ZipMember(archive, "a/x.png")).media_type == "image/jpeg"


def test_a_zip_bomb_is_refused_unread(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "MAX_BYTES", 100)
    assert code_of(ZipMember(archive, "a/x.png")) == "image.too_large"


def test_every_picture_of_the_real_corpora_is_measured_as_it_is_seen(shared: Path) -> None:
    files = [path for path in sorted((shared / "corpora").rglob("*")) if path.suffix in (".png", ".jpg", ".jpeg")]
    assert files
    for path in files:
        checked = images.read(path)
        assert (checked.width, checked.height) == images.decode(checked.data).size, path.name


def test_a_relative_root_is_the_one_of_now(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, colour in (("a", "red"), ("b", "blue")):
        (tmp_path / name / "img").mkdir(parents=True)
        Image.new("RGB", (2, 2), colour).save(tmp_path / name / "img" / "x.png")
    hashes = []
    for name in ("a", "b"):
        monkeypatch.chdir(tmp_path / name)
        hashes.append(images.read(FileIn(Path("img"), "x.png")).sha256)
    assert hashes[0] != hashes[1]
