"""Views: what is chosen.

A named, fingerprinted list of rows over examples and layers; the only place where choices live.

    spec = ViewSpec(where="stage = 'visual_reasoning' and cot.n > 2", text="cot.best", spans="tags",
    order="capability+random") view = define_view(ws, "sft", spec) len(view), view[0]["images"][0], view.to_dataset(),
    view.to_pandas()

`where` is an SQL expression over the example's columns and, by step name, over what layers say of it:

    scores step      name.rate (mean), name.best (max), name.n, name.unscored, name.kept (every value is 1)
    responses step   name.n
    spans step       name.n, name.perception, name.reasoning, name.other   (shares of labelled characters)
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from perceptdata.captions import COLUMNS, Captions
from perceptdata.errors import UsageError
from perceptdata.example import STAGES, Example
from perceptdata.manifest import FileEntry, ViewState, digest
from perceptdata.query import tables
from perceptdata.resolution import difficulty_step, resolve
from perceptdata.shard import TEMPORARY
from perceptdata.workspace import EXAMPLES, layer_room

if TYPE_CHECKING:
    import datasets
    import pandas

    from perceptdata.workspace import Workspace

NAME = re.compile(r"[a-z][a-z0-9_]*")
Pick = Literal["all", "first", "best", "worst"]
FINGERPRINT = b"fingerprint"
Share = Annotated[float, Field(gt=0, allow_inf_nan=False)]
CHUNK = 256
"""Rows that are gathered at a time, at most: enough to spread the cost."""
CHUNK_BYTES = 8 << 20
"""Image bytes that are gathered at a time, unless one row has more: memory stays flat with large images."""


class TextChoice(BaseModel):
    """Which text of an example a row carries.

    Its own (`response`), or one or all of a step's, ranked by a scores step.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)
    from_: str = Field(default="response", alias="from")
    pick: Pick = "all"
    by: str | None = None


def _text_choice(value: Any) -> Any:
    """`cot` is all of the step's texts, `cot.best` the best of them."""
    if isinstance(value, str):
        step, _, pick = value.partition(".")
        return {"from": step, "pick": pick or "all"}
    return value


class ViewSpec(BaseModel):
    """The definition of a view. Unknown keys are errors.

    `captions` names the step whose captions of a row's images go with it, such as one that certified them.
    `splits` is `source` (each row keeps its source's split), fractions by name, assigned by group, or a split step.
    `mix` gives shares by stage or by source; rows are then left out, by a seeded draw, until the shares hold. `order`
    is `id`, `capability` (perception, textual, visual: arXiv 2605.20177), `difficulty` (easy to hard, by the difficulty
    step), `random`, or columns, joined by `+`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    where: str | None = None
    text: Annotated[TextChoice, BeforeValidator(_text_choice)] = TextChoice()
    spans: str | None = None
    captions: str | None = None
    mix: dict[str, Share] | None = None
    size: Annotated[int, Field(gt=0)] | None = None
    order: str = "id"
    splits: str | dict[str, Share] = "source"
    seed: int = 0

    def definition(self) -> dict[str, Any]:
        """The spec as plain values, without what is at its default."""
        return self.model_dump(mode="json", by_alias=True, exclude_defaults=True)


DEFAULT_VIEWS: dict[str, ViewSpec] = {
    "all": ViewSpec(),
    **{stage: ViewSpec(where=f"stage = '{stage}'") for stage in STAGES},
}


def define_view(ws: Workspace, name: str, spec: ViewSpec) -> View:
    """Resolve a view and keep it in the workspace under its name. The caller holds the lock."""
    if not NAME.fullmatch(name):
        raise UsageError(f"'{name}' cannot name a view; use small letters, digits and _")
    view = View(ws, name, spec)
    state = ViewState(definition=spec.definition(), fingerprint=view.fingerprint, rows=len(view), dropped=view.dropped)
    if ws.manifest.views.get(name) != state:
        ws.manifest.views[name] = state
        ws.save()
    return view


def open_view(ws: Workspace, name: str) -> View:
    """A view that a recipe defined, or a default one. Raises UsageError for a name that is neither."""
    if name in ws.manifest.views:
        return View(ws, name, ViewSpec.model_validate(ws.manifest.views[name].definition))
    if name in DEFAULT_VIEWS:
        return View(ws, name, DEFAULT_VIEWS[name])
    known = sorted({*ws.manifest.views, *DEFAULT_VIEWS})
    raise UsageError(f"there is no view '{name}' in {ws.path}; it has {', '.join(known)}")


class View(Sequence[dict[str, Any]]):
    """The rows of a view, in order. Indexing gives one row with its images decoded; nothing else decodes anything."""

    def __init__(self, ws: Workspace, name: str, spec: ViewSpec) -> None:
        self.ws, self.name, self.spec = ws, name, spec
        text = spec.text.from_
        self._files: dict[str, list[FileEntry]] = {
            "example": [file for _, _, _, file in ws.shards(EXAMPLES)],
            "text": [] if text == "response" else self._layer_files(text, "responses"),
            "spans": self._layer_files(spec.spans, "spans") if spec.spans else [],
            "captions": self._layer_files(spec.captions, "captions") if spec.captions else [],
        }
        self._tables: dict[str, pa.Table] = {}

    def _layer_files(self, step: str, kind: Literal["responses", "spans", "captions"]) -> list[FileEntry]:
        self.ws.layer(step, kind)
        return [file for _, _, _, file in self.ws.shards(layer_room(kind), step)]

    @cached_property
    def fingerprint(self) -> str:
        """The hash of the definition and of every file the rows depend on."""
        text = self.spec.text
        ranked = (text.by or text.from_) if text.pick in ("best", "worst") else ""
        said = f"{self.spec.where} {self.spec.order} {ranked} {difficulty_step(self.ws, self.spec.order)}"
        said += f" {self.spec.splits}" if isinstance(self.spec.splits, str) else ""
        words = set(re.findall(r"\w+", said.lower()))
        asked = sorted(
            file.sha256
            for name, room, step in tables(self.ws)
            if name in words or step in words
            for _, _, _, file in self.ws.shards(room, step)
        )
        files = {role: [file.sha256 for file in files] for role, files in self._files.items()}
        return digest(self.spec.definition(), files, asked)

    @property
    def path(self) -> Path:
        """Where the row list is kept."""
        return self.ws.path / "views" / f"{self.name}.parquet"

    @cached_property
    def rows(self) -> pa.Table:
        """The row list: example_id, text_id, split, and where each row's example, text and spans lie."""
        if (kept := self._kept()) is not None:
            return kept
        resolved = resolve(self.ws, self.spec, self._files, self.name)
        metadata = {**(resolved.schema.metadata or {}), FINGERPRINT: self.fingerprint.encode()}
        resolved = resolved.replace_schema_metadata(metadata)
        beside = self.path.with_name(f".{self.path.name}.{os.getpid()}{TEMPORARY}")
        try:
            self.path.parent.mkdir(exist_ok=True)
            pq.write_table(resolved, beside, compression="zstd")
            beside.replace(self.path)
        except OSError:  # no room or no permission: it can be resolved again
            with suppress(OSError):
                beside.unlink(missing_ok=True)
        return resolved

    def _kept(self) -> pa.Table | None:
        """The row list on disk, where there is one of this fingerprint."""
        try:
            kept = pq.read_table(self.path)
        except (OSError, pa.ArrowInvalid):  # none yet, or a damaged one
            return None
        return kept if (kept.schema.metadata or {}).get(FINGERPRINT) == self.fingerprint.encode() else None

    @property
    def dropped(self) -> dict[str, int]:
        """How many rows the definition left out, by reason."""
        metadata = self.rows.schema.metadata or {}
        return {
            name.decode().removeprefix("dropped."): int(count)
            for name, count in metadata.items()
            if name.startswith(b"dropped.")
        }

    def __len__(self) -> int:
        return self.rows.num_rows

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[at] for at in range(*index.indices(len(self)))]
        at = index + len(self) if index < 0 else index
        if not 0 <= at < len(self):
            raise IndexError(f"row {index} of a view with {len(self)} rows")
        return self._decoded(self.gather(np.array([at])))[0]

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for table in self.batches():
            yield from self._decoded(table)

    @staticmethod
    def _decoded(table: pa.Table) -> list[dict[str, Any]]:
        from perceptdata.images import decode  # Pillow is needed only where pixels are

        images = table.column("images")
        rows = table.drop_columns(["images"]).to_pylist()
        for number, row in enumerate(rows):
            row["images"] = [decode(image["bytes"].as_buffer()) for image in images[number]]
        return rows

    def batches(self, images: bool = True, split: str | None = None) -> Iterator[pa.Table]:
        """The rows as Arrow tables of up to 256 rows and 8 MiB of images, as encoded bytes, or left out."""
        at: np.ndarray = np.arange(len(self))
        if split is not None:
            at = np.flatnonzero(np.asarray(self.rows.column("split").to_pylist(), object) == split)
        for start in range(0, len(at), CHUNK):
            table = self.gather(at[start : start + CHUNK], images=False)
            if not images:
                yield table
                continue
            hashes = _lists(table.column("image_info"))
            for first, stop in pairwise(self._cuts(hashes)):
                piece = table.slice(first, stop - first)
                yield piece.append_column("images", self._images(hashes.slice(first, stop - first)))

    no_rows: ClassVar[np.ndarray] = np.arange(0)

    @cached_property
    def splits(self) -> list[str]:
        """The names of the splits, in order of appearance."""
        return pc.unique(self.rows.column("split")).to_pylist()

    def gather(self, at: np.ndarray, images: bool = True) -> pa.Table:
        """Rows `at` as one Arrow table: the example, the chosen text as `response`, its spans, its image bytes."""
        rows = self.rows.take(pa.array(at))
        example = self._take("example", rows)
        columns = {name: example.column(name) for name in example.column_names}
        columns["split"] = rows.column("split")
        columns["text_id"] = rows.column("text_id")
        if self._files["text"]:
            columns["response"] = self._take("text", rows).column("text")
        if self._files["spans"]:
            columns["spans"] = self._take("spans", rows).column("spans")
        columns["image_info"] = columns.pop("images")
        if self.spec.captions:
            columns["captions"] = self._captions.of(_lists(columns["image_info"]))
        if images:
            columns["images"] = self._images(_lists(columns["image_info"]))
        return pa.table(columns)

    @cached_property
    def _captions(self) -> Captions:
        """The captions of all images. Read whole: they are a few hundred bytes an image."""
        return Captions(pq.read_table(self.ws.file(file), columns=COLUMNS) for file in self._files["captions"])

    def _cuts(self, info: pa.ListArray) -> list[int]:
        """Borders between which no more than `CHUNK_BYTES` of images lie, or one row."""
        borders = np.r_[0, np.cumsum(info.value_lengths().to_numpy())]
        sizes = np.r_[0, np.cumsum(self.ws.images.sizes(info.flatten().field("sha256").to_pylist()))][borders]
        cuts = [0]
        while cuts[-1] < len(info):
            fits = int(np.searchsorted(sizes, sizes[cuts[-1]] + CHUNK_BYTES, side="right")) - 1
            cuts.append(max(fits, cuts[-1] + 1))
        return cuts

    def _images(self, info: pa.ListArray) -> pa.ListArray:
        """The bytes of the images that `info` names, as `datasets.Image` stores them."""
        data = self.ws.images.gather(info.flatten().field("sha256").to_pylist())
        fields = [pa.field("bytes", pa.binary()), pa.field("path", pa.string())]
        structs = pa.StructArray.from_arrays([data, pa.nulls(len(data), pa.string())], fields=fields)
        return pa.ListArray.from_arrays(pa.array(np.r_[0, np.cumsum(info.value_lengths())], pa.int32()), structs)

    def _take(self, role: str, rows: pa.Table) -> pa.Table:
        """The records of one role for these rows, shard by shard, then in row order; rows without one are null."""
        file = rows.column(f"{role}_file").to_numpy()
        row = rows.column(f"{role}_row").to_numpy()
        if len(file) and file[0] >= 0 and (file == file[0]).all():
            return _rows_at(self._table(role, int(file[0])), row)
        order = np.argsort(file, kind="stable")
        pieces = []
        for number in np.unique(file):
            at = row[order][file[order] == number]
            if number < 0:
                schema = self._schema(role)
                pieces.append(pa.table([pa.nulls(len(at), field.type) for field in schema], schema=schema))
            else:
                pieces.append(_rows_at(self._table(role, int(number)), at))
        joined = pa.concat_tables(pieces or [self._schema(role).empty_table()]).combine_chunks()
        if (order == np.arange(len(order))).all():
            return joined
        return joined.take(pa.array(np.argsort(order, kind="stable")))

    def _schema(self, role: str) -> pa.Schema:
        """The schema of a role's records, every column nullable; only examples can have no file at all."""
        return self._table(role, 0).schema if self._files[role] else _nullable(Example.table([])).schema

    def _table(self, role: str, number: int) -> pa.Table:
        file = self._files[role][number]
        if file.path not in self._tables:
            self._tables[file.path] = _nullable(self.ws.table(file))
        return self._tables[file.path]

    def to_dataset(self) -> datasets.Dataset:
        """A `datasets.Dataset` with real `Image` features, memory-mapped from a copy under `cache/`."""
        from perceptdata.publishing.features import to_dataset  # `datasets` takes a second to import

        return to_dataset(self)

    def to_pandas(self) -> pandas.DataFrame:
        """A data frame of everything but image bytes."""
        tables = list(self.batches(images=False))
        return pa.concat_tables(tables).to_pandas() if tables else self.gather(self.no_rows, images=False).to_pandas()


def _lists(column: pa.ChunkedArray) -> pa.ListArray:
    joined = column.combine_chunks()
    return joined.chunk(0) if isinstance(joined, pa.ChunkedArray) else joined


def _rows_at(table: pa.Table, at: np.ndarray) -> pa.Table:
    """Rows of a table; neighbours, as in a view in the order of its examples, are not copied."""
    if len(at) and (np.diff(at) == 1).all():
        return table.slice(int(at[0]), len(at))
    return table.take(pa.array(at))


def _nullable(table: pa.Table) -> pa.Table:
    return table.cast(pa.schema([pa.field(field.name, field.type) for field in table.schema]))
