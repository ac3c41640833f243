"""Tables of strings out of the files that harnesses write.

    sheet = read(Path("base_MMStar.xlsx"))       # None where the file holds no table of items
    sheet.columns, sheet.rows[0]["prediction"]

Every cell is text; an empty one is "". Pickles are never opened: they would run what a stranger wrote.
"""

from __future__ import annotations

import importlib.util
import json
import math
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from perceptdata.errors import UsageError

SUFFIXES = (".xlsx", ".csv", ".tsv", ".json")
PICKLES = (".pkl", ".pickle")
NOTES = {"suite.json", "status.json"}
"""What we, and VLMEvalKit, leave beside tables."""
LARGEST = 4 << 30
"""Bytes that a workbook may unpack to."""


@dataclass(frozen=True)
class Sheet:
    """One table: its file, the names of its columns as written, and its rows."""

    path: Path
    columns: tuple[str, ...]
    rows: list[dict[str, str]]

    @property
    def stem(self) -> str:
        """The file's name without its suffix."""
        return self.path.stem


def read(path: Path) -> Sheet | None:
    """The file's table; None for JSON that is none. Raises UsageError for a file that is damaged."""
    try:
        found = _records(path) if path.suffix == ".json" else _frame(path)
    except UsageError:
        raise
    except Exception as error:  # pandas, openpyxl and zipfile raise whatever they like on a damaged file
        told = " ".join(str(error).split())[:200]
        raise UsageError(f"{path} cannot be read ({type(error).__name__}: {told}); copy it again") from error
    if found is None:
        return None
    columns, rows = found
    return Sheet(path, columns, rows)


def _frame(path: Path) -> tuple[tuple[str, ...], list[dict[str, str]]]:
    import pandas

    if path.suffix == ".xlsx":
        _check_workbook(path)
        frame = pandas.read_excel(path, dtype=str, keep_default_na=False, engine="openpyxl")
    else:
        separator = "\t" if path.suffix == ".tsv" else ","
        if not path.stat().st_size:
            return (), []
        frame = pandas.read_csv(path, sep=separator, dtype=str, keep_default_na=False, encoding="utf-8")
    names = tuple(str(name) for name in frame.columns)
    values = [frame[name].fillna("").astype(str).tolist() for name in frame.columns]
    return names, [dict(zip(names, row, strict=True)) for row in zip(*values, strict=True)]


def _check_workbook(path: Path) -> None:
    if importlib.util.find_spec("openpyxl") is None:
        raise UsageError(
            f"{path} is a workbook, and openpyxl is not installed; pip install 'perceptdata[eval]', or run the harness "
            "with PRED_FORMAT=tsv"
        )
    with zipfile.ZipFile(path) as archive:
        if sum(part.file_size for part in archive.infolist()) > LARGEST:
            raise UsageError(f"{path} unpacks to more than {LARGEST >> 30} GiB; that is no result file")


def _records(path: Path) -> tuple[tuple[str, ...], list[dict[str, str]]] | None:
    content = json.loads(path.read_text("utf-8"))
    if isinstance(content, dict):
        if set(content) >= {"columns", "data"}:
            content = [dict(zip(content["columns"], row, strict=True)) for row in content["data"]]
        elif content and all(isinstance(value, list) for value in content.values()):
            content = [dict(zip(content, row, strict=True)) for row in zip(*content.values(), strict=True)]
        else:
            return None
    if not isinstance(content, list) or not all(isinstance(row, Mapping) for row in content):
        return None
    columns = tuple(dict.fromkeys(str(name) for row in content for name in row))
    return columns, [{name: text(row.get(name)) for name in columns} for row in content]


def text(value: Any) -> str:
    """A value as a cell: "" for none and for what is no number."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def tables(folder: Path) -> Iterator[Path]:
    """The files in a folder that may be tables, by name."""
    found = (path for path in folder.iterdir() if path.suffix in SUFFIXES and path.name not in NOTES)
    yield from sorted(path for path in found if path.is_file())
