"""A shard is whole or not there: temporary names, one rename, hashes of what is on disk, sentences for a full disk."""

import errno
import hashlib
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from toys import picture

from perceptdata.errors import UsageError, WorkspaceError
from perceptdata.layers import Producer, Reject
from perceptdata.shard import ROW_GROUP, ShardWriter, room_folder

MAKER = Producer(name="toy", version="1", config="00000000")


def reject(number: int, code: str = "row.unreadable") -> Reject:
    return Reject(builder="toy", split="train", key=str(number), code=code, message="no", producer=MAKER)


def image(number: int) -> SimpleNamespace:
    data = picture(number)
    digest = hashlib.sha256(data).hexdigest()
    return SimpleNamespace(sha256=digest, data=data, media_type="image/png", width=24, height=16)


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def write(root: Path, rows: int = 3) -> ShardWriter:
    with ShardWriter(root, "toy", "0a", "00000") as writer:
        for number in range(rows):
            writer.reject(reject(number))
        writer.add_image(image(1))
        assert not [name for name in files(root) if not Path(name).name.startswith(".")]  # nothing final yet
    return writer


def test_the_entry_says_what_is_on_disk(tmp_path: Path) -> None:
    entry = write(tmp_path).entry("input", "toy/00000")
    assert set(entry.files) == {"rejects", "images"}
    assert entry.rejected == {"row.unreadable": 3}
    assert (entry.input, entry.about) == ("input", "toy/00000")
    rejects, pack = entry.files["rejects"], entry.files["images"]
    assert rejects.path == "rejects/toy/0a/00000.parquet"
    data = (tmp_path / rejects.path).read_bytes()
    assert (rejects.rows, rejects.bytes, rejects.sha256) == (3, len(data), hashlib.sha256(data).hexdigest())
    assert (pack.rows, pack.bytes) == (1, (tmp_path / pack.path).stat().st_size)
    assert pack.sha256 == hashlib.sha256(image(1).sha256.encode()).hexdigest()
    assert files(tmp_path) == ["images/toy/0a/00000.arrow", "rejects/toy/0a/00000.parquet"]
    assert room_folder(tmp_path, "rejects", "toy", "0a") == tmp_path / "rejects" / "toy" / "0a"


def test_row_groups_are_bounded_and_pages_indexed(tmp_path: Path) -> None:
    write(tmp_path, rows=2 * ROW_GROUP + 1)
    metadata = pq.ParquetFile(tmp_path / "rejects/toy/0a/00000.parquet").metadata
    assert [metadata.row_group(number).num_rows for number in range(3)] == [ROW_GROUP, ROW_GROUP, 1]
    column = metadata.row_group(0).column(0)
    assert (column.compression, column.has_offset_index) == ("ZSTD", True)


def fill_and_fail(writer: ShardWriter) -> None:
    writer.write("rejects", Reject.table([reject(1)]))
    writer.add_image(image(1))
    raise ZeroDivisionError


def test_an_error_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), ShardWriter(tmp_path, "toy", "0a", "00000") as writer:
        fill_and_fail(writer)
    assert files(tmp_path) == []


def test_two_writers_of_one_shard_do_not_share_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that outlives its killed parent must not spoil the shard that the next run writes."""
    with ShardWriter(tmp_path, "toy", "0a", "00000") as late:
        late.write("rejects", Reject.table([reject(1), reject(2)]))
        with monkeypatch.context() as patch:
            patch.setattr(os, "getpid", lambda: -1)
            with ShardWriter(tmp_path, "toy", "0a", "00000") as fresh:
                fresh.write("rejects", Reject.table([reject(3)]))
        assert pq.read_table(tmp_path / "rejects/toy/0a/00000.parquet").column("key").to_pylist() == ["3"]
    assert pq.read_table(tmp_path / "rejects/toy/0a/00000.parquet").column("key").to_pylist() == ["1", "2"]


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        (errno.ENOSPC, "free some space and run the same command again"),
        (errno.EACCES, "give yourself write permission there"),
        (errno.EROFS, "the file system is read-only"),
    ],
)
@pytest.mark.parametrize("moment", ["open", "write", "fsync", "rename"])
def test_trouble_with_the_disk_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, remedy: str, moment: str
) -> None:
    def fail(*args: Any, **kwargs: Any) -> None:
        raise OSError(code, os.strerror(code))

    target = {
        "open": (pa, "OSFile"),
        "write": (pq.ParquetWriter, "write_table"),
        "fsync": (os, "fsync"),
        "rename": (os, "replace"),
    }
    with monkeypatch.context() as patch:
        patch.setattr(*target[moment], fail)
        with pytest.raises(WorkspaceError) as caught:
            write(tmp_path)
    said = str(caught.value)
    assert str(tmp_path) in said
    assert remedy in said
    assert "\n" not in said
    assert files(tmp_path) == []
    assert write(tmp_path).entry("", "").files["rejects"].rows == 3  # and then it can be written


def test_a_full_device_is_a_sentence(tmp_path: Path) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("this system has no /dev/full")
    (tmp_path / "images/toy/0a").mkdir(parents=True)
    (tmp_path / f"images/toy/0a/.00000.arrow.{os.getpid()}.part").symlink_to(full)
    with (
        pytest.raises(WorkspaceError, match=r"No space left on device.*free some space"),
        ShardWriter(tmp_path, "toy", "0a", "00000") as writer,
    ):
        writer.add_image(image(1))
    assert files(tmp_path) == []


def test_a_source_that_cannot_be_read_is_not_blamed_on_the_workspace(tmp_path: Path) -> None:
    with (
        pytest.raises(UsageError, match=r"/corpus/rows\.jsonl cannot be read"),
        ShardWriter(tmp_path, "toy", "0a", "00000"),
    ):
        raise PermissionError(errno.EACCES, "Permission denied", "/corpus/rows.jsonl")
