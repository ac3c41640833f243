"""Entries of large JSON files in stretches: of an array, of an array inside an object, or of an object by key.

    [{…}, {…}]                      {"info": {…}, "questions": [{…}, {…}]}                {"id1": {…}, "id2": {…}}

    index = entry_index(path, 4096)                        # offset of every 4096th entry; one scan a process
    for entry in read_entries(path, 4096, 8192, 4096): …   # seeks, and parses these alone
    Lookup.of(path, ("image_index",)).find(17)             # one entry, wherever it stands: 24 bytes of memory an entry

Memory is that of one entry and a buffer, whatever the file's size. A file that ends too early, or is not JSON from some
place on, keeps the entries before it; one more entry, which says where it is torn, stands for the rest.
"""

from __future__ import annotations

import hashlib
import json
from array import array
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from perceptdata.errors import Rejected

_CHUNK = 1 << 20
_ONE = 1 << 14  # bytes read first for a single entry
_LONGEST = 1 << 28  # bytes of one entry
_SPACE = " \t\n\r"
_NEAR = 16  # a value that fails to parse so near the end of the buffer may only be cut off


class Entry(NamedTuple):
    """An entry's number (from 0), its key where it stands in an object, and its value, or why there is none."""

    number: int
    key: str | None
    value: Any


class EntryIndex(NamedTuple):
    """`marks`: the offset of every `every`th entry. `whole`: the file is one value, not a list of them. `objects`: the
    first entry is an object.
    """

    rows: int
    every: int
    marks: tuple[int, ...]
    keyed: bool = False
    whole: bool = False
    torn: str | None = None
    objects: bool = True


class Torn(ValueError):
    """The text stops being JSON."""


class _Scanner:
    """JSON values of a file one after another. The text is Latin-1, so that places in it are offsets in the file."""

    def __init__(self, file: BinaryIO, offset: int = 0, chunk: int | None = None) -> None:
        file.seek(offset)
        self._file, self._base, self._at = file, offset, 0
        self._text, self._chunk, self._decode = "", chunk or _CHUNK, json.JSONDecoder().raw_decode
        self._more()
        if not offset:
            self._at = 3 if self._text.startswith("\xef\xbb\xbf") else 0

    @property
    def offset(self) -> int:
        return self._base + self._at

    def peek(self) -> str:
        """The next character that is no space; empty at the end of the file."""
        while True:
            while self._at < len(self._text):
                if self._text[self._at] not in _SPACE:
                    return self._text[self._at]
                self._at += 1
            if not self._more():
                return ""

    def take(self, wanted: str) -> bool:
        """Step over a character if it is the next."""
        found = self.peek() == wanted
        self._at += found
        return found

    def value(self) -> tuple[Any, str]:
        """The next value as parsed from Latin-1, and its text. Raises Torn."""
        self.peek()
        while True:
            try:
                value, end = self._decode(self._text, self._at)
                if end < len(self._text) or not self._more():  # a number at the buffer's end may go on
                    text, self._at = self._text[self._at : end], end
                    return value, text
            except json.JSONDecodeError as error:
                cut = error.msg.startswith("Unterminated string") or error.pos >= len(self._text) - _NEAR
                if not cut or len(self._text) - self._at > _LONGEST or not self._more():
                    raise Torn(f"{error.msg} at byte {self._base + error.pos}") from None
            except RecursionError:
                raise Torn(f"nested too deeply at byte {self.offset}") from None

    def _more(self) -> bool:
        """Read on. Each time an entry is longer than the buffer the next read is twice as long."""
        data = self._file.read(self._chunk)
        self._chunk = self._chunk * 2 if self._at == 0 else _CHUNK
        self._text, self._base, self._at = self._text[self._at :] + data.decode("latin-1"), self.offset, 0
        return bool(data)


def _parsed(value: Any, text: str) -> Any:
    """The value as UTF-8 has it. Raises Rejected `row.unreadable`."""
    if text.isascii():
        return value
    try:
        return json.loads(text.encode("latin-1"))
    except UnicodeDecodeError as error:
        raise Rejected("row.unreadable", f"not UTF-8: {error}") from None


def _entries(scan: _Scanner, keyed: bool) -> Iterator[tuple[int, str | None, Any, str]]:
    """Offset, key, value and text of each entry from here to the end of this list or object. Raises Torn."""
    end = "}" if keyed else "]"
    if scan.take(end):
        return
    while True:
        scan.peek()
        offset, key = scan.offset, None
        if keyed:
            key = _key(scan)
        yield (offset, key, *scan.value())
        if scan.take(end):
            return
        if not scan.take(","):
            raise Torn(f"neither ',' nor '{end}' at byte {scan.offset}")


def _key(scan: _Scanner) -> str:
    """The key that begins here, and the colon behind it. Raises Torn."""
    offset = scan.offset
    try:
        key = _parsed(*scan.value())
    except Rejected as error:
        raise Torn(f"{error.message} at byte {offset}") from None
    if not isinstance(key, str) or not scan.take(":"):
        raise Torn(f"no key at byte {offset}")
    return key


def entry_index(path: Path, every: int, under: Sequence[str] = ()) -> EntryIndex:
    """One scan, remembered until the file changes. `under`: the names of lists, one of which holds the entries.

    Without such a list they are the values of an object of objects, or the only list of objects in an object without
    texts; any other value is one entry.
    """
    stat = path.stat()
    return _index(path, every, tuple(under), stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=32)
def _index(path: Path, every: int, under: tuple[str, ...], size: int, modified: int) -> EntryIndex:
    with path.open("rb") as file:
        scan = _Scanner(file)
        if scan.take("["):
            found = _list_index(scan, every)
        elif scan.take("{"):
            found = _object_index(scan, every, under)
        else:
            found = _one_value(scan, every)
        if not found.torn and not under and scan.peek():
            return found._replace(torn=f"more after its end, at byte {scan.offset}")
        return found


def _one_value(scan: _Scanner, every: int) -> EntryIndex:
    """The index of a file that is neither a list nor an object."""
    try:
        scan.value()
    except Torn as error:
        return EntryIndex(1, every, (0,), whole=True, torn=str(error))
    return EntryIndex(1, every, (0,), whole=True)


def _list_index(scan: _Scanner, every: int) -> EntryIndex:
    """The index of the list that begins here."""
    marks, rows, objects, torn = [], 0, False, None
    try:
        for offset, _, value, _ in _entries(scan, keyed=False):
            if rows % every == 0:
                marks.append(offset)
            objects = objects or (rows == 0 and isinstance(value, dict))
            rows += 1
    except Torn as error:
        torn = str(error)
    return EntryIndex(rows, every, tuple(marks), torn=torn, objects=objects)


def _object_index(scan: _Scanner, every: int, under: tuple[str, ...]) -> EntryIndex:
    marks: list[int] = []
    lists: dict[str, EntryIndex] = {}
    kinds: set[type] = set()
    rows, torn = 0, None
    try:
        while not (rows == 0 and scan.take("}")):
            scan.peek()
            if rows % every == 0:
                marks.append(scan.offset)
            name = _key(scan)
            if scan.take("["):
                lists[name] = _list_index(scan, every)
                kinds.add(list)
                torn = lists[name].torn
                if torn or name in under:
                    break
            else:
                kinds.add(type(scan.value()[0]))
            rows += 1
            if scan.take("}"):
                break
            if not scan.take(","):
                raise Torn(f"neither ',' nor '}}' at byte {scan.offset}")
    except Torn as error:
        torn = str(error)
    named = [lists[name] for name in under if name in lists]
    if named:
        return named[0]
    if kinds == {dict}:
        return EntryIndex(rows, every, tuple(marks), keyed=True, torn=torn)
    found = [index for index in lists.values() if index.objects]
    return found[0] if len(found) == 1 and str not in kinds else EntryIndex(1, every, (0,), whole=True, torn=torn)


def read_entries(path: Path, start: int, stop: int | None, every: int, under: Sequence[str] = ()) -> Iterator[Entry]:
    """Entries `[start, stop)`. A torn file's last entry has a Rejected for its value."""
    index = entry_index(path, every, under)
    stop = index.rows + bool(index.torn) if stop is None else stop
    number = start - start % every
    if index.rows > start:
        with path.open("rb") as file:
            scan = _Scanner(file, index.marks[start // every])
            for _, key, value, text in [(0, None, *scan.value())] if index.whole else _entries(scan, index.keyed):
                if number >= min(stop, index.rows):
                    break
                if number >= start:
                    yield Entry(number, key, _or_rejected(value, text))
                number += 1
                if number >= min(stop, index.rows):
                    break
    if index.torn and start <= index.rows < stop:
        said = f"the file is not JSON from here on ({index.torn}); what follows is lost"
        yield Entry(index.rows, None, Rejected("row.unreadable", said))


def _or_rejected(value: Any, text: str) -> Any:
    try:
        return _parsed(value, text)
    except Rejected as error:
        return error


def _beginning(path: Path, under: Sequence[str]) -> tuple[int | None, bool]:
    """Where the first entry begins (None where there is none), and whether entries have keys. Reads no further than it
    must: a list that `under` names is not scanned.
    """
    with path.open("rb") as file:
        scan = _Scanner(file)
        if scan.take("["):
            return scan.offset, False
        try:
            while under and (scan.take("{") or scan.take(",")):
                if _key(scan) in under and scan.take("["):
                    return scan.offset, False
                scan.value()
        except Torn:
            pass  # the index knows what can be saved
    index = entry_index(path, 1 << 62, under)
    return (index.marks[0] if index.rows else None), index.keyed


class Lookup:
    """Entries by the values of some fields, or by their key in an object (no fields).

    Held in memory: a hash, an offset and a number an entry, and the entry last found.
    """

    def __init__(self, path: Path, fields: Sequence[str] = (), under: Sequence[str] = ()) -> None:
        self._path, self._fields = path, tuple(fields)
        start, self._keyed = _beginning(path, under)
        hashes, offsets = array("Q"), array("q")
        with path.open("rb") as file:
            if start is not None:
                scan = _Scanner(file, start)
                try:
                    for offset, key, value, text in _entries(scan, self._keyed):
                        hashes.append(_hash(self._name(key, value, text)))
                        offsets.append(offset)
                except Torn:
                    pass  # the partners behind it are missing, and each row that wants one says so
        found: NDArray[np.uint64] = np.array(hashes, dtype=np.uint64)
        order = np.argsort(found, kind="stable")
        self._hashes, self._offsets, self._numbers = found[order], np.array(offsets, dtype=np.int64)[order], order
        self._last: tuple[tuple[str, ...], Any] | None = None

    @classmethod
    def of(cls, path: Path, fields: Sequence[str] = (), under: Sequence[str] = ()) -> Lookup:
        """One a file and process, made again when the file changes."""
        stat = path.stat()
        return _lookup(path, tuple(fields), tuple(under), stat.st_size, stat.st_mtime_ns)

    def find(self, *wanted: object) -> Any:
        """The value of the first entry whose fields, as text, are these; None where there is none."""
        name = tuple(map(str, wanted))
        if self._last is None or self._last[0] != name:
            entry = next(self.find_all(*wanted), None)
            if entry is None:
                return None
            self._last = (name, entry.value)
        return self._last[1]

    def holds(self, *wanted: object) -> bool:
        """Whether there is one."""
        return next(self.find_all(*wanted), None) is not None

    def find_all(self, *wanted: object) -> Iterator[Entry]:
        """All entries whose fields, as text, are these, in the file's order."""
        name = tuple(map(str, wanted))
        hashed = np.uint64(_hash(name))
        at = int(np.searchsorted(self._hashes, hashed))
        with self._path.open("rb") as file:
            while at < len(self._hashes) and self._hashes[at] == hashed:
                _, key, value, text = next(_entries(_Scanner(file, int(self._offsets[at]), _ONE), self._keyed))
                if self._name(key, value, text) == name:
                    yield Entry(int(self._numbers[at]), key, _or_rejected(value, text))
                at += 1

    def _name(self, key: str | None, value: Any, text: str) -> tuple[str, ...]:
        if not self._fields:
            return (str(key),)
        value = _or_rejected(value, text)
        return tuple(str(value.get(field)) for field in self._fields) if isinstance(value, dict) else ()


@lru_cache(maxsize=8)
def _lookup(path: Path, fields: tuple[str, ...], under: tuple[str, ...], size: int, modified: int) -> Lookup:
    return Lookup(path, fields, under)


def _hash(name: tuple[str, ...]) -> int:
    return int.from_bytes(hashlib.blake2b("\0".join(name).encode("utf-8", "replace"), digest_size=8).digest(), "big")
