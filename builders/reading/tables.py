"""Rows of a user's file as dicts, in stretches and in bounded memory: JSON lines, JSON, CSV, TSV and Parquet.

A JSON file is a list of objects, a dict of objects by key (its keys come as KEY), one object, or a dict that wraps
one such list (`{"data": [...]}`). Where it wraps several, or has texts beside the list, `under` names the one that is
meant.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from perceptdata.errors import Rejected, UsageError

from .entries import Entry, EntryIndex, entry_index, read_entries
from .records import read_records, record_index, split_fields

KEY = "<key>"  # the name under which a dict's keys stand as a column
SUFFIXES = (".jsonl", ".jsonlines", ".ndjson", ".json", ".csv", ".tsv", ".parquet")
_DELIMITERS = {".csv": ",", ".tsv": "\t"}
_BATCH = 64


class TableRow(NamedTuple):
    """A row: its number in the file (from 0), where it stands in words, and its fields or the reason there are none."""

    number: int
    where: str
    fields: Mapping[str, Any] | Rejected


def row_count(path: Path, every: int, under: Sequence[str] = ()) -> int:
    """How many rows the file has, unreadable ones included. Raises UsageError for a file that cannot be read at all."""
    match path.suffix.lower():
        case ".jsonl" | ".jsonlines" | ".ndjson":
            return record_index(path, every).rows
        case ".csv" | ".tsv" as suffix:
            return max(record_index(path, every, _DELIMITERS[suffix]).rows - 1, 0)
        case ".parquet":
            return _parquet(path).metadata.num_rows
        case ".json":
            index = _json_index(path, every, under)
            return index.rows + bool(index.torn)
    raise UsageError(f"{path} is of no known kind; auto reads {', '.join(SUFFIXES)}")


def read_rows(path: Path, start: int, stop: int | None, every: int, under: Sequence[str] = ()) -> Iterator[TableRow]:
    """Rows `[start, stop)`."""
    match path.suffix.lower():
        case ".jsonl" | ".jsonlines" | ".ndjson":
            for row in read_records(path, start, stop, every):
                yield TableRow(row.number, f"{path.name}, line {row.line}", _object(row.data))
        case ".csv" | ".tsv" as suffix:
            yield from _delimited(path, start, stop, every, _DELIMITERS[suffix])
        case ".parquet":
            yield from _parquet_rows(path, start, stop)
        case _:
            _json_index(path, every, under)
            for entry in read_entries(path, start, stop, every, under):
                yield TableRow(entry.number, f"{path.name}, entry {entry.number + 1}", _json_fields(entry))


def _object(line: bytes) -> Mapping[str, Any] | Rejected:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        return Rejected("row.unreadable", f"not JSON: {error}")
    return _fields_of(value)


def _fields_of(value: Any) -> Mapping[str, Any] | Rejected:
    """An object as it is; a list of objects by number, as the hub turns it into columns `0`, `1`, …"""
    if isinstance(value, list) and value and all(isinstance(each, dict) for each in value):
        return {str(number): each for number, each in enumerate(value)}
    return value if isinstance(value, dict) else Rejected("row.unreadable", "not a JSON object")


def _delimited(path: Path, start: int, stop: int | None, every: int, delimiter: str) -> Iterator[TableRow]:
    header = next(iter(read_records(path, 0, 1, every, delimiter)), None)
    if header is None:
        return
    names = split_fields(header.data.decode("utf-8", "replace"), delimiter) or []
    last = None if stop is None else stop + 1
    for row in read_records(path, start + 1, last, every, delimiter):
        where = f"{path.name}, line {row.line}"
        yield TableRow(row.number - 1, where, _fields(row.data, names, delimiter))


def _fields(data: bytes, names: list[str], delimiter: str) -> Mapping[str, Any] | Rejected:
    try:
        values = split_fields(data.decode("utf-8"), delimiter)
    except UnicodeDecodeError as error:
        return Rejected("row.unreadable", f"not UTF-8: {error}")
    if values is None:
        return Rejected("row.unreadable", "a quote is opened and never closed")
    if len(values) != len(names):
        return Rejected("row.unreadable", f"{len(values)} fields under {len(names)} column names")
    return {name: value for name, value in zip(names, values, strict=True) if value != ""}


def _parquet(path: Path) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(path)
    except (pa.ArrowException, OSError) as error:
        raise UsageError(f"{path} cannot be read as Parquet ({error}); write it again or leave it out") from None


def _parquet_rows(path: Path, start: int, stop: int | None) -> Iterator[TableRow]:
    """Only the row groups that hold wanted rows are read, and of these `_BATCH` rows at a time."""
    with _parquet(path) as file:
        stop = file.metadata.num_rows if stop is None else stop
        first = 0
        for group in range(file.num_row_groups):
            size = file.metadata.row_group(group).num_rows
            if first < stop and first + size > start:
                number = first
                for batch in file.iter_batches(_BATCH, row_groups=[group]):
                    low, high = max(start - number, 0), min(stop - number, len(batch))
                    if low < high:
                        for offset, fields in enumerate(batch.slice(low, high - low).to_pylist()):
                            row = number + low + offset
                            yield TableRow(row, f"{path.name}, row {row + 1}", fields)
                    number += len(batch)
            first += size


def _json_index(path: Path, every: int, under: Sequence[str]) -> EntryIndex:
    """Raises UsageError for a file without a single entry that could be a row."""
    index = entry_index(path, every, under)
    if index.torn and (index.whole or not index.rows or not index.objects):
        raise UsageError(f"{path} cannot be read as JSON ({index.torn}); mend it, or name a file of JSON lines .jsonl")
    if index.whole:
        value = next(iter(read_entries(path, 0, 1, every, under))).value
        if not isinstance(value, dict | list | Rejected):
            raise UsageError(f"{path} holds a {type(value).__name__}, not rows; auto reads a list or dict of objects")
    return index


def _json_fields(entry: Entry) -> Mapping[str, Any] | Rejected:
    if isinstance(entry.value, Rejected):
        return entry.value
    fields = _fields_of(entry.value)
    return fields if entry.key is None or isinstance(fields, Rejected) else {KEY: entry.key, **fields}
