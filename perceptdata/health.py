"""What `perceptdata doctor` checks: the machine, the installation, and a workspace against its manifest."""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Literal

import pyarrow as pa
from packaging.requirements import Requirement

from perceptdata import registry
from perceptdata.errors import PerceptDataError, WorkspaceError
from perceptdata.execution.local import default_workers
from perceptdata.manifest import FORMAT, MIGRATIONS, FileEntry, Manifest, written_format
from perceptdata.shard import IMAGES
from perceptdata.workspace import Workspace, hold

LITTLE_SPACE = 2 << 30


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at: what was found, and what to do about it."""

    what: str
    state: Literal["ok", "note", "bad"]
    found: str
    remedy: str = ""


def machine() -> list[Check]:
    """Python, cores, and the space where we stand."""
    free = shutil.disk_usage(".").free
    little = free < LITTLE_SPACE
    return [
        Check("python", "ok", f"{platform.python_version()} on {sys.platform}"),
        Check("cores", "ok", str(default_workers())),
        Check(
            "free space here",
            "note" if little else "ok",
            f"{free / 2**30:.1f} GiB",
            "images need room" if little else "",
        ),
    ]


def installation() -> list[Check]:
    """The packages we need, at versions we take, and every plugin imported once."""
    checks = []
    for line in requires("perceptdata") or []:
        need = Requirement(line)
        extra = need.marker is not None and not need.marker.evaluate({"extra": ""})
        try:
            have = version(need.name)
        except PackageNotFoundError:
            if not extra:
                checks.append(Check(need.name, "bad", "not installed", f"pip install '{need.name}{need.specifier}'"))
            continue
        fits = need.specifier.contains(have, prereleases=True)
        remedy = "" if fits else f"perceptdata takes {need.specifier}: pip install '{need.name}{need.specifier}'"
        checks.append(Check(need.name, "ok" if fits else "bad", have, remedy))
    for kind in registry.KINDS:
        entries = registry.entries(kind, check=True)
        for entry in entries:
            if entry.error:
                checks.append(Check(f"{kind}: {entry.name}", "bad", entry.error, f"mend or uninstall {entry.package}"))
        names = ", ".join(entry.name for entry in entries if not entry.error)
        checks.append(Check(kind, "ok", names or "none"))
    return checks


def workspace(path: Path) -> list[Check]:
    """Every file the manifest names, by its hash; who may write; what is stale."""
    try:
        ws = Workspace(path)
    except PerceptDataError as error:
        return [Check(f"workspace {path}", "bad", str(error))]
    wrong = [
        Check(file.path, "bad", problem, "delete it and run its step again")
        for state in ws.manifest.steps.values()
        for run in state.versions.values()
        for shard in run.shards.values()
        for room, file in shard.files.items()
        if (problem := _problem(ws, room, file))
    ]
    count = sum(
        len(shard.files)
        for state in ws.manifest.steps.values()
        for run in state.versions.values()
        for shard in run.shards.values()
    )
    writable = os.access(path, os.W_OK)
    return [
        Check(
            f"workspace {path}", "ok", f"format {ws.manifest.format}, written by perceptdata {ws.manifest.perceptdata}"
        ),
        Check("files", "bad" if wrong else "ok", f"{count} files, {len(wrong)} of them wrong"),
        Check(
            "may write",
            "ok" if writable else "note",
            "yes" if writable else "no",
            "" if writable else "reading still works",
        ),
        *wrong,
    ]


def _problem(ws: Workspace, room: str, file: FileEntry) -> str:
    path = ws.file(file)
    if not path.exists():
        return "missing"
    if path.stat().st_size != file.bytes:
        return f"{path.stat().st_size} bytes, the manifest says {file.bytes}"
    with open(path, "rb") as handle:
        if room != IMAGES:
            return "" if hashlib.file_digest(handle, "sha256").hexdigest() == file.sha256 else "its hash is another"
    try:
        return _wrong_image(path)
    except (pa.ArrowInvalid, OSError) as error:
        return f"cannot be read ({error})"


def _wrong_image(path: Path) -> str:
    with pa.memory_map(str(path)) as source:
        reader = pa.ipc.open_file(source)
        for number in range(reader.num_record_batches):
            batch = reader.get_batch(number)
            for name, data in zip(batch.column("sha256"), batch.column("bytes"), strict=True):
                if hashlib.sha256(data.as_buffer()).hexdigest() != name.as_py():
                    return f"image {name.as_py()} has other bytes than its name says"
    return ""


def migrate(path: Path) -> list[str]:
    """Bring an older workspace to this version's format, one format at a time; what was done, in sentences."""
    manifest = path / "manifest.json"
    written_format(manifest)  # before the lock, which would leave its file in a folder that is no workspace
    said = []
    with hold(path, "doctor --migrate"):
        found, _ = written_format(manifest)
        while found < FORMAT:
            if found not in MIGRATIONS:
                raise WorkspaceError(f"{path} has workspace format {found}, which nothing migrates; build it anew")
            MIGRATIONS[found](path)
            said.append(f"{path}: format {found} is now format {found + 1}")
            found += 1
        Manifest.read(manifest).write(manifest)
    return said or [f"{path} has format {FORMAT} already"]
