"""The same files in a folder: whole, again and again, and nothing of others touched."""

import hashlib
import json
import os
from pathlib import Path

import pytest
from hub.toy import ToyRelease

from perceptdata.errors import UsageError, WorkspaceError
from perceptdata.publishing.hub import folder as module
from perceptdata.publishing.hub.folder import PART, lay, problems


def held(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def check(folder: Path, version: str) -> None:
    said = json.loads((folder / "manifest.json").read_text())
    assert said["version"] == version
    for file in said["files"]:
        assert hashlib.sha256((folder / file["path"]).read_bytes()).hexdigest() == file["sha256"]
    assert {file["path"] for file in said["files"]} == {name for name in held(folder) if name.startswith("toys/")}


def test_a_folder_has_what_a_repository_has(tmp_path: Path) -> None:
    seen: list[tuple[int, int, int]] = []
    done = lay(ToyRelease(), tmp_path / "out", lambda *at: seen.append(at))
    assert held(tmp_path / "out") == [
        "README.md",
        "croissant.json",
        "manifest.json",
        *(f"toys/train-0000{number}-of-00003.parquet" for number in range(3)),
    ]
    assert (done.rows, done.again, len(done.files), seen[-1]) == (12, False, 6, (3, 3, 12))
    assert json.dumps(done.to_json())
    check(tmp_path / "out", "one")
    again = ToyRelease()
    assert lay(again, tmp_path / "out").again
    assert again.written == []


def test_only_ours_is_replaced(tmp_path: Path) -> None:
    lay(ToyRelease(), tmp_path)
    (tmp_path / "toys" / "notes.txt").write_text("mine")
    with (tmp_path / "README.md").open("a") as card:
        card.write("\nRead this.\n")
    done = lay(ToyRelease("two", shards=1), tmp_path)
    assert len(done.gone) == 3
    assert "toys/notes.txt" in held(tmp_path)
    assert (tmp_path / "README.md").read_text().endswith("Read this.\n")
    check_files = [name for name in held(tmp_path) if name.endswith(".parquet")]
    assert check_files == ["toys/train-00000-of-00001.parquet"]
    done = lay(ToyRelease("three", folder="other"), tmp_path)
    assert done.gone == ["toys/train-00000-of-00001.parquet"]
    (tmp_path / "toys" / "notes.txt").unlink()


def test_an_emptied_folder_goes_too(tmp_path: Path) -> None:
    lay(ToyRelease(), tmp_path)
    lay(ToyRelease("two", folder="other"), tmp_path)
    assert not (tmp_path / "toys").exists()


def test_files_of_others_are_refused(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text("{}")
    with pytest.raises(UsageError, match=r"has manifest\.json, which perceptdata did not write; name another"):
        lay(ToyRelease(), tmp_path)
    assert held(tmp_path) == ["manifest.json"]
    assert problems(ToyRelease(problems=["no"]), tmp_path / "new") == ["no"]


def test_a_damaged_file_is_made_again(tmp_path: Path) -> None:
    lay(ToyRelease(), tmp_path)
    (tmp_path / "toys/train-00001-of-00003.parquet").write_bytes(b"")
    assert not lay(ToyRelease(), tmp_path).again
    check(tmp_path, "one")
    (tmp_path / "toys/train-00001-of-00003.parquet").unlink()
    assert not lay(ToyRelease(), tmp_path).again
    check(tmp_path, "one")


@pytest.mark.parametrize("moment", range(6))
def test_interrupted_while_files_are_replaced_it_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: int
) -> None:
    """Even where nothing was there before, so that the manifest that names the files as ours is still within."""
    real, calls = os.replace, []

    def replace(source: Path, to: Path) -> None:
        if PART in str(source) and PART not in str(to):
            calls.append(to)
            if len(calls) == moment + 1:
                raise KeyboardInterrupt
        real(source, to)

    monkeypatch.setattr(module.os, "replace", replace)
    with pytest.raises(KeyboardInterrupt):
        lay(ToyRelease(), tmp_path)
    monkeypatch.setattr(module.os, "replace", real)
    lay(ToyRelease("two", shards=2), tmp_path)
    check(tmp_path, "two")
    assert not (tmp_path / PART).exists()


def test_a_disk_that_refuses_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "out").write_text("a file")
    with pytest.raises(WorkspaceError, match="cannot be written"):
        lay(ToyRelease(), tmp_path / "out")
    monkeypatch.setattr(module, "_free", lambda folder: 10)
    assert "has 0.0 GB free" in problems(ToyRelease(), tmp_path / "new")[0]


def test_a_manifest_cannot_lead_out_of_the_folder(tmp_path: Path) -> None:
    victim = tmp_path / "victim.txt"
    victim.write_text("stay")
    lay(ToyRelease(), tmp_path / "out")
    said = json.loads((tmp_path / "out/manifest.json").read_text())
    said["files"].append({"path": "../victim.txt", "sha256": "0"})
    (tmp_path / "out/manifest.json").write_text(json.dumps(said))
    lay(ToyRelease("two"), tmp_path / "out")
    assert victim.exists()
