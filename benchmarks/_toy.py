"""The corpus the speed commands are measured on: made up, but with the shape of a real one.

A row is a 25 KB PNG, a question, and a response of 120 words with 8 labelled clauses. The picture has
556 x 332 pixels, the median of Geometry3K's diagrams of that file size: white above, noise below, so that every file
is distinct and neither opening nor encoding one is a shortcut. Images lie in one file, all of one length, so that
reading a row costs every route the same and next to nothing.
"""

from __future__ import annotations

import hashlib
import io
import mmap
import random
import struct
import zlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import datasets
from PIL import Image

from perceptdata.draft import Draft
from perceptdata.example import Answer, Example
from perceptdata.layers import Spans
from perceptdata.plugins import Builder, Part
from perceptdata.spans import Span, SpanSet

WIDTH, HEIGHT, NOISY = 556, 332, 14
CLAUSES, WORDS = 8, 15
LABELS = ("perception", "reasoning")


class Row(NamedTuple):
    """One row before anybody's library has seen it. `spans` are (start, end, label)."""

    key: str
    image: bytes
    question: str
    answer: str
    response: str
    spans: list[tuple[int, int, str]]


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(body, zlib.crc32(kind)))


class Painter:
    """Distinct pictures, fast: the white part is compressed once, and the noise below it is stored as it is."""

    def __init__(self) -> None:
        line = 1 + 3 * WIDTH
        white = (b"\0" + b"\xff" * (line - 1)) * (HEIGHT - NOISY)
        packer = zlib.compressobj(9)
        self._white = packer.compress(white) + packer.flush(zlib.Z_FULL_FLUSH)
        self._sum = zlib.adler32(white)
        head = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 2, 0, 0, 0)
        self._before = b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + _chunk(b"IDAT", self._white)
        self._after = _chunk(b"IEND", b"")

    def __call__(self, number: int) -> bytes:
        """Picture `number`."""
        noise = random.Random(number).randbytes(3 * WIDTH * NOISY)
        lines = b"".join(b"\0" + noise[at : at + 3 * WIDTH] for at in range(0, len(noise), 3 * WIDTH))
        stored = struct.pack("<BHH", 1, len(lines), len(lines) ^ 0xFFFF) + lines
        check = struct.pack(">I", zlib.adler32(lines, self._sum))
        return self._before + _chunk(b"IDAT", stored + check) + self._after


@cache
def picture_bytes() -> int:
    """The length of every picture, in bytes."""
    return len(Painter()(0))


class Corpus:
    """`rows` rows over `rows // shared` pictures; rows that share a picture stand together, as twins do."""

    def __init__(self, folder: Path, rows: int, shared: int = 1) -> None:
        self.folder, self.rows, self.shared = folder, rows, shared
        self._file = folder / "images.bin"

    @property
    def pictures(self) -> int:
        """How many distinct pictures there are."""
        return -(-self.rows // self.shared)

    def prepare(self) -> Corpus:
        """Paint the pictures that are not there yet."""
        self.folder.mkdir(parents=True, exist_ok=True)
        paint, size = Painter(), picture_bytes()
        have = self._file.stat().st_size // size if self._file.exists() else 0
        with open(self._file, "ab") as file:
            for number in range(have, self.pictures):
                file.write(paint(number))
        return self

    def read(self, start: int = 0, stop: int | None = None) -> Iterator[Row]:
        """Rows `[start, stop)`."""
        size = picture_bytes()
        with open(self._file, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as pictures:
            for row in range(start, self.rows if stop is None else stop):
                at = row // self.shared * size
                yield self._row(row, pictures[at : at + size])

    def _row(self, row: int, image: bytes) -> Row:
        pool = _clauses()
        clauses = [pool[(row * 7 + number * 31) % len(pool)] for number in range(CLAUSES)]
        spans, at = [], 0
        for number, clause in enumerate(clauses):
            spans.append((at, at + len(clause), LABELS[number % 2]))
            at += len(clause) + 1
        question = f"What is the length of side {row} in the figure?"
        return Row(f"{row:07d}", image, question, str(row % 97), " ".join(clauses), spans)


@cache
def _clauses() -> list[str]:
    words = "the figure shows a triangle with angles of forty and sixty degrees so side AB is equal to BC"
    draw = random.Random(0)
    return [" ".join(draw.choices(words.split(), k=WORDS)) + "." for _ in range(997)]


class Toy(Builder):
    """The corpus as drafts."""

    name: ClassVar[str] = "toy"
    corpus: ClassVar[str] = "toy"
    licence: ClassVar[str] = "CC0-1.0"
    rows: int
    shared: int

    def parts(self, source: Path | None) -> list[Part]:
        """`SHARD` rows a part."""
        return [Part(source, "train", at, min(at + self.SHARD, self.rows)) for at in range(0, self.rows, self.SHARD)]

    def read(self, part: Part) -> Iterator[Draft]:
        """Every row is good."""
        assert part.path is not None
        for row in Corpus(part.path, self.rows, self.shared).read(part.start, part.stop):
            yield Draft(
                key=row.key,
                stage="visual_reasoning",
                question=f"<image>{row.question}",
                answer=Answer(text=row.answer, kind="number"),
                images=[row.image],
                response=row.response,
                spans={"response": SpanSet.of(Span(*span) for span in row.spans)},
            )


def flat(row: Row, image: Any) -> dict[str, Any]:
    """The row as a person would hand it to `datasets`: few columns, nothing checked."""
    return {
        "id": row.key,
        "stage": "visual_reasoning",
        "image": image,
        "question": row.question,
        "answer": row.answer,
        "response": row.response,
        "spans": [{"start": start, "end": end, "label": label} for start, end, label in row.spans],
        "licence": Toy.licence,
        "split": "train",
    }


def flat_features() -> datasets.Features:
    """The columns of `flat`."""
    text = datasets.Value("string")
    place = datasets.Value("int32")
    spans = datasets.List({"start": place, "end": place, "label": text})
    texts = dict.fromkeys(("id", "stage", "question", "answer", "response", "licence", "split"), text)
    return datasets.Features({**texts, "image": datasets.Image(), "spans": spans})


def like_export(row: Row, image: Any) -> dict[str, Any]:
    """The row as our export writes it: the same columns with the same values, worked out by the usual means."""
    identity = f"toy/train/{row.key}"
    sha256 = hashlib.sha256(row.image).hexdigest()
    width, height = Image.open(io.BytesIO(row.image)).size
    return {
        "id": identity,
        "stage": "visual_reasoning",
        "group": sha256,
        "images": [image],
        "image_info": [{"sha256": sha256, "width": width, "height": height}],
        "question": f"<image>{row.question}",
        "choices": [],
        "answer": {
            "text": row.answer,
            "kind": "number",
            "index": None,
            "accepts": [],
            "tolerance": None,
            "unit": None,
            "checker": None,
        },
        "facts": None,
        "facts_quality": None,
        "response": row.response,
        "text_id": f"{identity}#response",
        "spans": [
            {"start": start, "end": end, "label": label, "score": 1.0, "tagger": ""} for start, end, label in row.spans
        ],
        "regions": [],
        "history": [],
        "source": {
            "builder": Toy.name,
            "version": Toy.version,
            "corpus": Toy.corpus,
            "split": "train",
            "key": row.key,
            "licence": Toy.licence,
            "allowed_use": Toy.allowed_use,
        },
        "split": "train",
        "meta": "{}",
    }


def export_features() -> datasets.Features:
    """The columns of `like_export`."""
    columns = datasets.Features.from_arrow_schema(Example.arrow_schema())
    columns["image_info"] = columns["images"]
    columns["images"] = datasets.List(datasets.Image())
    columns["spans"] = datasets.Features.from_arrow_schema(Spans.arrow_schema())["spans"]
    columns["text_id"] = columns["split"] = datasets.Value("string")
    return columns
