"""Image columns, told by their values: bytes, `{bytes, path}`, base64, paths into a folder or zip, lists of these.

    references(value, store)      the draft's image references; raises Rejected for what is not one

A path may name its folder again (`images/4.jpg` with `images` as the root). Nothing is opened here; the engine checks
the bytes.
"""

from __future__ import annotations

import base64
import binascii
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from perceptdata.draft import FileIn, ImageRef, ZipMember
from perceptdata.errors import Rejected, UsageError

from .literals import is_written_list, read_list

ImageKind = Literal["embedded", "base64", "path", "url"]

_MAGIC = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"BM", b"RIFF", b"II*\x00", b"MM\x00*")
_SUFFIX = re.compile(r"\.(png|jpe?g|gif|bmp|webp|tiff?)$", re.I)
_URL = re.compile(r"https?://", re.I)
_DATA_URI = re.compile(r"data:image/[\w.+-]+;base64,", re.I)
_SHORTEST_BASE64 = 64  # shorter texts are names; the smallest PNG is 89 characters


def kind_of(value: Any) -> ImageKind | None:
    """What kind of image a value is, or None where it is none."""
    if isinstance(value, list | tuple):
        kinds = {kind_of(each) for each in value}
        return kinds.pop() if len(kinds) == 1 else None
    if isinstance(value, Mapping):
        if isinstance(value.get("bytes"), bytes):
            return "embedded"
        named = _named(value)
        return None if named is None else kind_of(named)
    if isinstance(value, bytes):
        return "embedded" if value.startswith(_MAGIC) else None
    if not isinstance(value, str):
        return None
    if is_written_list(value):
        try:
            return kind_of(read_list(value))
        except Rejected:
            return None
    if _URL.match(value):
        return "url" if _SUFFIX.search(value.partition("?")[0]) else None
    if _decode(value, start_only=True):
        return "base64"
    return "path" if _SUFFIX.search(value) and "\n" not in value else None


def _named(value: Mapping[str, Any]) -> str | None:
    """The path, address or base64 of `{path: …}`, `{image: …}` (verl), `{url: …}` or `{image_url: {url: …}}`."""
    named = next((value[key] for key in ("path", "image", "url", "image_url") if value.get(key)), None)
    named = named.get("url") if isinstance(named, Mapping) else named
    return named if isinstance(named, str) else None


def _decode(text: str, start_only: bool = False) -> bytes | None:
    """The image behind a base64 text or data URI, or None where it is not one."""
    if uri := _DATA_URI.match(text):
        text = text[uri.end() :]
    elif len(text) < _SHORTEST_BASE64:
        return None
    try:
        if not base64.b64decode(text[:16], validate=True).startswith(_MAGIC):
            return None
        return b"image" if start_only else base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


@dataclass(frozen=True)
class Store:
    """Where paths lead: a folder, or a zip file read in place."""

    root: Path

    @cached_property
    def archive(self) -> frozenset[str] | None:
        """The entries of a zip file, or None for a folder. Raises UsageError."""
        if self.root.is_dir():
            return None
        if not self.root.is_file():
            raise UsageError(f"{self.root} does not exist; images names the folder or zip file of the pictures")
        try:
            with zipfile.ZipFile(self.root) as archive:
                return frozenset(archive.namelist())
        except zipfile.BadZipFile:
            raise UsageError(f"{self.root} is neither a folder nor a zip file; images names one of these") from None

    def holds(self, name: str) -> bool:
        """Whether there is such an entry. A name that leads out of a folder is none of its entries."""
        if self.archive is not None:
            return name in self.archive
        return ".." not in name.split("/") and (self.root / name).is_file()

    def first(self, *names: str) -> ImageRef:
        """The reference for the first of these paths that is there; for the first of all where none is."""
        return self.find(next((name for name in names if self.holds(name)), names[0]))

    def find(self, name: str) -> ImageRef:
        """The reference for a path. Whether it leads out of the root, or nowhere, is the engine's to check."""
        head, slash, inner = name.removeprefix("./").partition("/")
        again = bool(slash) and head in (self.root.name, self.root.stem) and ".." not in inner
        if self.archive is None:
            if again and not (self.root / name).exists() and (self.root / inner).exists():
                return FileIn(self.root, inner)
            return FileIn(self.root, name)
        return ZipMember(self.root, inner if again and name not in self.archive and inner in self.archive else name)


def references(value: Any, store: Store) -> list[ImageRef]:
    """All images of one value, in order; none for None, an empty text or an empty list."""
    if value is None or value == "":
        return []
    if is_written_list(value):
        value = read_list(value)
    if isinstance(value, list | tuple):
        return [reference for each in value for reference in references(each, store)]
    if isinstance(value, Mapping):
        if isinstance(value.get("bytes"), bytes):
            return [value["bytes"]]
        return references(_named(value), store)
    if isinstance(value, bytes):
        return [value]
    if not isinstance(value, str):
        raise Rejected("field.invalid", f"an image column holds a {type(value).__name__}")
    if _URL.match(value):
        said = f"{value[:200]} is an address; download the pictures and name their folder with images"
        raise Rejected("image.missing", said)
    if value.startswith("file://"):
        value = value.removeprefix("file://")
    decoded = _decode(value)
    return [decoded] if decoded is not None else [store.find(value)]
