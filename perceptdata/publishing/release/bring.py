"""Published files into a workspace, one after another: what every clone does, and the clone of a whole release.

Every file is held against the manifest's hash before a row of it is used, every image against its own. What is entered
in the workspace stays, so that an interrupted clone goes on with the next file. All shards of a file are entered in one
save, with the file's hash as their input: that is how a rerun knows what it has.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from perceptdata.errors import WorkspaceError
from perceptdata.manifest import ShardEntry, ViewState, disk_error
from perceptdata.publishing.release import restored
from perceptdata.publishing.release.layers import PUBLISHED
from perceptdata.publishing.release.origin import Origin
from perceptdata.publishing.release.published import Published, StepSaid
from perceptdata.publishing.release.record import MANIFEST
from perceptdata.publishing.release.shard import Shard
from perceptdata.shard import IMAGES, ShardWriter
from perceptdata.view import ViewSpec
from perceptdata.workspace import EXAMPLES, Workspace, layer_room

Watch = Callable[[int, int, int], None]


@dataclass(frozen=True, slots=True)
class Cloned:
    """What a clone brought: rows by room, files read now and those that were there already, and what could not come."""

    source: str
    revision: str | None
    digest: str
    rows: dict[str, int]
    read: int
    kept: int
    left: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {name: getattr(self, name) for name in self.__slots__}


class Bringing(ABC):
    """One run. `steps` are those that a clone has rows of."""

    def __init__(self, ws: Workspace, origin: Origin, published: Published, watch: Watch) -> None:
        self.ws, self.origin, self.published, self.watch = ws, origin, published, watch

    @property
    @abstractmethod
    def steps(self) -> dict[str, StepSaid]:
        """The steps to enter, in their order."""

    @abstractmethod
    def write(self, table: pa.Table, file: Shard, writers: Writers) -> None:
        """The rows of one row group."""

    @abstractmethod
    def brought(self, shards: list[tuple[str, str, ShardEntry]]) -> None:
        """Hear of the shards of a file, made now or by the clone that was interrupted, before the next file."""

    @abstractmethod
    def finish(self) -> dict[str, int]:
        """Close the steps; the rows by room. Raises WorkspaceError where they are not as many as were published."""

    def left(self) -> tuple[str, ...]:
        """What of the release could not come back, a sentence each."""
        return ()

    def run(self) -> Cloned:
        """Read what is missing, then hold the whole against the manifest."""
        files = self.published.read()
        for name, step in self.steps.items():
            state = self.ws.manifest.steps.get(name)
            if state is None or state.current.finished is not None:
                self.ws.begin(name, step.version, step.do, step.options, len(files))
        self.ws.save()
        read = rows = 0
        for number, file in enumerate(files):
            self.watch(number, len(files), rows)
            if not self.shards(file):
                self._bring(file)
                read += 1
            self.brought(self.shards(file))
            rows += file.rows
        self.watch(len(files), len(files), rows)
        counted = self.finish()
        counted["images"] = len(self.ws.images)
        said = (self.origin.name, self.origin.revision, self.published.digest)
        return Cloned(*said, counted, read, len(files) - read, self.left())

    def shards(self, file: Shard) -> list[tuple[str, str, ShardEntry]]:
        """The shards that were made of a file; none where they are not whole."""
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
            restored.check(path, file, self.origin.name)
            with Writers(self.ws, file) as writers:
                for table in restored.row_groups(path, file):
                    self.write(table, file, writers)
        writers.enter()

    def close(self, step: StepSaid, name: str) -> None:
        """Mark a step as whole. Rejects are not published, only how many there were of each reason."""
        run = self.ws.manifest.steps[name].current
        if run.finished is None:
            if run.shards:
                next(iter(run.shards.values())).rejected = step.rejected
            run.expected = len(run.shards)
            self.ws.finish(run)


class Writers:
    """The shards that are made of one file."""

    def __init__(self, ws: Workspace, file: Shard) -> None:
        self._ws, self._file = ws, file
        self._open: dict[tuple[str, str, str], ShardWriter] = {}
        self._replaced: list[tuple[str, str, ShardEntry]] = []
        self._stack = ExitStack()

    def __enter__(self) -> Writers:
        self._stack.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._stack.__exit__(*error)

    def of(self, step: str, shard: str, about: str) -> ShardWriter:
        """The writer of a shard; `about` is the shard of examples that it speaks of."""
        key = (step, shard, about)
        if key not in self._open:
            if step not in self._ws.manifest.steps:
                raise WorkspaceError(f"{self._file.path} has rows of step '{step}', of which {MANIFEST} says nothing")
            version = self._ws.manifest.steps[step].active
            self._open[key] = self._stack.enter_context(ShardWriter(self._ws.path, step, version, shard))
        return self._open[key]

    def anew(self, step: str, shard: str, about: str) -> ShardWriter:
        """The writer of a step's one shard of layers about `about`, begun with what an earlier file brought for it."""
        if (step, shard, about) in self._open:
            return self._open[step, shard, about]
        writer = self.of(step, shard, about)
        for name, entry in self._ws.manifest.steps[step].current.shards.items():
            if entry.about == about and EXAMPLES not in entry.files:
                self._replaced.append((step, name, entry))
                for room, before in entry.files.items():
                    writer.write(room, pq.read_table(self._ws.file(before)))
        return writer

    def enter(self) -> None:
        """Enter them all in the manifest, in one save, and remove what they replace."""
        for step, shard, _ in self._replaced:
            del self._ws.manifest.steps[step].current.shards[shard]
        for (step, shard, about), writer in self._open.items():
            self._ws.manifest.steps[step].current.shards[shard] = writer.entry(self._file.sha256, about)
        self._ws.save()
        for _, _, entry in self._replaced:
            for file in entry.files.values():
                self._ws.file(file).unlink(missing_ok=True)


def source_rows(rows: pa.Table) -> dict[str, pa.Array]:
    """By source, in order of appearance, the numbers of its rows: an example's id begins with its source."""
    sources = np.asarray([unquote(each.partition("/")[0]) for each in rows.column("id").to_pylist()], object)
    return {source: pa.array(np.flatnonzero(sources == source)) for source in dict.fromkeys(sources.tolist())}


def write_examples(writer: ShardWriter, rows: pa.Table, file: Shard) -> None:
    """Examples and their images, each image held against its hash."""
    writer.write(EXAMPLES, restored.examples(rows))
    for info, data in zip(rows.column("image_info").to_pylist(), rows.column("images"), strict=True):
        for said, picture in zip(info, data, strict=True):
            writer.add_image(restored.image(said, picture["bytes"].as_buffer(), file))


class BringAll(Bringing):
    """The clone of a release with the config `full`: a file becomes one shard of each source with rows in it, and of
    each layer. `_seen` are the images so far: what is said of an image goes with the first row that shows it.
    """

    def __init__(self, ws: Workspace, origin: Origin, published: Published, watch: Watch) -> None:
        super().__init__(ws, origin, published, watch)
        self._seen: set[str] = set()

    @property
    def steps(self) -> dict[str, StepSaid]:
        """Those that brought published rows."""
        return {name: step for name, step in self.published.steps.items() if _expected(step)}

    def brought(self, shards: list[tuple[str, str, ShardEntry]]) -> None:
        """The images."""
        for _, _, entry in shards:
            if IMAGES in entry.files:
                self._seen.update(restored.hashes(self.ws.file(entry.files[IMAGES])))

    def write(self, table: pa.Table, file: Shard, writers: Writers) -> None:
        """The rows of one row group, source by source."""
        stem = Path(file.path).stem
        fresh = self._first_shown(table)
        for source, at in source_rows(table).items():
            rows, about = table.take(at), f"{source}/{stem}"
            write_examples(writers.of(source, stem, about), rows, file)
            new = [fresh[place] for place in at.to_pylist()]
            for kind in PUBLISHED:
                if kind not in rows.column_names:
                    continue
                for step, layer in restored.layer_rows(rows.column(kind), kind, new).items():
                    shard = stem if step == source else f"{source}-{stem}"
                    writers.of(step, shard, about).write(layer_room(kind), layer)

    def _first_shown(self, table: pa.Table) -> list[frozenset[str]]:
        """Of each row, the images that no row before it shows, in this file or an earlier one."""
        found = []
        for info in table.column("image_info").to_pylist():
            new = frozenset(image["sha256"] for image in info) - self._seen
            self._seen |= new
            found.append(new)
        return found

    def finish(self) -> dict[str, int]:
        """Every step has the rows of every room that the manifest counts."""
        counted: Counter[str] = Counter()
        for name, step in self.steps.items():
            run = self.ws.manifest.steps[name].current
            for room, rows in _expected(step).items():
                if run.rows(room) != rows:
                    raise WorkspaceError(
                        f"the clone has {run.rows(room):,} rows of {room} of step '{name}', and {rows:,} were "
                        f"published: {MANIFEST} does not fit its files; clone another revision"
                    )
                counted[room.removeprefix("layers/")] += rows
            self.close(step, name)
        for name, view in self.published.views.items():
            definition = ViewSpec.model_validate(view["definition"]).definition()
            self.ws.manifest.views.setdefault(name, ViewState(definition=definition))
        self.ws.save()
        return dict(counted)


def _expected(step: StepSaid) -> dict[str, int]:
    """The rows of a step that a clone has, by room."""
    rooms = {EXAMPLES, *map(layer_room, PUBLISHED)}
    return {room: rows for room, rows in step.rows.items() if room in rooms and rows}
