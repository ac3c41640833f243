"""What is uploaded is remembered, and a line that was cut short is not."""

from pathlib import Path

import pytest

from perceptdata.errors import WorkspaceError
from perceptdata.publishing.hub.journal import Journal
from perceptdata.publishing.release.shard import Shard

ONE, TWO = Shard("a/1", 3, 10, "00"), Shard("a/2", 3, 10, "11")


def journal(folder: Path, repo: str = "x/y", endpoint: str = "http://hub", digest: str = "abc") -> Journal:
    return Journal(folder, repo, endpoint, digest)


def test_it_remembers(tmp_path: Path) -> None:
    first = journal(tmp_path / "new")
    first.begin()
    first.add(ONE)
    first.add(TWO)
    again = journal(tmp_path / "new")
    assert (again.made("a/1"), again.made("a/2"), again.made("a/3")) == (ONE, TWO, None)


def test_it_is_of_one_release_one_repository_and_one_hub(tmp_path: Path) -> None:
    first = journal(tmp_path)
    first.begin()
    first.add(ONE)
    assert journal(tmp_path, repo="x/z").made("a/1") is None
    assert journal(tmp_path, endpoint="http://other").made("a/1") is None
    assert journal(tmp_path, digest="abd").made("a/1") is None


@pytest.mark.parametrize("cut", range(1, 50, 7))
def test_a_line_cut_short_counts_as_not_written(tmp_path: Path, cut: int) -> None:
    first = journal(tmp_path)
    first.begin()
    first.add(ONE)
    first.add(TWO)
    first.path.write_bytes(first.path.read_bytes()[:-cut])
    again = journal(tmp_path)
    assert (again.made("a/1"), again.made("a/2")) == (ONE, None)
    again.begin()
    again.add(TWO)
    assert journal(tmp_path).made("a/2") == TWO


def test_one_that_cannot_be_read_is_empty(tmp_path: Path) -> None:
    first = journal(tmp_path)
    first.path.write_bytes(b"\xff\xfe\n")
    assert journal(tmp_path).made("a/1") is None
    first.begin()
    first.forget()
    assert not first.path.exists()


def test_a_disk_that_refuses_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(WorkspaceError, match="cannot be written"):
        journal(tmp_path / "file" / "below").begin()
    gone = journal(tmp_path / "never")
    with pytest.raises(WorkspaceError, match="cannot be written"):
        gone.add(ONE)
