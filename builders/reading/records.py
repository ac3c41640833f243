"""Rows of a text file in stretches: JSON lines, CSV and TSV, read in bounded memory from any row on.

    index = record_index(path, 4096)                  # byte offset of every 4096th row; one scan, kept for the process
    for number, text in read_records(path, 4096, 8192, 4096): ...

A JSON-lines row is a line. A CSV or TSV row ends at a line's end that is not inside quotes (RFC 4180), so `delimiter`
changes where rows begin. A quote that is never closed would swallow the file: after MAX_LINES lines its first line
alone is the (unreadable) row, and reading goes on with the next line. Rows that are blank do not count.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import BinaryIO, NamedTuple

BOM = b"\xef\xbb\xbf"
MAX_LINES = 10_000


class Row(NamedTuple):
    """A row's number (from 0), the number of its first line (from 1), and its bytes."""

    number: int
    line: int
    data: bytes


class Mark(NamedTuple):
    """Where a row begins: byte offset and line number (from 1)."""

    offset: int
    line: int


class RecordIndex(NamedTuple):
    """How many rows there are, and the mark of every `every`th."""

    rows: int
    every: int
    marks: tuple[Mark, ...]


def record_index(path: Path, every: int, delimiter: str | None = None) -> RecordIndex:
    """One scan of the file, remembered until the file changes."""
    stat = path.stat()
    return _index(path, every, delimiter, stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=16)
def _index(path: Path, every: int, delimiter: str | None, size: int, modified: int) -> RecordIndex:
    marks, rows = [], 0
    with path.open("rb") as file:
        for mark, _ in _records(file, Mark(0, 1), delimiter):
            if rows % every == 0:
                marks.append(mark)
            rows += 1
    return RecordIndex(rows, every, tuple(marks))


def read_records(path: Path, start: int, stop: int | None, every: int, delimiter: str | None = None) -> Iterator[Row]:
    """Rows `[start, stop)`. Seeks to the nearest mark before `start`."""
    index = record_index(path, every, delimiter)
    if start >= index.rows:
        return
    nearest = start // every
    with path.open("rb") as file:
        records = _records(file, index.marks[nearest], delimiter)
        skip = start - nearest * every
        wanted = None if stop is None else skip + stop - start
        for number, (mark, data) in enumerate(islice(records, skip, wanted), start):
            yield Row(number, mark.line, data)


def _records(file: BinaryIO, start: Mark, delimiter: str | None) -> Iterator[tuple[Mark, bytes]]:
    """Each row with its mark, from `start` on."""
    file.seek(start.offset)
    offset, line = start
    pending: list[bytes] = []  # lines read ahead by an unclosed quote
    while True:
        first = pending.pop(0) if pending else file.readline()
        if not first:
            return
        taken = [first]
        if delimiter is not None and b'"' in first:
            taken, pending = _close_quotes(first, pending, file, delimiter)
        mark = Mark(offset, line)
        offset += sum(map(len, taken))
        line += len(taken)
        data = b"".join(taken).removeprefix(BOM if mark.offset == 0 else b"")
        if data.strip():
            yield mark, data.rstrip(b"\r\n")


def _close_quotes(first: bytes, ahead: list[bytes], file: BinaryIO, delimiter: str) -> tuple[list[bytes], list[bytes]]:
    """The lines of the row that begins with `first`, and the lines read that do not belong to it."""
    taken, ahead = [first], list(ahead)
    text = first.decode("utf-8", "replace")
    while split_fields(text.rstrip("\r\n"), delimiter) is None:
        following = ahead.pop(0) if ahead else file.readline()
        if not following or len(taken) >= MAX_LINES:
            return [first], [*taken[1:], *([following] if following else []), *ahead]
        taken.append(following)
        text += following.decode("utf-8", "replace")
    return taken, ahead


def split_fields(text: str, delimiter: str) -> list[str] | None:
    """The fields of one row, or None where a quote is still open. Only a quote that begins a field quotes it."""
    if '"' not in text:
        return text.split(delimiter)
    fields, place = [], 0
    while True:
        value = ""
        if text.startswith('"', place):
            closing = _closing_quote(text, place + 1)
            if closing < 0:
                return None
            value = text[place + 1 : closing].replace('""', '"')
            place = closing + 1
        end = text.find(delimiter, place)
        fields.append(value + text[place : end if end >= 0 else None])
        if end < 0:
            return fields
        place = end + 1


def _closing_quote(text: str, place: int) -> int:
    while (place := text.find('"', place)) >= 0 and text.startswith('"', place + 1):
        place += 2
    return place


def stretches(rows: int, every: int) -> Sequence[tuple[int, int]]:
    """`[0, every)`, `[every, 2·every)`, … up to `rows`."""
    return [(start, min(start + every, rows)) for start in range(0, rows, every)]
