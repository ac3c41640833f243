import base64
import io
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from perceptdata.builders.reading.pictures import Store, kind_of, references
from perceptdata.draft import FileIn, ZipMember
from perceptdata.errors import Rejected, UsageError


def png() -> bytes:
    data = io.BytesIO()
    Image.new("RGB", (3, 2), "red").save(data, "PNG")
    return data.getvalue()


PNG = png()
TEXT = base64.b64encode(PNG).decode()


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (PNG, "embedded"),
        ({"bytes": PNG, "path": None}, "embedded"),
        ({"bytes": None, "path": "a.png"}, "path"),
        (TEXT, "base64"),
        (f"data:image/png;base64,{TEXT}", "base64"),
        ("images/4.JPG", "path"),
        (["a.png", "b.png"], "path"),
        ("['a.png', 'b.png']", "path"),
        ("https://example.org/a.png?x=1", "url"),
        ("What is in a.png?\n", None),
        ("QUJD" * 40, None),  # base64 of something that is no image
        (b"text", None),
        (["a.png", PNG], None),
        ("[1, 2", None),
        ("[open('a.png')]", None),
        (4, None),
    ],
)
def test_kinds_by_value(value: object, kind: str | None) -> None:
    assert kind_of(value) == kind


def test_references_of_every_kind(tmp_path: Path) -> None:
    store = Store(tmp_path)
    assert references(TEXT, store) == references(f"data:image/png;base64,{TEXT}", store) == [PNG]
    assert references({"bytes": PNG, "path": "a.png"}, store) == references(PNG, store) == [PNG]
    assert references("['a.png', 'b.png']", store) == [FileIn(tmp_path, "a.png"), FileIn(tmp_path, "b.png")]
    assert references({"path": "a.png"}, store) == [FileIn(tmp_path, "a.png")]
    assert references(None, store) == references([], store) == references("", store) == []


def test_a_path_may_name_its_root_again(tmp_path: Path) -> None:
    root = tmp_path / "images"
    (root / "images").mkdir(parents=True)
    (root / "4.jpg").touch()
    (root / "images/5.jpg").touch()
    assert references("images/4.jpg", Store(root)) == [FileIn(root, "4.jpg")]
    assert references("images/5.jpg", Store(root)) == [FileIn(root, "images/5.jpg")]
    assert references("images/6.jpg", Store(root)) == [FileIn(root, "images/6.jpg")]  # missing; the engine says so


def test_a_zip_file(tmp_path: Path) -> None:
    archive = tmp_path / "images.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("4.png", PNG)
    assert (
        references("images/4.png", Store(archive))
        == references("4.png", Store(archive))
        == [ZipMember(archive, "4.png")]
    )


def test_roots_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("no archive")
    with pytest.raises(UsageError, match="neither a folder nor a zip file"):
        references("a.png", Store(tmp_path / "a.txt"))
    with pytest.raises(UsageError, match="does not exist"):
        references("a.png", Store(tmp_path / "none"))


def test_addresses_and_strange_values(tmp_path: Path) -> None:
    with pytest.raises(Rejected, match="download the pictures") as caught:
        references("https://example.org/a.png", Store(tmp_path))
    assert caught.value.code == "image.missing"
    with pytest.raises(Rejected, match="holds a int"):
        references([7], Store(tmp_path))
