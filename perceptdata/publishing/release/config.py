"""Configs: the tables of a dataset repository, each with its splits.

    for config in configs_of(ws, ("sft",)):
        config.name, config.splits, config.schema
        for table in config.tables("train", 0, 500): ...

By default every stage with rows is a config, and so is every layer; `full` has all examples with all their layers as
list columns: what `perceptdata clone` reads. With named views, each view is a config.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from perceptdata.example import STAGES
from perceptdata.manifest import FileEntry
from perceptdata.publishing.features import arrange, with_features
from perceptdata.publishing.release.layers import PUBLISHED, LayerIndex, Owners
from perceptdata.publishing.release.rows import ExampleImages, PublishedRows
from perceptdata.view import DEFAULT_VIEWS, View
from perceptdata.workspace import EXAMPLES, layer_room

if TYPE_CHECKING:
    from perceptdata.workspace import Workspace

FULL = "full"
TEXT_STEP = 1 << 10
"""Estimates of a row's text are rounded up to this, so that edits seldom move the border between two files."""
UNPACKED = 2
"""About how much larger texts are in a published file than in a workspace, which packs them harder."""


class Config(ABC):
    """A table that is published. Rows are numbered from 0 within a split."""

    def __init__(self, name: str) -> None:
        self.name = name

    @property
    @abstractmethod
    def splits(self) -> dict[str, int]:
        """Rows by split, under the name that its files bear. None is empty: `datasets` loads no file without rows."""

    @property
    @abstractmethod
    def repeating(self) -> bool:
        """Neighbouring rows show the same images."""

    @property
    @abstractmethod
    def schema(self) -> pa.Schema:
        """The schema of every file, with the `huggingface` key."""

    @abstractmethod
    def weights(self, split: str) -> NDArray[np.int64]:
        """About how many bytes each row of a split takes in its file."""

    @abstractmethod
    def tables(self, split: str, start: int, stop: int) -> Iterator[pa.Table]:
        """Rows of a split as they are published, some at a time."""

    def first_row(self) -> pa.Table:
        """The first row as it is published."""
        return next(self.tables(next(iter(self.splits)), 0, 1))

    def __len__(self) -> int:
        return sum(self.splits.values())


class ViewConfig(Config):
    """The rows of a view, images included; `full` adds all layers of each example."""

    def __init__(self, rows: PublishedRows, name: str, files: Sequence[FileEntry], layers: Sequence[LayerIndex] = ()):
        super().__init__(name)
        self.rows, self.layers = rows, layers
        self._text = _bytes_a_row(files, len(rows))

    @property
    def splits(self) -> dict[str, int]:
        """Rows by split."""
        return {split: stop - start for split, (start, stop) in self.rows.splits.items()}

    @property
    def repeating(self) -> bool:
        """Whether they do."""
        return self.rows.repeating

    @cached_property
    def schema(self) -> pa.Schema:
        """That of no rows."""
        return self._published(0, self.rows.gather(np.arange(0))).schema

    def weights(self, split: str) -> NDArray[np.int64]:
        """Images as they are stored, texts by their mean."""
        start, stop = self.rows.splits[split]
        return self.rows.stored_bytes[start:stop] + self._text

    def largest_row(self, split: str) -> int:
        """The bytes of the images of the row that has most of them."""
        start, stop = self.rows.splits[split]
        return int(self.rows.image_bytes[start:stop].max(initial=0))

    def tables(self, split: str, start: int, stop: int) -> Iterator[pa.Table]:
        """In the order of images."""
        first = self.rows.splits[split][0]
        for place, table in self.rows.tables(first + start, first + stop):
            yield self._published(place, table)

    def _published(self, place: int, table: pa.Table) -> pa.Table:
        for layer in self.layers:
            table = table.append_column(layer.kind, layer.joined(place, place + len(table)))
        return arrange(table)


class LayerConfig(Config):
    """The rows of one layer kind, each once, in the order of the examples they speak of and under their splits."""

    def __init__(self, layer: LayerIndex, files: Sequence[FileEntry]) -> None:
        super().__init__(layer.kind)
        self.layer = layer
        self._text = _bytes_a_row(files, len(layer))

    @property
    def splits(self) -> dict[str, int]:
        """Those of the examples."""
        return {split: stop - start for split, (start, stop) in self._stretches.items()}

    @cached_property
    def _stretches(self) -> dict[str, tuple[int, int]]:
        found = {split: self.layer.stretch(*stretch) for split, stretch in self.layer.splits.items()}
        return {split: stretch for split, stretch in found.items() if stretch[1] > stretch[0]}

    @property
    def repeating(self) -> bool:
        """There are none."""
        return False

    @cached_property
    def schema(self) -> pa.Schema:
        """The layer's record, behind the name of the step that wrote the row."""
        return with_features(self.layer.schema.empty_table()).schema

    def weights(self, split: str) -> NDArray[np.int64]:
        """The mean."""
        return np.full(self.splits[split], self._text)

    def tables(self, split: str, start: int, stop: int) -> Iterator[pa.Table]:
        """In the order of the examples."""
        first = self._stretches[split][0]
        for table in self.layer.tables(first + start, first + stop):
            yield with_features(table)


def configs_of(ws: Workspace, views: Sequence[str] = ()) -> list[Config]:
    """What is published of a workspace: the named views, or everything. UsageError for a view that there is not."""
    examples = [file for _, _, _, file in ws.shards(EXAMPLES)]
    images = ExampleImages(ws)
    if views:
        return [ViewConfig(PublishedRows(ws.view(name), images), name, examples) for name in dict.fromkeys(views)]
    stages = [View(ws, stage, DEFAULT_VIEWS[stage]) for stage in STAGES]
    found: list[Config] = [ViewConfig(PublishedRows(view, images), view.name, examples) for view in stages if len(view)]
    whole = PublishedRows(View(ws, "all", DEFAULT_VIEWS["all"]), images)
    owners = Owners(whole)
    layers = [LayerIndex(whole, owners, kind) for kind in PUBLISHED]
    files = {layer.kind: [file for _, _, _, file in ws.shards(layer_room(layer.kind))] for layer in layers}
    layers = [layer for layer in layers if len(layer)]
    found += [LayerConfig(layer, files[layer.kind]) for layer in layers]
    everything = [*examples, *(file for layer in layers for file in files[layer.kind])]
    return [*found, ViewConfig(whole, FULL, everything, layers)] if len(whole) else found


def _bytes_a_row(files: Sequence[FileEntry], rows: int) -> int:
    mean = UNPACKED * sum(file.bytes for file in files) // max(rows, 1)
    return -(-mean // TEXT_STEP) * TEXT_STEP
