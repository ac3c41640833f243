"""Images stored once by content, found by hash, and read without copies or decoding."""

import hashlib
import random
from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa
import pytest
from toys import picture

from perceptdata import packs
from perceptdata.errors import WorkspaceError
from perceptdata.packs import ImageStore, PackWriter


def image(number: int) -> SimpleNamespace:
    data = picture(number)
    digest = hashlib.sha256(data).hexdigest()
    return SimpleNamespace(sha256=digest, data=data, media_type="image/png", width=24, height=16)


def write(path: Path, numbers: list[int]) -> PackWriter:
    with PackWriter(path) as pack:
        for number in numbers:
            pack.add(image(number))
    return pack


def test_equal_content_is_stored_once(tmp_path: Path) -> None:
    pack = write(tmp_path / "a.arrow", [1, 2, 1, 1, 3])
    assert pack.rows == 3
    assert len(ImageStore([tmp_path / "a.arrow"])) == 3
    once = write(tmp_path / "b.arrow", [1, 2, 3])
    assert once.digest == pack.digest
    assert (tmp_path / "a.arrow").read_bytes() == (tmp_path / "b.arrow").read_bytes()
    assert write(tmp_path / "c.arrow", [2, 1, 3]).digest != pack.digest


def test_bytes_are_untouched_and_found_by_hash(tmp_path: Path) -> None:
    write(tmp_path / "a.arrow", [1, 2])
    write(tmp_path / "b.arrow", [2, 3])
    store = ImageStore([tmp_path / "a.arrow", tmp_path / "b.arrow"])
    assert len(store) == 3
    for number in (1, 2, 3):
        assert store[image(number).sha256].to_pybytes() == picture(number)
        assert image(number).sha256 in store
    assert image(4).sha256 not in store
    assert store.row(image(3).sha256) == {
        "sha256": image(3).sha256,
        "media_type": "image/png",
        "width": 24,
        "height": 16,
    }


@pytest.mark.parametrize("batch_bytes", [1, 300, 1 << 20])
def test_gather_keeps_the_order_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batch_bytes: int) -> None:
    monkeypatch.setattr(packs, "BATCH_BYTES", batch_bytes)  # one image a batch, a few, all
    write(tmp_path / "a.arrow", list(range(8)))
    write(tmp_path / "b.arrow", list(range(4, 12)))
    store = ImageStore([tmp_path / "a.arrow", tmp_path / "b.arrow"])
    draw = random.Random(5)
    for _ in range(30):
        numbers = [draw.randrange(12) for _ in range(draw.randrange(1, 9))]
        gathered = store.gather([image(number).sha256 for number in numbers])
        assert gathered.to_pylist() == [picture(number) for number in numbers]
    assert store.gather([]).to_pylist() == []
    assert store.gather([]).type == pa.binary()


def test_sizes_are_those_of_the_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packs, "BATCH_BYTES", 300)
    write(tmp_path / "a.arrow", list(range(8)))
    numbers = [5, 0, 5, 7]
    sizes = ImageStore([tmp_path / "a.arrow"]).sizes([image(number).sha256 for number in numbers])
    assert sizes.tolist() == [len(picture(number)) for number in numbers]


def test_a_missing_image_is_named(tmp_path: Path) -> None:
    write(tmp_path / "a.arrow", [1])
    missing = image(2).sha256
    for store in (ImageStore([tmp_path / "a.arrow"]), ImageStore([])):
        with pytest.raises(WorkspaceError, match=f"image {missing} is in no pack; build its source again"):
            store.gather([missing])
        with pytest.raises(WorkspaceError, match=missing):
            store[missing]
        assert missing not in store


@pytest.mark.parametrize("damage", ["cut", "gone", "garbage"])
def test_a_damaged_pack_is_named(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "a.arrow"
    write(path, [1, 2])
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-100])
    elif damage == "gone":
        path.unlink()
    else:
        path.write_bytes(b"not arrow" * 50)
    with pytest.raises(WorkspaceError, match=r"a\.arrow cannot be read .*; build its source again"):
        len(ImageStore([path]))


def test_opening_reads_nothing(tmp_path: Path) -> None:
    store = ImageStore([tmp_path / "not-there.arrow"])
    with pytest.raises(WorkspaceError):
        store.gather([image(1).sha256])
