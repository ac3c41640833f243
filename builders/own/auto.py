"""Plain files of a user: JSON lines, JSON, CSV, TSV or Parquet with questions, answers and perhaps images.

    {use: auto, path: vqa.jsonl, images: /mnt/img, map: {gold: answer.accepts, pic: images}, licence: internal}

What the columns mean is found from their names and values (`columns.detect`); `map` says it for those that are called
otherwise. A conversation gives one example a turn. `stage: by-rule` lets `stage_rules` decide row by row. A row's key
is its id where the file has ids, else `<file>/<n>`, counted from 0.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field

from perceptdata.draft import BadRow, Draft
from perceptdata.errors import Rejected, UsageError
from perceptdata.example import STAGES, Stage
from perceptdata.plugins import Builder, Mapped, Part

from ..reading.files import row_files, split_of
from ..reading.pictures import Store
from ..reading.records import stretches
from ..reading.tables import SUFFIXES, TableRow, read_rows, row_count
from .columns import Detection, detect
from .vqa_row import Defaults, drafts_of, key_of


class Auto(Builder):
    """One file, or a folder of files.

    `map`: column -> target (`columns.TARGETS`, or `meta.NAME`). `images`: the folder or zip file in which image paths
    are sought; by default the data file's folder. `stage`: a stage for all rows, or `by-rule`. `split`: a split for all
    rows; by default the row's own, else the one in the file's name or its folder's within the source, else `train`.
    """

    KNOWN: ClassVar[Mapping[str, str]] = {}
    """Columns whose meaning the shape fixes, by target."""
    NEEDS: ClassVar[Sequence[Sequence[str]]] = ()
    """Of each of these, one column must be there."""
    IGNORED: ClassVar[Sequence[str]] = ("dataset_info.json",)
    """Files that hold no rows, by name."""

    name: ClassVar[str] = "auto"
    corpus: ClassVar[str] = "user"
    licence: ClassVar[str] = "unstated"
    stages: ClassVar[tuple[Stage, ...]] = STAGES

    map: Mapping[str, str] = Field(default_factory=dict)
    images: Path | None = None
    stage: Stage | Literal["by-rule"] = "by-rule"
    split: str | None = None
    corpus_name: str | None = Field(None, alias="corpus")  # the class attributes hold the names themselves
    licence_name: str | None = Field(None, alias="licence")

    @staticmethod
    def detect(path: Path, images: Path | None = None, given: Mapping[str, str] | None = None) -> Detection:
        """What the columns of a file mean; what `perceptdata init` prints. See `columns.detect`."""
        return detect(path, images, given)

    def parts(self, source: Path | None) -> Sequence[Part]:
        """Stretches of SHARD rows of each file; the JSON files of a folder go together, SHARD files a part."""
        super().parts(source)
        assert source is not None  # refused above
        if self.images is not None and not self.images.exists():
            raise UsageError(f"{self.images} does not exist; images names the folder or zip file of the pictures")
        if source.is_file():
            self._detect(source)
            return self._stretches(source, source)
        files = self._files(source)
        if not files:
            raise UsageError(f"{source} holds no file of rows; {self.name} reads {', '.join(SUFFIXES)}")
        whole = [file for file in files if file.suffix.lower() == ".json"]
        parts = [Part(source, "", *stretch) for stretch in stretches(len(whole), self.SHARD)]
        return [*parts, *(part for file in files if file not in whole for part in self._stretches(file, source))]

    def mapped(self, source: Path | None) -> list[Mapped]:
        """What the columns of each file are taken for; files that are read alike are named once."""
        if source is None or not source.exists():
            return []
        files = [source] if source.is_file() else self._files(source)
        whole = [file for file in files if file.suffix.lower() == ".json"]
        found: dict[str, Mapped] = {}
        for file in [*(file for file in files if file not in whole), *whole[:1]]:
            detection = self._detect(file)
            found.setdefault(detection.describe(), Mapped(file.name, detection.describe(), detection.to_json()))
        return list(found.values())

    def _files(self, source: Path) -> list[Path]:
        return [file for file in row_files(source) if file.name not in self.IGNORED]

    def _stretches(self, file: Path, source: Path) -> list[Part]:
        split = split_of(file, source)
        return [Part(file, split, *stretch) for stretch in stretches(row_count(file, self.SHARD), self.SHARD)]

    def read(self, part: Part) -> Iterator[Draft | BadRow]:
        """The rows of a stretch of one file, or of several JSON files."""
        assert part.path is not None  # parts() always sets it
        if part.path.is_file():
            detection, defaults = self._detect(part.path), self._defaults(part.path, part.split)
            for row in read_rows(part.path, part.start, part.stop, self.SHARD):
                yield from self.drafts(row, detection, defaults, f"{part.path.stem}/{row.number}", part.path)
            return
        for file in [file for file in self._files(part.path) if file.suffix.lower() == ".json"][part.start : part.stop]:
            name, defaults = (
                str(file.relative_to(part.path).with_suffix("")),
                self._defaults(file, split_of(file, part.path)),
            )
            try:
                detection = self._detect(file)
                rows = list(read_rows(file, 0, None, self.SHARD))
            except UsageError as error:  # one bad file among many is one bad row
                yield BadRow(name, "row.unreadable", str(error), defaults.split)
                continue
            for row in rows:
                yield from self.drafts(
                    row, detection, defaults, name if len(rows) == 1 else f"{name}/{row.number}", file
                )

    def drafts(
        self, row: TableRow, detection: Detection, defaults: Defaults, key: str, file: Path
    ) -> Iterator[Draft | BadRow]:
        """The examples of one row; one that cannot be used becomes a reject."""
        try:
            if isinstance(row.fields, Rejected):
                raise row.fields
            key = key_of(row.fields, detection) or key
            yield from drafts_of(row.fields, detection, key, defaults, row.where)
        except Rejected as error:
            yield BadRow(key, error.code, f"{row.where}: {error.message}", defaults.split)

    def _detect(self, file: Path) -> Detection:
        """The file's mapping. Raises UsageError where nothing in it can be a question."""
        found = detect(file, self.images, self.map, self.KNOWN)
        for names in self.NEEDS if found.rows else ():
            mapped = any(self.KNOWN.get(name) in self.map.values() for name in names)
            if not mapped and not any(name in found.columns for name in names):
                columns = ", ".join(found.columns)
                raise UsageError(
                    f"{file} is not in the shape of {self.name}, which has {' or '.join(names)} (there are {columns}); "
                    "read it with auto, or say which column is which with map"
                )
        if found.rows and not found.of("question") and not found.of("conversation"):
            columns = ", ".join(found.columns)
            raise UsageError(f"{file}: no column holds questions (there are {columns}); say which with map")
        return found

    def _defaults(self, file: Path, split: str) -> Defaults:
        return Defaults(
            split=self.split or split,
            own_split=self.split is None,
            stage=None if self.stage == "by-rule" else self.stage,
            store=Store(self.images or file.parent),
            corpus=self.corpus_name,
            licence=self.licence_name,
        )
