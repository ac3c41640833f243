"""A release of a workspace: what `publish` uploads, and what a folder holds.

    release = build_release(ws, ReleaseSpec(repo="acme/geometry"))
    release.problems()                 # [] or why it must not be published
    for shard, path in release.shards(folder, made=lambda path: None): ...
    release.closing(shards, card=None) # README.md, manifest.json, croissant.json

Nothing depends on the clock, the folder or the number of workers: a release made again has the same bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from perceptdata import __version__
from perceptdata.manifest import digest, disk_error
from perceptdata.publishing.files import groups, open_file, write_group
from perceptdata.publishing.release.card import write_card
from perceptdata.publishing.release.checks import problems_of
from perceptdata.publishing.release.config import Config, configs_of
from perceptdata.publishing.release.croissant import write_croissant
from perceptdata.publishing.release.record import MANIFEST, Record, record_of
from perceptdata.publishing.release.shard import PlannedShard, Shard
from perceptdata.publishing.release.spec import ReleaseSpec

if TYPE_CHECKING:
    from perceptdata.workspace import Workspace

__all__ = ["ReleaseSpec", "WorkspaceRelease", "build_release"]

LAYOUT = 1
"""The number of the layout; raised when published files change though their workspace does not."""
README, CROISSANT = "README.md", "croissant.json"
TEMPORARY = ".part"


class _File(NamedTuple):
    """Rows `start` to `stop` of a split, and the file that holds them."""

    config: Config
    split: str
    start: int
    stop: int
    planned: PlannedShard


def build_release(ws: Workspace, spec: ReleaseSpec | None = None) -> WorkspaceRelease:
    """The release of a workspace as it is now. Raises UsageError for a view that there is not."""
    return WorkspaceRelease(ws, spec or ReleaseSpec())


class WorkspaceRelease:
    """A `Release` of a workspace. Rows are gathered as they are written; memory holds addresses and a row group."""

    def __init__(self, ws: Workspace, spec: ReleaseSpec) -> None:
        self.ws, self.spec = ws, spec
        self.configs = configs_of(ws, spec.views)

    @cached_property
    def record(self) -> Record:
        """What the manifest says, without its files and digest."""
        return record_of(self.ws, self.spec, self.configs)

    @cached_property
    def digest(self) -> str:
        """The hash of everything that the files follow from."""
        return digest(LAYOUT, __version__, pa.__version__, self.spec.model_dump(mode="json"), self.record.content())

    @cached_property
    def _problems(self) -> list[str]:
        found = [*problems_of(self.ws, self.configs), *self.record.settlement.problems]
        return found or list(self._card_problems())

    def _card_problems(self) -> Iterator[str]:
        """What a card of the planned files would have wrong."""
        planned = [Shard(each.path, each.rows, each.bytes, "") for each in self.plan()]
        try:
            write_card(self.spec, self.configs, self.record, planned, None)
        except ValueError as error:
            yield f"the card would not be valid: {' '.join(str(error).split())}"

    def problems(self) -> Sequence[str]:
        """Licences, names, sizes, layers of other examples, a card that would not be valid."""
        return self._problems

    @cached_property
    def _files(self) -> list[_File]:
        found = []
        for config in self.configs:
            for split in config.splits:
                weights = config.weights(split)
                cuts = list(pairwise(_cuts(weights, self.spec.shard_bytes)))
                for number, (start, stop) in enumerate(cuts):
                    path = f"{config.name}/{split}-{number:05d}-of-{len(cuts):05d}.parquet"
                    planned = PlannedShard(path, stop - start, int(weights[start:stop].sum()))
                    found.append(_File(config, split, start, stop, planned))
        return found

    def plan(self) -> Sequence[PlannedShard]:
        """Every data file with its rows and about its bytes."""
        return [file.planned for file in self._files]

    def shards(self, folder: Path, made: Callable[[str], Shard | None]) -> Iterator[tuple[Shard, Path | None]]:
        """Write what is not `made` yet, one file after another. Raises WorkspaceError where the disk refuses."""
        for file in self._files:
            pa.default_memory_pool().release_unused()  # what an allocator keeps for later adds up over many files
            known = made(file.planned.path)
            if known is not None:
                yield known, None
                continue
            path = folder / file.planned.path
            try:
                shard = _write(file, path)
            except OSError as error:
                raise disk_error(error, path) from error
            yield shard, path

    def closing(self, shards: Sequence[Shard], card: str | None) -> Mapping[str, bytes]:
        """The card merged into the one that is there, the manifest, and the Croissant description."""
        return {
            README: write_card(self.spec, self.configs, self.record, shards, card).encode(),
            MANIFEST: self.record.to_json(self.digest, shards).encode(),
            CROISSANT: write_croissant(self.spec, self.configs, self.record, self.digest, shards).encode(),
        }


def _cuts(weights: NDArray[np.int64], most: int) -> list[int]:
    """Borders between which no more than `most` bytes lie, or one row."""
    total = np.r_[0, np.cumsum(weights)]
    cuts = [0]
    while cuts[-1] < len(weights):
        fits = int(np.searchsorted(total, total[cuts[-1]] + most, side="right")) - 1
        cuts.append(max(fits, cuts[-1] + 1))
    return cuts


def _write(file: _File, path: Path) -> Shard:
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}{TEMPORARY}")
    with open_file(beside, file.config.schema, file.config.repeating) as writer:
        for group in groups(file.config.tables(file.split, file.start, file.stop)):
            write_group(writer, group)
    with open(beside, "rb") as written:
        sha256 = hashlib.file_digest(written, "sha256").hexdigest()
        size = written.seek(0, 2)
    beside.replace(path)
    return Shard(file.planned.path, file.planned.rows, size, sha256)
