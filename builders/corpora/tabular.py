"""A corpus whose rows stand in files: JSON lines, JSON, CSV, TSV or Parquet, with pictures inside or beside them.

    class MMK12(Tabular):
        name, corpus, licence = "mmk12", "MMK12", "Apache-2.0"
        KEYS = ("id",)

        def examples(self, row):
            question = f"{IMAGE}{row.text('question')}"
            yield Draft(row.key, "visual_reasoning", question, typed(row.text("answer")), images=row.pictures("image"))

Which files are read, in what parts, with which key and split is decided here once; a corpus says what a row means.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

from perceptdata.draft import BadRow, Draft, ImageRef
from perceptdata.errors import Rejected, UsageError
from perceptdata.plugins import Builder, Part

from ..reading.files import row_files, split_of
from ..reading.pictures import Store, references
from ..reading.records import stretches
from ..reading.tables import KEY, SUFFIXES, read_rows, row_count


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a corpus: its fields, its key and split, and where its pictures are sought."""

    fields: Mapping[str, Any]
    key: str
    split: str
    file: Path
    store: Store

    def get(self, *names: str) -> Any:
        """The first of these fields that has a value; None where none has."""
        return next((self.fields[name] for name in names if self.fields.get(name) is not None), None)

    def need(self, *names: str) -> Any:
        """The first of these fields that has a value. Raises Rejected `field.invalid` where none has."""
        value = self.get(*names)
        if value is None:
            raise Rejected("field.invalid", f"the row has no {' or '.join(names)}")
        return value

    def text(self, *names: str) -> str:
        """The same as text without white space around it; an empty one is none."""
        text = str(self.need(*names)).strip()
        if not text:
            raise Rejected("field.invalid", f"{' and '.join(names)} is empty")
        return text

    def pictures(self, *names: str) -> list[ImageRef]:
        """The pictures of the first of these fields that has a value, whatever its kind: bytes, base64 or paths."""
        return references(self.get(*names), self.store)


_POINTER = 1024  # bytes; a pointer has some 130


class Tabular(Builder, ABC):
    """The corpus's folder, or one of its files. One method to write: `examples`.

    `images` is the folder or zip file in which image paths are sought; unless said, the source's folder, or one of
    `ARCHIVES` in it that was not unpacked. `FILES` are the patterns of those files that hold rows, matched against
    their name and their path below the source; `UNDER` are the names of the list that holds them inside a JSON file.
    `KEYS` are the fields of which the first that a row has names it; without, its key is `<file>/<n>`, counted from 0.
    Rows of the splits `EVALUATED` are for evaluation alone.
    """

    FILES: ClassVar[Sequence[str]] = ("*",)
    UNDER: ClassVar[Sequence[str]] = ()
    KEYS: ClassVar[Sequence[str]] = ()
    EVALUATED: ClassVar[Sequence[str]] = ()
    ARCHIVES: ClassVar[Sequence[str]] = ("images.zip", "Images.zip", "image.zip", "Image.zip")

    images: Path | None = None

    @abstractmethod
    def examples(self, row: Row) -> Iterator[Draft | BadRow]:
        """The examples of one row. Raise `Rejected` with the reason that it makes none. The split is set for them."""

    def split(self, row: Row) -> str:
        """The row's split; `row.split` is what its file's name or folder says."""
        return row.split

    def parts(self, source: Path | None) -> Sequence[Part]:
        """Stretches of SHARD rows of each file, in the order of their names."""
        super().parts(source)
        assert source is not None  # refused above
        if self.images is not None and not self.images.exists():
            raise UsageError(f"{self.images} does not exist; images names the folder or zip file of the pictures")
        files = self.files(source)
        if not files:
            sought = self.FILES if tuple(self.FILES) != ("*",) else [f"*{suffix}" for suffix in SUFFIXES]
            raise UsageError(f"{source} holds no file of {self.corpus}; sought are {', '.join(sought)}")
        for file in files:
            if file.stat().st_size < _POINTER and b"git-lfs" in file.read_bytes():
                raise UsageError(
                    f"{file} is a pointer of Git LFS and not the file itself; fetch that with: git lfs pull"
                )
        return self.stretches(files, source)

    def files(self, source: Path) -> list[Path]:
        """The files that hold rows."""
        return [source] if source.is_file() else [file for file in row_files(source) if self._wanted(file, source)]

    def beside(self, file: Path, split: str) -> Sequence[Path]:
        """The files that are joined with the rows of this one."""
        return ()

    def stretches(self, files: Sequence[Path], source: Path) -> list[Part]:
        """Each file in parts of SHARD rows."""
        root = source if source.is_dir() else source.parent
        return [
            Part(file, split_of(file, source), *stretch, root, tuple(self.beside(file, split_of(file, source))))
            for file in files
            for stretch in stretches(row_count(file, self.SHARD, self.UNDER), self.SHARD)
        ]

    def read(self, part: Part) -> Iterator[Draft | BadRow]:
        """The examples of a stretch of one file; a row that cannot be read costs that row alone."""
        assert part.path is not None  # parts() always sets both
        assert part.root is not None
        store = _store(self.images or self._pictures(part.root))
        inner = part.path.relative_to(part.root).with_suffix("").as_posix()
        for found in read_rows(part.path, part.start, part.stop, self.SHARD, self.UNDER):
            key, split = f"{inner}/{found.number}", part.split
            try:
                if isinstance(found.fields, Rejected):
                    raise found.fields
                row = Row(found.fields, key, split, part.path, store)
                named = row.get(*self.KEYS, KEY) if self.KEYS else None
                key = key if named is None or not str(named).strip() else str(named).strip()
                row = Row(found.fields, key, split, part.path, store)
                split = self.split(row)
                for draft in self.examples(Row(found.fields, key, split, part.path, store)):
                    if isinstance(draft, Draft):
                        draft.split = split
                        if draft.allowed_use is None and split in self.EVALUATED:
                            draft.allowed_use = "evaluate"
                    yield draft
            except Rejected as error:
                yield BadRow(key, error.code, f"{found.where}: {error.message}", split)

    def _pictures(self, root: Path) -> Path:
        """The folder itself, or its archive of pictures where that was not unpacked beside it."""
        for name in self.ARCHIVES:
            if (root / name).is_file() and not (root / name).with_suffix("").is_dir():
                return root / name
        return root

    def _wanted(self, file: Path, source: Path) -> bool:
        path = file.relative_to(source).as_posix()
        return any(fnmatch(path, pattern) or fnmatch(file.name, pattern) for pattern in self.FILES)


@lru_cache(maxsize=8)
def _store(root: Path) -> Store:
    """One a folder or archive: the list of an archive's entries is read once."""
    return Store(root)
