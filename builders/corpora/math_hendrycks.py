"""MATH (Hendrycks et al. 2021, arXiv 2103.03874): competition problems with written solutions.

    math/test/geometry/459               of `MATH/<split>/<subject>/<n>.json`, one problem a file
    math/test/prealgebra/2009            of a dict by path: `….test/prealgebra_2009.json`: the same id as its file has
    math/train/algebra/train-…/17        of the hub's Parquet files, which do not number the problems

The answer is what stands in the last box of the solution, its braces matched; a solution whose box is never closed is
a reject. Problems of the test split are for evaluation.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from perceptdata.draft import BadRow, Draft
from perceptdata.errors import Rejected
from perceptdata.example import Stage
from perceptdata.plugins import Part

from ..reading.files import row_files, split_of
from ..reading.pictures import Store
from ..reading.records import stretches
from ..reading.tables import KEY
from .problem import last_box, problem
from .tabular import Row, Tabular

_NAMED = re.compile(r"(?:^|/)(?P<split>train|test)/(?P<subject>[a-z_&]+?)[/_](?P<number>\d+)(?:\.json)?$")
_LEVEL = re.compile(r"Level (\d)")


class MATH(Tabular):
    """The original folder of problems, a dict of them in JSON, or files of rows; or a folder that holds several."""

    name: ClassVar[str] = "math"
    corpus: ClassVar[str] = "MATH"
    licence: ClassVar[str] = "MIT"
    stages: ClassVar[tuple[Stage, ...]] = ("textual_reasoning",)
    KEYS: ClassVar[Sequence[str]] = (KEY, "unique_id")
    EVALUATED: ClassVar[Sequence[str]] = ("test",)

    def parts(self, source: Path | None) -> Sequence[Part]:
        """SHARD problem files make a part; other files are cut by rows."""
        singles = _problem_files(source) if source is not None and source.is_dir() else []
        if not singles:
            return super().parts(source)
        assert source is not None  # it has problem files
        others = [file for file in self.files(source) if file not in set(singles)]
        whole = [Part(source, "", *stretch, source) for stretch in stretches(len(singles), self.SHARD)]
        return [*whole, *self.stretches(others, source)]

    def read(self, part: Part) -> Iterator[Draft | BadRow]:
        """The problems of some files, or of a stretch of one."""
        assert part.path is not None  # parts() always sets it
        if part.path.is_file():
            yield from super().read(part)
            return
        for file in _problem_files(part.path)[part.start : part.stop]:
            key, split = f"{file.parent.name}/{file.stem}", split_of(file, part.path)
            try:
                fields = json.loads(file.read_text("utf-8-sig"))
                if not isinstance(fields, dict):
                    raise Rejected("row.unreadable", "not an object")
                for draft in self.examples(Row(fields, key, split, file, Store(part.path))):
                    if isinstance(draft, Draft):
                        draft.split, draft.allowed_use = split, "evaluate" if split in self.EVALUATED else None
                    yield draft
            except Rejected as error:
                yield BadRow(key, error.code, f"{file.relative_to(part.path)}: {error.message}", split)
            except (ValueError, OSError, RecursionError) as error:
                yield BadRow(key, "row.unreadable", f"{file.relative_to(part.path)}: {error}", split)

    def split(self, row: Row) -> str:
        """The split in the problem's path where a dict has paths for keys, or the file's."""
        named = _NAMED.search(row.key)
        return named["split"] if named else row.split

    def examples(self, row: Row) -> Iterator[Draft | BadRow]:
        """The problem; `meta` has its subject and level (1 to 5, or none where it says `Level ?`)."""
        solution = row.text("solution")
        last_box(solution)  # nothing else marks an answer here
        named = _NAMED.search(row.key)
        level = _LEVEL.fullmatch(str(row.get("level") or "").strip())
        yield problem(
            replace(row, key=f"{named['subject']}/{named['number']}") if named else row,
            row.text("problem"),
            solution,
            choices=(),
            response=solution,
            meta={"subject": row.get("type", "subject"), "level": int(level[1]) if level else None},
        )


def _problem_files(source: Path) -> list[Path]:
    """`<subject>/<n>.json` below the source, by name and number."""
    found = [file for file in row_files(source) if file.suffix == ".json" and file.stem.isdigit()]
    return sorted(found, key=lambda file: (file.parent.as_posix(), int(file.stem)))
