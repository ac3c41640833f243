"""The large objects: bytes on disk under their SHA-256, parts of those that come in parts, and the xet store."""

from __future__ import annotations

import hashlib
import os
import struct
from collections.abc import Iterable
from pathlib import Path
from threading import get_ident


class Storage:
    """What was uploaded, whether or not a commit names it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.xet = folder / "objects", XetStore(folder / "xet")
        self.folder.mkdir(parents=True)

    def path(self, oid: str) -> Path:
        return self.folder / oid

    def has(self, oid: str) -> bool:
        return self.path(oid).exists() or self.xet.find(oid) is not None

    def put(self, data: bytes) -> str:
        oid = hashlib.sha256(data).hexdigest()
        self.path(oid).write_bytes(data)
        return oid

    def receive(self, oid: str, pieces: Iterable[bytes]) -> bool:
        """Write an object as it comes in; whether it is what it was called."""
        beside, digest = self.path(f"{oid}.{get_ident()}.part"), hashlib.sha256()
        try:
            with beside.open("wb") as file:
                for piece in pieces:
                    file.write(piece)
                    digest.update(piece)
            if digest.hexdigest() != oid:
                return False
            os.replace(beside, self.path(oid))
        finally:
            beside.unlink(missing_ok=True)
        return True

    def receive_part(self, oid: str, number: int, pieces: Iterable[bytes]) -> str:
        """Write one part; its tag."""
        digest = hashlib.md5()
        with self.path(f"{oid}.{number}").open("wb") as file:
            for piece in pieces:
                file.write(piece)
                digest.update(piece)
        return digest.hexdigest()

    def join(self, oid: str, parts: list[tuple[int, str]]) -> bool:
        """Make one object of its parts, each named with the tag it was given; whether it is what it was called."""
        paths = [self.path(f"{oid}.{number}") for number, _ in parts]
        for path, (_, tag) in zip(paths, parts, strict=True):
            if not path.exists() or hashlib.md5(path.read_bytes()).hexdigest() != tag:
                return False
        if not self.receive(oid, (path.read_bytes() for path in paths)):
            return False
        for path in paths:
            path.unlink()
        return True

    def file(self, oid: str) -> Path:
        """Where the bytes lie; those in the xet store are put together first."""
        if not self.path(oid).exists():
            self.xet.restore(oid, self.path(oid))
        return self.path(oid)

    def forget(self, oid: str) -> None:
        self.path(oid).unlink(missing_ok=True)


def _text(raw: bytes) -> str:
    """A xet hash as its clients write it: four little-endian words of 64 bits, in hex."""
    return "".join(f"{word:016x}" for word in struct.unpack("<4Q", raw))


class XetStore:
    """The folder that hf_xet itself fills when it is told that its server is `local://FOLDER`.

    The Hub must know which xet file has which SHA-256; that stands in the shards that hf_xet leaves: after a header of
    48 bytes, for each file a header (hash, flags, number of segments), its segments of 48 bytes, as many again for
    verification with flag bit 31, and 48 bytes that begin with the SHA-256 with bit 30. A hash of ones ends the list.
    """

    WIDTH = 48
    END = b"\xff" * 32

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._seen: set[Path] = set()
        self._files: dict[str, tuple[str, int]] = {}

    @property
    def url(self) -> str:
        return f"local://{self.folder}"

    @property
    def bytes(self) -> int:
        """All that is stored."""
        return sum(path.stat().st_size for path in self.folder.rglob("*") if path.is_file())

    def find(self, sha256: str) -> tuple[str, int] | None:
        """The xet hash and the size of the file with that SHA-256."""
        if sha256 not in self._files:
            for path in set(self.folder.glob("xet/xorbs/shards/*.mdb")) - self._seen:
                self._read(path)
        return self._files.get(sha256)

    def _read(self, path: Path) -> None:
        data, at = path.read_bytes(), self.WIDTH
        while (name := data[at : at + 32]) != self.END:
            flags, count = struct.unpack_from("<II", data, at + 32)
            at += self.WIDTH
            sizes = [struct.unpack_from("<I", data, at + self.WIDTH * i + 36)[0] for i in range(count)]
            at += self.WIDTH * count * (2 if flags >> 31 & 1 else 1)
            if flags >> 30 & 1:
                self._files[_text(data[at : at + 32])] = (_text(name), sum(sizes))
                at += self.WIDTH
        self._seen.add(path)

    def restore(self, sha256: str, to: Path) -> None:
        """Put a file together, with hf_xet."""
        import hf_xet

        found = self.find(sha256)
        if found is None:
            raise FileNotFoundError(sha256)
        beside = to.with_suffix(".restored")
        wanted = hf_xet.PyXetDownloadInfo(str(beside), *found)
        hf_xet.download_files([wanted], self.url, None, None, None)
        os.replace(beside, to)
