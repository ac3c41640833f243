"""Build: a source becomes examples, images, the layers it brings, and rejects.

    Build.of({"use": "geometry3k", "path": "data_examples"})
    Build.of({"use": "mmk12", "hub": "FanqingM/MMK12", "revision": "…"})
    Build.of({"use": "caption_mcq", "from": "writes"})       # what the step `writes` wrote, as examples

Each part of the source, or each shard of responses, makes one shard. Rows whose id stands in an earlier shard are found
in the closing pass, and their shard is made again without them.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import pyarrow.compute as pc
import pyarrow.parquet as pq
from pydantic import Field, ValidationError

from perceptdata import registry
from perceptdata.draft import BadRow, Draft
from perceptdata.errors import Rejected, UsageError
from perceptdata.example import Example, example_id
from perceptdata.images import MAX_PIXELS
from perceptdata.ingest import Ingest
from perceptdata.layers import Producer, Response
from perceptdata.manifest import FileEntry, StepVersion, digest
from perceptdata.plugins import Builder, Part, ResponseBuilder
from perceptdata.shard import ShardWriter
from perceptdata.sources import HubSource
from perceptdata.steps.step import Shard, Step
from perceptdata.workspace import EXAMPLES, REJECTS, layer_room

if TYPE_CHECKING:
    from perceptdata.workspace import Workspace

DUPLICATE = "id.duplicate"
PLACE = ("hub", "revision", "config", "files")


class Build(Step):
    """`use` names the builder, `path` its source; or `hub` a dataset of the Hub, with `revision`, `config` or `files`
    (`perceptdata.sources`); or `from` the step whose responses it makes examples of. The commit that a revision names
    is part of the step's identity: rows of another commit stand beside the old ones.

    `options` are the builder's own. `limit` reads only the first rows.
    """

    do: ClassVar[str] = "build"
    use: str
    path: Path | None = None
    from_: str | None = Field(default=None, alias="from")
    source: HubSource | None = None
    limit: int | None = Field(default=None, gt=0)
    max_image_pixels: int = Field(default=MAX_PIXELS, gt=0)
    options_: dict[str, Any] = Field(default_factory=dict, alias="options")

    @classmethod
    def of(cls, source: Mapping[str, Any]) -> Self:
        """From a recipe's source, where the builder's options stand beside the step's own."""
        source, hub = _placed(source)
        own = {"use", "path", "from", "limit", "max_image_pixels"}
        fields = registry.load("builders", str(source["use"])).model_fields
        known = [*own, "name", *PLACE, *(field.alias or name for name, field in fields.items())]
        for key in source:
            if key not in known:
                near = difflib.get_close_matches(key, known, n=1)
                hint = f"; did you mean '{near[0]}'?" if near else ""
                raise UsageError(f"builder '{source['use']}': unknown key '{key}'{hint}")
        return cls(
            **{key: value for key, value in source.items() if key in own},
            source=hub,
            options={key: value for key, value in source.items() if key not in own},
        )

    @cached_property
    def builder(self) -> Builder:
        """The builder, with its options checked."""
        return registry.make("builders", self.use, self.options_)

    def identity(self) -> dict[str, Any]:
        """Without the path: a corpus is the same wherever it lies."""
        builder = {"name": self.builder.name, "version": self.builder.version, **self.builder.options()}
        return {
            "do": self.do,
            "version": self.version,
            "builder": builder,
            "limit": self.limit,
            "max": self.max_image_pixels,
            **({"from": self.from_} if self.from_ else {}),
            **({"source": self.source.identity()} if self.source else {}),
        }

    def needs(self) -> tuple[str, ...]:
        """The step whose responses are read."""
        return (self.from_,) if self.from_ else ()

    def producer(self) -> Producer:
        """Rows of a build name the builder."""
        return Producer(name=self.builder.name, version=self.builder.version, config=self.fingerprint)

    def place(self) -> Path | None:
        """Where the source's files lie, fetched from the Hub if they are there; as few as a limit needs."""
        return self.path if self.source is None else self.source.folder(self.limit)

    def plan(self, ws: Workspace, name: str) -> list[Shard]:
        """One shard a part; with a limit, one shard in all."""
        if self.from_ is not None:
            return self._derived(ws, name, self.from_)
        path = self.place()
        parts = list(self.builder.parts(path))
        groups = [parts] if self.limit else [[part] for part in parts]
        stamp = _Stamp(path)
        options = (getattr(self.builder, option) for option in sorted(type(self.builder).model_fields))
        beside = [stamp.files(value) for value in options if isinstance(value, Path)]
        shards = []
        for number, group in enumerate(groups):
            work = BuildWork(name, self.builder, tuple(group), self.producer(), self.max_image_pixels, self.limit)
            shard = f"{number:05d}"
            source = digest([stamp.part(part) for part in group], beside)
            shards.append(Shard(shard, source, f"{name}/{shard}", work))
        return shards

    def _derived(self, ws: Workspace, name: str, step: str) -> list[Shard]:
        """One shard for each shard of the step's responses."""
        if not isinstance(self.builder, ResponseBuilder):
            raise UsageError(f"{self.use} reads files and no responses; leave out 'from', or name another builder")
        ws.layer(step, "responses")
        examples = {f"{source}/{shard}": file for source, shard, _, file in ws.shards(EXAMPLES)}
        fixed = (name, self.builder, (), self.producer(), self.max_image_pixels, self.limit, frozenset[str]())
        shards = []
        for _, _, entry, file in ws.shards(layer_room("responses"), step):
            shard, about = entry.about.replace("/", "-"), examples[entry.about]
            work = DerivedWork(*fixed, examples=ws.file(about), responses=ws.file(file))
            shards.append(Shard(shard, digest(file.sha256, about.sha256), f"{name}/{shard}", work))
        return shards

    def finish(self, ws: Workspace, name: str, run: StepVersion) -> list[Shard]:
        """The shards that keep an id which an earlier one has, or still refuse one that none has any more."""
        seen: set[str] = set()
        again: dict[str, set[str]] = {}
        for shard, entry in sorted(run.shards.items()):
            kept = _ids(ws, entry.files.get(EXAMPLES))
            asked = kept | _doubled(ws, name, entry.files.get(REJECTS))
            taken = asked & seen
            if kept != asked - taken:
                again[shard] = taken
            seen |= asked
        if not again:
            return []
        return [
            shard._replace(work=replace(shard.work, taken=frozenset(again[shard.name])))
            for shard in self.plan(ws, name)
            if shard.name in again and isinstance(shard.work, BuildWork)
        ]


def _placed(source: Mapping[str, Any]) -> tuple[dict[str, Any], HubSource | None]:
    """A source without the keys that name a place on the Hub, and that place. Raises UsageError where two are named."""
    rest = {key: value for key, value in source.items() if key not in PLACE}
    place = {key: source[key] for key in PLACE if key in source and source[key] is not None}
    address = HubSource.parse(str(rest["path"])) if rest.get("path") is not None else None
    if address is None and "hub" not in place:
        # `files`, `config` and the like may be a builder's own options.
        return {**rest, **place}, None
    if address is not None and "hub" in place:
        raise UsageError(f"the source names two places: {rest['path']} and hub: {place['hub']}")
    given = {**(address.model_dump(exclude_defaults=True) if address else {}), **place}
    try:
        hub = HubSource(**given)
    except ValidationError as error:
        raise UsageError(f"source: {registry.option_errors(error, HubSource)}") from None
    if address is not None:
        rest.pop("path")
    if rest.get("path") is not None:
        raise UsageError(f"the source names two places: path {rest['path']} and hub {hub.hub}; leave one out")
    return rest, hub


def _ids(ws: Workspace, file: FileEntry | None) -> set[str]:
    return set(pq.read_table(ws.file(file), columns=["id"]).column("id").to_pylist()) if file else set()


def _doubled(ws: Workspace, step: str, file: FileEntry | None) -> set[str]:
    """The ids of the rows that were refused because an earlier one has them."""
    if file is None:
        return set()
    rows = pq.read_table(ws.file(file), columns=["split", "key"], filters=pc.field("code") == DUPLICATE)
    return {example_id(step, row["split"], row["key"]) for row in rows.to_pylist()}


@dataclass(frozen=True, slots=True)
class BuildWork:
    """One shard of examples. `taken` are ids that earlier shards have."""

    step: str
    builder: Builder
    parts: tuple[Part, ...]
    producer: Producer
    max_pixels: int
    limit: int | None
    taken: Collection[str] = frozenset()

    def run(self, writer: ShardWriter) -> None:
        """Read, check and write the rows; what cannot be used becomes a reject."""
        ingest = Ingest(self.builder, self.step, self.producer, self.max_pixels)
        seen = set(self.taken)
        for draft in islice(self._read(), self.limit):
            if isinstance(draft, BadRow):
                writer.reject(ingest.reject(draft, Rejected(draft.code, draft.message)))
                continue
            try:
                made = ingest(draft)
                if made.example.id in seen:
                    raise Rejected(DUPLICATE, f"an earlier row has the id {made.example.id}; give rows distinct keys")
            except Rejected as rejected:
                writer.reject(ingest.reject(draft, rejected))
                continue
            seen.add(made.example.id)
            writer.add(EXAMPLES, made.example)
            for image in made.images:
                writer.add_image(image)
            for kind, records in made.layers.items():
                for record in records:
                    writer.add(layer_room(kind), record)

    def _read(self) -> Iterator[Draft | BadRow]:
        for part in self.parts:
            yield from self.builder.read(part)


@dataclass(frozen=True, slots=True)
class DerivedWork(BuildWork):
    """One shard of examples that are made of a shard of responses."""

    examples: Path = Path()
    responses: Path = Path()

    def _read(self) -> Iterator[Draft | BadRow]:
        builder = self.builder
        assert isinstance(builder, ResponseBuilder)  # the plan has seen to it
        by_id = {row["id"]: Example.from_row(row) for row in pq.read_table(self.examples).to_pylist()}
        with pq.ParquetFile(self.responses) as file:
            for batch in file.iter_batches(1024):
                for row in batch.to_pylist():
                    yield from _made(builder, Response.from_row(row), by_id[row["example_id"]])


def _made(builder: ResponseBuilder, response: Response, example: Example) -> Iterator[Draft | BadRow]:
    source = example.source
    try:
        for draft in builder.make(response, example):
            if isinstance(draft, Draft):
                draft.corpus, draft.group = draft.corpus or source.corpus, draft.group or example.group
                draft.licence, draft.allowed_use = (
                    draft.licence or source.licence,
                    draft.allowed_use or source.allowed_use,
                )
            yield draft
    except Rejected as error:
        yield BadRow(response.text_id, error.code, error.message, source.split)


class _Stamp:
    """What tells that a source changed: names, sizes and times of the files a part or an option (images) covers."""

    def __init__(self, root: Path | None) -> None:
        self._root = root
        self._known: dict[Path, list[Any]] = {}

    def part(self, part: Part) -> list[Any]:
        """The part's own description and the stamp of its path."""
        relative = os.path.relpath(part.path, self._root) if part.path and self._root else None
        stamp = [relative, part.split, part.start, part.stop, self.files(part.path) if part.path else None]
        return [*stamp, *([[file.name, self.files(file)] for file in part.beside])]

    def files(self, path: Path) -> list[Any]:
        """The stamp of one file, or of all files in a folder."""
        if path not in self._known:
            try:
                files = [path] if path.is_file() else sorted(item for item in path.rglob("*") if item.is_file())
                stats = [(item, item.stat()) for item in files]
            except OSError as error:
                raise UsageError(f"{path} cannot be read: {error.strerror}") from error
            self._known[path] = [[os.path.relpath(item, path), stat.st_size, stat.st_mtime_ns] for item, stat in stats]
        return self._known[path]
