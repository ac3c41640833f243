"""The workspace: a dataset on disk.

Examples, images, layers, rejects, views, and a manifest that says how each came about.

    ws = Workspace("ws")                       # open; Workspace.create("ws") makes a new one
    ws.examples()                              # a pyarrow dataset over the current shards
    ws.layer("tags", "spans")
    ws.images[sha256]
    ws.view("sft").to_dataset()
    ws.sql("select stage, count(*) from examples group by stage")

Files lie in `<room>/<step>/<hash8>/<shard>.parquet`: rooms are `examples`, `images`, `rejects` and `layers/<kind>`;
hash8 is of the step's options, so that a rerun with other options stands beside the old one until `status --prune`
removes it.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import socket
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from perceptdata.errors import UsageError, WorkspaceError
from perceptdata.example import Example
from perceptdata.layers import LAYERS, LayerKind, Reject
from perceptdata.manifest import FileEntry, Manifest, ShardEntry, StepState, StepVersion, disk_error
from perceptdata.packs import ImageStore
from perceptdata.records import Record
from perceptdata.shard import IMAGES, TEMPORARY

if TYPE_CHECKING:
    import duckdb
    import pyarrow.dataset as ds

    from perceptdata.view import View

EXAMPLES = "examples"
REJECTS = "rejects"


def layer_room(kind: LayerKind) -> str:
    """The room of a layer kind."""
    return f"layers/{kind}"


ROOMS: dict[str, type[Record]] = {
    EXAMPLES: Example,
    REJECTS: Reject,
    **{layer_room(kind): record for kind, record in LAYERS.items()},
}


class Workspace:
    """An open workspace. Reading needs no lock; whoever writes holds `lock()`."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        if not self.manifest_path.exists():
            raise WorkspaceError(
                f"{self.path} is not a workspace (it has no manifest.json); make one with: "
                f"perceptdata build … --workspace {self.path}"
            )
        self.manifest = Manifest.read(self.manifest_path)

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Workspace:
        """The workspace at `path`. Raises WorkspaceError where there is none, or one of a newer perceptdata."""
        return cls(path)

    @classmethod
    def create(cls, path: str | os.PathLike[str]) -> Workspace:
        """The workspace at `path`, made empty first where there is none. Refuses a folder that holds other things."""
        folder = Path(path)
        manifest = folder / "manifest.json"
        if not manifest.exists():
            try:
                folder.mkdir(parents=True, exist_ok=True)
                strangers = [item.name for item in folder.iterdir() if not item.name.startswith(".")]
            except OSError as error:
                raise disk_error(error, folder) from error
            if strangers:
                raise UsageError(
                    f"{folder} holds other files ({strangers[0]}, …); name an empty folder with --workspace"
                )
            Manifest().write(manifest)
        return cls(folder)

    @property
    def manifest_path(self) -> Path:
        """The manifest's file."""
        return self.path / "manifest.json"

    def save(self) -> None:
        """Write the manifest; the caller holds the lock."""
        self.manifest.write(self.manifest_path)

    @contextmanager
    def lock(self, doing: str) -> Iterator[None]:
        """Hold the workspace for writing. Raises WorkspaceError that says who holds it already."""
        with hold(self.path, doing):
            self.manifest = Manifest.read(self.manifest_path)
            self._forget()
            yield

    def _forget(self) -> None:
        self.__dict__.pop("images", None)

    # Shards

    def shards(self, room: str, step: str | None = None) -> list[tuple[str, str, ShardEntry, FileEntry]]:
        """The current shards of a room as (step, shard, entry, file), in manifest order; of one step, or of all."""
        found = []
        for name, state in self.manifest.steps.items():
            if step is None or step == name:
                for shard, entry in sorted(state.current.shards.items()):
                    if room in entry.files:
                        found.append((name, shard, entry, entry.files[room]))
        return found

    def file(self, entry: FileEntry) -> Path:
        """The path of a shard's file."""
        return self.path / entry.path

    def dataset(self, room: str, step: str | None = None) -> ds.Dataset:
        """The current rows of a room, over all steps or of one."""
        import pyarrow.dataset as ds  # brings pandas along where that is installed: a quarter of a second

        paths = [self.file(file) for _, _, _, file in self.shards(room, step)]
        missing = [path for path in paths if not path.exists()]
        if missing:
            raise WorkspaceError(f"{missing[0]} is in the manifest but not on disk; run the step that made it again")
        return ds.dataset([str(path) for path in paths], schema=ROOMS[room].arrow_schema(), format="parquet")

    def examples(self, source: str | None = None) -> ds.Dataset:
        """All current examples, or those of one source."""
        return self.dataset(EXAMPLES, source)

    def rejects(self, step: str | None = None) -> ds.Dataset:
        """All current rejects, or those of one step."""
        return self.dataset(REJECTS, step)

    def layer(self, step: str, kind: LayerKind) -> ds.Dataset:
        """The rows of one layer kind that a step wrote. Raises UsageError where it wrote none."""
        if not self.shards(layer_room(kind), step):
            have = [name for name, kinds in self.layers().items() if kind in kinds]
            raise UsageError(f"step '{step}' has no {kind}; {', '.join(have) or 'no step'} has")
        return self.dataset(layer_room(kind), step)

    def layers(self) -> dict[str, list[LayerKind]]:
        """Which step wrote which kinds of layer."""
        found: dict[str, list[LayerKind]] = {}
        for name in self.manifest.steps:
            kinds = [kind for kind in LAYERS if self.shards(layer_room(kind), name)]
            if kinds:
                found[name] = kinds
        return found

    def sources(self) -> list[str]:
        """The steps that built examples, in order."""
        return [name for name, state in self.manifest.steps.items() if state.current.do == "build"]

    @cached_property
    def images(self) -> ImageStore:
        """All current image packs."""
        return ImageStore([self.file(file) for _, _, _, file in self.shards(IMAGES)])

    def table(self, file: FileEntry) -> pa.Table:
        """One parquet shard, memory-mapped: made readable at random through an uncompressed copy under `cache/`."""
        copy = self.path / "cache" / "tables" / f"{file.sha256}.arrow"
        if not copy.exists():
            table = pq.read_table(self.file(file)).combine_chunks()
            beside = copy.with_name(f".{copy.name}.{os.getpid()}{TEMPORARY}")
            try:
                copy.parent.mkdir(parents=True, exist_ok=True)
                with pa.OSFile(str(beside), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
                    writer.write_table(table)
                os.replace(beside, copy)
            except OSError:  # no room or no permission: a workspace can be read all the same
                with suppress(OSError):
                    beside.unlink(missing_ok=True)
                return table
        return pa.ipc.open_file(pa.memory_map(str(copy))).read_all()

    # Steps

    def begin(self, step: str, version: str, do: str, options: Mapping[str, Any], expected: int) -> StepVersion:
        """Enter a run of a step in the manifest and make it the active one; the caller holds the lock."""
        state = self.manifest.steps.setdefault(step, StepState(active=version))
        run = state.versions.setdefault(version, StepVersion(do=do, options=dict(options), started=_now()))
        state.active = version
        run.expected = expected
        run.finished = None
        self.save()
        return run

    def finish(self, run: StepVersion) -> None:
        """Mark a run as whole."""
        run.finished = _now()
        self.save()
        self._forget()

    def stale(self) -> list[tuple[str, str]]:
        """Runs that are no longer the active one of their step, as (step, hash8)."""
        return [
            (name, version)
            for name, state in self.manifest.steps.items()
            for version in state.versions
            if version != state.active
        ]

    def prune(self, keep: Collection[str] | None = None) -> int:
        """Remove stale runs, files that no manifest entry names, and the cache; the bytes freed.

        With `keep`, steps of other names go too. The caller holds the lock.
        """
        for name in [] if keep is None else set(self.manifest.steps).difference(keep):
            del self.manifest.steps[name]
        for name, version in self.stale():
            del self.manifest.steps[name].versions[version]
        self.save()
        named = {
            self.file(file)
            for state in self.manifest.steps.values()
            for run in state.versions.values()
            for shard in run.shards.values()
            for file in shard.files.values()
        }
        freed = 0
        for room in (EXAMPLES, IMAGES, REJECTS, "layers"):
            for path in sorted((self.path / room).rglob("*"), reverse=True):
                if path.is_dir():
                    if not any(path.iterdir()):
                        path.rmdir()
                elif path not in named:
                    freed += path.stat().st_size
                    path.unlink()
        cache = self.path / "cache"
        if cache.exists():
            freed += sum(path.stat().st_size for path in cache.rglob("*") if path.is_file())
            shutil.rmtree(cache)
        self._forget()
        return freed

    # Views and questions

    def view(self, name: str) -> View:
        """The named view: one that a recipe defined, a stage's default view, or `all`."""
        from perceptdata.view import open_view  # views stand above the workspace; this is the promised shortcut

        return open_view(self, name)

    def sql(self, query: str) -> duckdb.DuckDBPyRelation:
        """Ask the workspace: tables `examples`, `rejects`, each layer kind, and each step by its name."""
        from perceptdata.query import ask

        return ask(self, query)


@contextmanager
def hold(folder: Path, doing: str) -> Iterator[None]:
    """Hold the lock of the workspace in `folder`, whatever its format. Raises WorkspaceError that says who holds it.

    The lock is the operating system's, so it ends with its process however that ends; a note left by a dead process is
    overwritten.
    """
    try:
        handle = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise disk_error(error, folder) from error
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise WorkspaceError(f"{folder} is in use by {_holder(handle)}; wait for it, or end it") from None
        except OSError as error:
            raise WorkspaceError(f"{folder} cannot be locked ({error.strerror}); use another file system") from error
        note = {"pid": os.getpid(), "host": socket.gethostname(), "doing": doing, "since": _now()}
        try:
            os.ftruncate(handle, 0)
            os.pwrite(handle, json.dumps(note).encode(), 0)
        except OSError as error:
            raise disk_error(error, folder) from error
        yield
        os.ftruncate(handle, 0)
    finally:
        os.close(handle)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _holder(handle: int) -> str:
    try:
        note = json.loads(os.pread(handle, 4096, 0))
        return f"process {note['pid']} on {note['host']} ({note['doing']}, since {note['since']})"
    except (ValueError, KeyError):
        return "another process"
