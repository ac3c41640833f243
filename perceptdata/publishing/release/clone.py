"""A published dataset back as a workspace: examples, images and layers, as they were when it was published.

    cloned = clone("acme/geometry", Path("workspace"))
    cloned.rows                                         # {"examples": 9000, "spans": 17200}

Read from the config `full`, one file after another; every file is held against the manifest's hash before a row of it
is used, every image against its own. A file becomes one shard of each source with rows in it, and of each layer. What
is entered in the workspace stays, so that an interrupted clone goes on with the next file.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pydantic import BaseModel, ValidationError

from perceptdata import images
from perceptdata.errors import Rejected, UsageError, WorkspaceError
from perceptdata.example import Example
from perceptdata.layers import LAYERS, LayerKind
from perceptdata.manifest import ShardEntry, ViewState, disk_error, write_atomically
from perceptdata.publishing.release.config import FULL
from perceptdata.publishing.release.layers import IMAGE, PUBLISHED
from perceptdata.publishing.release.origin import Origin, open_origin
from perceptdata.publishing.release.record import FORMAT, MANIFEST
from perceptdata.publishing.release.shard import Shard
from perceptdata.shard import IMAGES, ShardWriter
from perceptdata.view import ViewSpec
from perceptdata.workspace import EXAMPLES, Workspace, layer_room

MARK = "clone.json"
"""In a cloned workspace: what it is a clone of."""
Watch = Callable[[int, int, int], None]


def _unwatched(done: int, total: int, rows: int) -> None:
    """Nobody looks."""


class _StepSaid(BaseModel):
    do: str
    version: str
    options: dict[str, Any]
    rows: dict[str, int]
    rejected: dict[str, int] = {}


class Published(BaseModel):
    """What a manifest must say for a clone; everything else in it is for people."""

    format: int
    digest: str
    configs: dict[str, dict[str, Any]]
    steps: dict[str, _StepSaid]
    views: dict[str, dict[str, Any]] = {}
    files: list[Shard]

    def full(self) -> list[Shard]:
        """The files that are read."""
        return [file for file in self.files if file.path.startswith(f"{FULL}/")]


@dataclass(frozen=True, slots=True)
class Cloned:
    """What a clone brought: rows by room, files read now and those that were there already."""

    source: str
    revision: str | None
    digest: str
    rows: dict[str, int]
    read: int
    kept: int

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {name: getattr(self, name) for name in self.__slots__}


def read_published(origin: Origin) -> Published:
    """The manifest. Raises UsageError for a dataset that a clone cannot be made of."""
    data = origin.read(MANIFEST)
    if data is None:
        raise UsageError(f"{origin.name} has no {MANIFEST}: perceptdata did not publish it; read it with a builder")
    try:
        said = json.loads(data)
        if isinstance(said, dict) and isinstance(said.get("format"), int) and said["format"] > FORMAT:
            raise UsageError(f"{origin.name} was published by a newer perceptdata; upgrade to clone it")
        published = Published.model_validate(said)
    except (ValueError, ValidationError) as error:
        raise UsageError(f"{MANIFEST} of {origin.name} is not one that perceptdata wrote, or is damaged") from error
    if not published.full():
        views = ", ".join(published.configs)
        raise UsageError(
            f"{origin.name} holds views only ({views}), without the layers behind them; a clone needs the config "
            f"'{FULL}', which `perceptdata publish` writes without --view"
        )
    return published


def clone(
    source: str, workspace: Path, revision: str | None = None, endpoint: str | None = None, watch: Watch = _unwatched
) -> Cloned:
    """Bring a published dataset, of a folder or the Hub, into a workspace that is new or an interrupted clone of it.

    Raises WorkspaceError for a file that is not what the manifest says.
    """
    origin = open_origin(source, revision, endpoint)
    published = read_published(origin)
    ws = Workspace.create(workspace)
    with ws.lock("clone"):
        _claim(ws, origin, published)
        return _Clone(ws, origin, published, watch).run()


def _claim(ws: Workspace, origin: Origin, published: Published) -> None:
    """Say whose clone the workspace is; only an empty one, or one that says so already, will do."""
    mark = ws.path / MARK
    said = {"source": Path(origin.name).name if origin.revision is None else origin.name, "digest": published.digest}
    try:
        known = json.loads(mark.read_bytes()) if mark.exists() else None
    except ValueError:
        known = {}
    if known is None and ws.manifest.steps:
        raise UsageError(f"{ws.path} holds data of its own; name an empty folder with --workspace")
    if known is not None and known.get("digest") != published.digest:
        raise UsageError(f"{ws.path} is a clone of something else, or of another version; name an empty folder")
    write_atomically(mark, json.dumps(said, indent=1).encode())


@dataclass(slots=True)
class _Clone:
    """One run. `seen` are the images so far: what is said of an image goes with the first row that shows it."""

    ws: Workspace
    origin: Origin
    published: Published
    watch: Watch
    seen: set[str] = field(default_factory=set)

    def run(self) -> Cloned:
        """Read what is missing, then hold the whole against the manifest."""
        files = self.published.full()
        self._begin(len(files))
        read = rows = 0
        for number, file in enumerate(files):
            self.watch(number, len(files), rows)
            if not self._shards(file):
                self._bring(file)
                read += 1
            for _, _, entry in self._shards(file):
                if IMAGES in entry.files:
                    self.seen.update(_hashes(self.ws.file(entry.files[IMAGES])))
            rows += file.rows
        self.watch(len(files), len(files), rows)
        counted = self._finish()
        revision, digest = self.origin.revision, self.published.digest
        return Cloned(self.origin.name, revision, digest, counted, read, len(files) - read)

    def _begin(self, files: int) -> None:
        """Enter the steps that brought published rows, in their order, and the views."""
        for name, step in self.published.steps.items():
            state = self.ws.manifest.steps.get(name)
            if self._expected(step) and (state is None or state.current.finished is not None):
                self.ws.begin(name, step.version, step.do, step.options, files)
        for name, view in self.published.views.items():
            definition = ViewSpec.model_validate(view["definition"]).definition()
            self.ws.manifest.views.setdefault(name, ViewState(definition=definition))
        self.ws.save()

    @staticmethod
    def _expected(step: _StepSaid) -> dict[str, int]:
        """The rows of a step that a clone has, by room."""
        rooms = {EXAMPLES, *map(layer_room, PUBLISHED)}
        return {room: rows for room, rows in step.rows.items() if room in rooms and rows}

    def _shards(self, file: Shard) -> list[tuple[str, str, ShardEntry]]:
        """The shards that were made of a file; none where they are not whole. One save enters them all."""
        found = [
            (name, shard, entry)
            for name, state in self.ws.manifest.steps.items()
            for shard, entry in state.current.shards.items()
            if entry.input == file.sha256
        ]
        whole = all(self.ws.file(each).exists() for _, _, entry in found for each in entry.files.values())
        return found if whole else []

    def _bring(self, file: Shard) -> None:
        """Make the shards of one file."""
        scratch = self.ws.path / "cache" / "clone"
        try:
            scratch.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise disk_error(error, scratch) from error
        with self.origin.file(file.path, scratch) as path:
            _check(path, file, self.origin.name)
            writers: dict[tuple[str, str, str], ShardWriter] = {}
            with ExitStack() as stack:
                for table in _row_groups(path, file):
                    self._write(table, file, writers, stack)
        for (step, shard, about), writer in writers.items():
            self.ws.manifest.steps[step].current.shards[shard] = writer.entry(file.sha256, about)
        self.ws.save()

    def _write(
        self, table: pa.Table, file: Shard, writers: dict[tuple[str, str, str], ShardWriter], stack: ExitStack
    ) -> None:
        """The rows of one row group, source by source."""
        stem = Path(file.path).stem
        fresh = self._first_shown(table)
        sources = [unquote(each.partition("/")[0]) for each in table.column("id").to_pylist()]

        def writer(step: str, shard: str, about: str) -> ShardWriter:
            key = (step, shard, about)
            if key not in writers:
                if step not in self.ws.manifest.steps:
                    raise WorkspaceError(f"{file.path} has rows of step '{step}', of which {MANIFEST} says nothing")
                version = self.ws.manifest.steps[step].active
                writers[key] = stack.enter_context(ShardWriter(self.ws.path, step, version, shard))
            return writers[key]

        for source in dict.fromkeys(sources):
            at = np.flatnonzero(np.asarray(sources, object) == source)
            rows, about = table.take(pa.array(at)), f"{source}/{stem}"
            own = writer(source, stem, about)
            own.write(EXAMPLES, _examples(rows))
            for info, data in zip(rows.column("image_info").to_pylist(), rows.column("images"), strict=True):
                for said, picture in zip(info, data, strict=True):
                    own.add_image(_image(said, picture["bytes"].as_buffer(), file))
            for kind in PUBLISHED:
                if kind not in rows.column_names:
                    continue
                for step, layer in _layer(rows.column(kind), kind, [fresh[place] for place in at]).items():
                    writer(*((step, stem, about) if step == source else (step, f"{source}-{stem}", about))).write(
                        layer_room(kind), layer
                    )

    def _first_shown(self, table: pa.Table) -> list[frozenset[str]]:
        """Of each row, the images that no row before it shows, in this file or an earlier one."""
        found = []
        for info in table.column("image_info").to_pylist():
            new = frozenset(image["sha256"] for image in info) - self.seen
            self.seen |= new
            found.append(new)
        return found

    def _finish(self) -> dict[str, int]:
        """Close the steps; the rows by room. Raises WorkspaceError where they are not as many as were published."""
        counted: Counter[str] = Counter()
        for name, step in self.published.steps.items():
            expected = self._expected(step)
            if not expected:
                continue
            run = self.ws.manifest.steps[name].current
            for room, rows in expected.items():
                if run.rows(room) != rows:
                    raise WorkspaceError(
                        f"the clone has {run.rows(room):,} rows of {room} of step '{name}', and {rows:,} were "
                        f"published: {MANIFEST} does not fit its files; clone another revision"
                    )
                counted[room.removeprefix("layers/")] += rows
            if run.finished is None:
                # Rejects are not published, only how many there were of each reason.
                next(iter(run.shards.values())).rejected = step.rejected
                run.expected = len(run.shards)
                self.ws.finish(run)
        counted["images"] = len(self.ws.images)
        return dict(counted)


def _check(path: Path, file: Shard, name: str) -> None:
    """Hold a file against the manifest before anything in it is used."""
    if not path.exists():
        raise WorkspaceError(f"{file.path} of {name} is missing; get the whole dataset again")
    with open(path, "rb") as read:
        sha256 = hashlib.file_digest(read, "sha256").hexdigest()
    if sha256 != file.sha256:
        raise WorkspaceError(
            f"{file.path} of {name} is damaged: its SHA-256 is {sha256[:16]}…, the manifest says {file.sha256[:16]}…; "
            "get that file again, and run the same command"
        )


def _row_groups(path: Path, file: Shard) -> Iterator[pa.Table]:
    with pq.ParquetFile(path) as parquet:
        for number in range(parquet.num_row_groups):
            try:
                yield parquet.read_row_group(number)
            except (OSError, pa.ArrowException) as error:
                raise WorkspaceError(f"{file.path} cannot be read: {error}") from error


def _hashes(pack: Path) -> list[str]:
    """The hashes of the images in a pack."""
    with pa.memory_map(str(pack)) as mapped:
        return pa.ipc.open_file(mapped).read_all().column("sha256").to_pylist()


def _examples(rows: pa.Table) -> pa.Table:
    """The examples as a workspace stores them."""
    schema = Example.arrow_schema()
    columns = [rows.column("image_info" if each.name == "images" else each.name) for each in schema]
    return pa.table([stored(column, each.type) for column, each in zip(columns, schema, strict=True)], schema=schema)


def _image(said: dict[str, Any], data: pa.Buffer, file: Shard) -> images.CheckedImage:
    """An image, held against its hash and size."""
    try:
        read = images.read(data.to_pybytes(), max_pixels=1 << 62)
    except Rejected as error:
        raise WorkspaceError(f"image {said['sha256']} in {file.path} cannot be read: {error.message}") from error
    if (read.sha256, read.width, read.height) != (said["sha256"], said["width"], said["height"]):
        raise WorkspaceError(f"image {said['sha256']} in {file.path} is not the one that was published")
    return read


def _layer(lists: pa.ChunkedArray, kind: LayerKind, fresh: list[frozenset[str]]) -> dict[str, pa.Table]:
    """The rows of a layer kind by step, each once: what is said of an image goes with the first that shows it."""
    whole = pa.concat_arrays(lists.chunks)
    items = whole.flatten()
    table = pa.table(items.flatten(), names=[each.name for each in items.type])
    place = np.repeat(np.arange(len(whole)), whole.value_lengths().to_numpy())
    key = "example_id" if "example_id" in table.column_names else "text_id"
    keep = [
        not owner.startswith(IMAGE) or owner.removeprefix(IMAGE).partition("#")[0] in fresh[at]
        for owner, at in zip(table.column(key).to_pylist(), place.tolist(), strict=True)
    ]
    table = table.filter(pa.array(keep, pa.bool_()))
    steps = table.column("step")
    schema = LAYERS[kind].arrow_schema()
    rows = pa.table([stored(table.column(each.name), each.type) for each in schema], schema=schema)
    return {step: rows.filter(pc.equal(steps, step)) for step in pc.unique(steps).to_pylist()}


def stored(column: pa.ChunkedArray, kind: pa.DataType) -> pa.Array:
    """A published column as its record has it: `datasets` makes every field nullable, and a cast back refuses the
    fields that stand under a null.
    """
    return _typed(pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type), kind)


def _typed(array: pa.Array, kind: pa.DataType) -> pa.Array:
    if not pa.types.is_nested(kind):
        return array.cast(kind)
    there = array.drop_null()
    if not len(there):
        return pa.array([None] * len(array), kind)
    known = np.asarray(array.is_valid())
    missing = pa.array(~known) if array.null_count else None
    if pa.types.is_struct(kind):
        # Something valid stands under a null.
        at = pa.array(np.where(known, np.cumsum(known) - 1, 0))
        inner = [_typed(there.field(each.name), each.type).take(at) for each in kind]
        return pa.StructArray.from_arrays(inner, fields=list(kind), mask=missing)
    lengths = np.zeros(len(array), np.int64)
    lengths[known] = there.value_lengths().to_numpy()
    offsets = pa.array(np.r_[0, np.cumsum(lengths)], pa.int32())
    return pa.ListArray.from_arrays(offsets, _typed(there.flatten(), kind.value_type), type=kind, mask=missing)
