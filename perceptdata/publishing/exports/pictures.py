"""Images as a trainer's rows name them: by path, each file written once, or as bytes in every row that shows it.

pictures = Pictures(view, shape, embed=False, prefix="", folder=folder)
pictures.of(row.images)                # ["images/4f/4f….png", …], or what the shape makes of it
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import pyarrow as pa

from perceptdata.publishing.exports.folder import Folder
from perceptdata.view import View

EMBEDDED = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def _as_it_is(path: str) -> Any:
    return path


@dataclass(frozen=True, slots=True)
class Shape:
    """How a trainer's files hold rows and images.

    `jsonl`: JSON lines, but parquet where images are embedded. `absolute`: it looks for relative paths where it was
    started, so that none are written. `by_path` puts a path, of Arrow type `path_type`. `features`: the parquet says
    that its images are some, which only `datasets` of version 4 and later reads.
    """

    jsonl: bool = True
    absolute: bool = False
    features: bool = False
    key: str = "images"
    by_path: Callable[[str], Any] = _as_it_is
    path_type: pa.DataType = field(default_factory=pa.string)

    def suffix(self, embed: bool) -> str:
        """Of the files that hold rows."""
        return ".jsonl" if self.jsonl and not embed else ".parquet"

    def schema(self, columns: Sequence[tuple[str, pa.DataType]], embed: bool) -> pa.Schema:
        """The schema of the parquet files."""
        kind = pa.list_(EMBEDDED if embed else self.path_type)
        schema = pa.schema([*columns, (self.key, kind)])
        if not self.features:
            return schema
        import datasets

        found = datasets.Features.from_arrow_schema(schema)
        found[self.key] = datasets.List(datasets.Image())
        return found.arrow_schema


PORTION = 8 << 20
"""Bytes of embedded images that are held at a time, unless one row has more."""
Part = TypeVar("Part")


@dataclass(slots=True)
class Pictures:
    """Without a folder, images are counted and not written. `count` is of files, or of embedded images,
    `size` their bytes."""

    view: View
    shape: Shape
    embed: bool
    prefix: str
    folder: Folder | None
    count: int = 0
    size: int = 0
    _seen: set[bytes] = field(default_factory=set)

    def portions(self, rows: Iterable[Part]) -> Iterator[list[Part]]:
        """Rows as they are made, in lists that hold about a `PORTION` of image bytes; in one list without bytes."""
        portion: list[Part] = []
        before = self.size
        for row in rows:
            portion.append(row)
            if self.embed and self.size - before >= PORTION:
                yield portion
                portion, before = [], self.size
        if portion:
            yield portion

    def of(self, hashes: Sequence[str]) -> list[Any]:
        """One value an image, in order."""
        store = self.view.ws.images
        if self.embed:
            self.count += len(hashes)
            self.size += int(store.sizes(hashes).sum()) if hashes else 0
            return [] if self.folder is None else [{"bytes": store[one].to_pybytes(), "path": None} for one in hashes]
        if self.folder is not None:
            names = [self.folder.image(store, one) for one in hashes]
            self.count, self.size = self.folder.files, self.folder.bytes
            return [self.shape.by_path(f"{self.prefix}{name}") for name in names]
        fresh = [one for one in dict.fromkeys(hashes) if bytes.fromhex(one) not in self._seen]
        if fresh:
            self._seen.update(map(bytes.fromhex, fresh))
            self.count += len(fresh)
            self.size += int(store.sizes(fresh).sum())
        return []
