"""A release in a folder: the layout of a repository, for looking at it, for other stores, and for `perceptdata clone`.

The same folder may be written again: what an earlier release left there and this one has not is removed, whatever else
lies there stays.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from perceptdata.errors import UsageError
from perceptdata.manifest import disk_error, write_atomically
from perceptdata.publishing.hub.client import CARD, MANIFEST, SMALL, ours
from perceptdata.publishing.hub.publish import Watch, listed
from perceptdata.publishing.release.shard import Shard

if TYPE_CHECKING:
    from perceptdata.publishing.release.shard import Release

PART = ".perceptdata.part"


@dataclass(slots=True)
class Laid:
    """What lies in the folder now. `gone` was ours and is no more; `again`: this very release lay there."""

    folder: Path
    digest: str
    files: list[Path]
    rows: int
    bytes: int
    gone: list[str]
    again: bool

    def to_json(self) -> dict[str, Any]:
        """Plain values, for `--json`."""
        return {**asdict(self), "folder": str(self.folder), "files": [str(path) for path in self.files]}


def problems(release: Release, folder: Path) -> list[str]:
    """Everything that forbids writing the release there."""
    earlier = _named(folder)
    planned = {shard.path for shard in release.plan()}
    foreign = sorted(path for path in (planned | SMALL) - earlier if (folder / path).exists())
    found = list(release.problems())
    if foreign:
        found.append(f"{folder} has {foreign[0]}, which perceptdata did not write; name another folder with --to")
    need, free = sum(shard.bytes for shard in release.plan()), _free(folder)
    if need > free:
        found.append(f"{folder} has {free / 1e9:.1f} GB free, the release takes {need / 1e9:.1f} GB; free some space")
    return found


def lay(release: Release, folder: Path, watch: Watch | None = None) -> Laid:
    """Write the release into a folder. Raises UsageError with everything that forbids it, before anything is written.

    All files are whole in a folder within before the first old one is replaced; the manifest among them says which are
    ours if that is interrupted.
    """
    if found := problems(release, folder):
        raise UsageError(listed(f"{folder} cannot be written", found))
    before, planned = _manifest(folder), list(release.plan())
    if before.get("digest") == release.digest and _is_whole(folder, before):
        names = [*(shard.path for shard in planned), *sorted(SMALL), CARD]
        return _laid(release, folder, [name for name in names if (folder / name).exists()], [], again=True)
    part, card, named = folder / PART, folder / CARD, _named(folder)
    shards: list[Shard] = []
    made: dict[str, Path] = {}
    rows = 0
    try:
        if (part / MANIFEST).exists():  # interrupted while files were replaced: they are ours from now on
            os.replace(part / MANIFEST, folder / MANIFEST)
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        for shard, path in release.shards(part, lambda path: None):
            shards.append(shard)
            rows += shard.rows
            made[shard.path] = path or part / shard.path
            if watch is not None:
                watch(len(shards), len(planned), rows)
        closing = release.closing(shards, card.read_text(encoding="utf-8") if card.exists() else None)
        for name, data in closing.items():
            made[name] = part / name
            made[name].parent.mkdir(parents=True, exist_ok=True)
            write_atomically(made[name], data)
        for name in sorted(made, key=lambda name: name == MANIFEST):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            os.replace(made[name], folder / name)
        gone = _remove(folder, named - SMALL - {*made, CARD})
        shutil.rmtree(part)
    except OSError as error:
        raise disk_error(error, folder) from error
    return _laid(release, folder, list(made), gone, again=False)


def _laid(release: Release, folder: Path, names: list[str], gone: list[str], again: bool) -> Laid:
    files = [folder / name for name in names]
    size = sum(path.stat().st_size for path in files if path.suffix == ".parquet")
    return Laid(folder, release.digest, files, sum(shard.rows for shard in release.plan()), size, gone, again)


def _manifest(folder: Path) -> dict[str, Any]:
    """The release that lies there, as its manifest says; without a digest if none does."""
    try:
        return ours((folder / MANIFEST).read_bytes()) or {"files": []}
    except OSError:
        return {"files": []}


def _named(folder: Path) -> set[str]:
    """Files that are ours, whole or in the middle of being replaced."""
    found = [_manifest(place) for place in (folder, folder / PART)]
    named = {file["path"] for manifest in found for file in manifest["files"]}
    return named | SMALL if any("digest" in manifest for manifest in found) else named


def _is_whole(folder: Path, manifest: dict[str, Any]) -> bool:
    """Whether every file is there with the bytes that the manifest names."""
    for file in manifest["files"]:
        try:
            with (folder / file["path"]).open("rb") as data:
                if hashlib.file_digest(data, "sha256").hexdigest() != file["sha256"]:
                    return False
        except OSError:
            return False
    return True


def _remove(folder: Path, names: set[str]) -> list[str]:
    """Take away what only an earlier release had, and the folders that are empty then."""
    gone = []
    for name in sorted(names):
        path = folder / name
        if path.is_file() and path.resolve().is_relative_to(folder.resolve()):
            path.unlink()
            gone.append(name)
            if path.parent != folder and not any(path.parent.iterdir()):
                path.parent.rmdir()
    return gone


def _free(folder: Path) -> int:
    here = next(parent for parent in (folder, *folder.absolute().parents) if parent.exists())
    return shutil.disk_usage(here).free
