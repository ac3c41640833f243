"""The manifest: written whole, refused when damaged or newer, and the one fingerprint function."""

import hashlib
import os
from pathlib import Path
from typing import Any

import pytest

from perceptdata import manifest
from perceptdata.errors import WorkspaceError
from perceptdata.manifest import FORMAT, FileEntry, Manifest, ShardEntry, StepState, StepVersion, digest


def filled() -> Manifest:
    file = FileEntry(path="examples/toy/0a/00000.parquet", rows=3, bytes=10, sha256="ff")
    shard = ShardEntry(input="in", about="toy/00000", files={"examples": file}, rejected={"id.duplicate": 1})
    run = StepVersion(do="build", options={"limit": None}, expected=1, finished="now", shards={"00000": shard})
    return Manifest(steps={"toy": StepState(active="0a", versions={"0a": run})})


def test_it_comes_back_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "manifest.json"
    filled().write(path)
    assert Manifest.read(path) == filled()
    assert [item.name for item in tmp_path.iterdir()] == ["manifest.json"]


def test_a_run_is_complete_when_all_shards_are_there_and_it_was_closed() -> None:
    run = filled().steps["toy"].current
    assert run.complete
    assert run.rows("examples") == 3
    assert run.rows("rejects") == 0
    assert not run.model_copy(update={"expected": 2}).complete
    assert not run.model_copy(update={"finished": None}).complete


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "is not a workspace manifest"),
        ("{", "is not a workspace manifest"),
        ("[]", "is not a workspace manifest"),
        ('{"steps": {}}', "is not a workspace manifest"),
        (b"\xff\xfe\x00", "is not a workspace manifest"),
        (f'{{"format": {FORMAT}, "stepz": {{}}}}', "is damaged (1 wrong entries)"),
        (f'{{"format": {FORMAT}, "steps": {{"a": {{"active": "0a"}}}}}}', "is damaged (step 'a' has no active run)"),
        ('{"format": 999, "anything": 1}', "was written by a newer perceptdata (workspace format 999"),
        ('{"format": 0, "anything": 1}', "doctor --migrate --workspace"),
    ],
)
def test_what_cannot_be_read_is_said_in_one_sentence(tmp_path: Path, content: str | bytes, said: str) -> None:
    path = tmp_path / "manifest.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(WorkspaceError) as caught:
        Manifest.read(path)
    assert said in str(caught.value)
    assert str(tmp_path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_writing_replaces_the_whole_file_or_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "manifest.json"
    filled().write(path)
    before = path.read_bytes()

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(
        WorkspaceError, match=r"manifest\.json cannot be written \(No space left on device\); free some"
    ):
        Manifest().write(path)
    assert path.read_bytes() == before


def test_it_is_synced_before_it_is_renamed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    fsync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda handle: (done.append("sync"), fsync(handle)))
    monkeypatch.setattr(os, "replace", lambda *paths: (done.append("rename"), replace(*paths)))
    manifest.write_atomically(tmp_path / "file", b"data")
    assert done == ["sync", "rename", "sync"]  # the file, its new name, the folder that holds the name


@pytest.mark.parametrize("pair", [({"a": 1, "b": 2}, {"b": 2, "a": 1}), ([1, (2, 3)], [1, [2, 3]])])
def test_equal_values_have_one_digest(pair: tuple[Any, Any]) -> None:
    assert digest(pair[0]) == digest(pair[1])


def test_different_values_have_different_digests() -> None:
    values: list[tuple[Any, ...]] = [("a", "b"), ("ab",), (["a", "b"],), (1,), ("1",), (None,), ({"a": None},), ()]
    assert len({digest(*value) for value in values}) == len(values)
    assert digest("a") == hashlib.sha256(b'["a"]').hexdigest()
