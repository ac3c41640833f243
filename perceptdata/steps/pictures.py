"""Which shard of examples an image belongs to: the first that shows it, so that it is captioned and judged once.

for showing in showings(ws):
    showing.about, showing.repeated       # "cards/00001", and those of its images that an earlier shard shows
for sha256, examples in shown(paths, repeated): …
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from perceptdata.example import Example
from perceptdata.manifest import FileEntry, digest
from perceptdata.shard import IMAGES
from perceptdata.workspace import EXAMPLES

if TYPE_CHECKING:
    from perceptdata.workspace import Workspace


class Showing(NamedTuple):
    """A shard of examples. `repeated` are images that an earlier shard shows, `sharers` later shards that show images
    which are this one's.
    """

    about: str
    file: FileEntry
    repeated: frozenset[str]
    sharers: tuple[str, ...]

    def digest(self, files: dict[str, FileEntry]) -> str:
        """Of all that is known of this shard's images; `files` are the shards of examples."""
        return digest(self.file.sha256, [files[about].sha256 for about in self.sharers], sorted(self.repeated))


def showings(ws: Workspace) -> dict[str, Showing]:
    """Every shard of examples that shows an image of its own, in order. Reads the packs' hashes, and no image."""
    owner: dict[str, str] = {}
    found: dict[str, tuple[FileEntry, frozenset[str]]] = {}
    sharers: dict[str, dict[str, None]] = {}
    for step, shard, entry, file in ws.shards(EXAMPLES):
        if IMAGES not in entry.files:
            continue
        about = f"{step}/{shard}"
        hashes = pack_hashes(ws.file(entry.files[IMAGES]))
        repeated = set()
        for sha256 in hashes:
            if owner.setdefault(sha256, about) != about:
                repeated.add(sha256)
                sharers.setdefault(owner[sha256], {})[about] = None
        if len(repeated) < len(hashes):
            found[about] = (file, frozenset(repeated))
    return {
        about: Showing(about, file, repeated, tuple(sharers.get(about, ())))
        for about, (file, repeated) in found.items()
    }


def pack_hashes(pack: Path) -> list[str]:
    """The hashes of a pack's images, in order. No bytes are read."""
    return pa.ipc.open_file(pa.memory_map(str(pack))).read_all().column("sha256").to_pylist()


def shown(paths: Sequence[Path], repeated: frozenset[str]) -> Iterator[tuple[str, tuple[Example, ...]]]:
    """The images of the first of these shards, less the `repeated`, with all examples that show them, in order."""
    examples: dict[str, list[Example]] = {}
    for number, path in enumerate(paths):
        for row in pq.read_table(path).to_pylist():
            hashes = dict.fromkeys(image["sha256"] for image in row["images"])
            if number == 0:
                for sha256 in hashes:
                    if sha256 not in repeated:
                        examples.setdefault(sha256, [])
            wanted = [sha256 for sha256 in hashes if sha256 in examples]
            if wanted:
                example = Example.from_row(row)
                for sha256 in wanted:
                    examples[sha256].append(example)
    return ((sha256, tuple(some)) for sha256, some in examples.items())
