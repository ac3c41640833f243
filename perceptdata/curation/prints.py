"""Images by what they show: a hash of the pixels, a perceptual hash, and a small copy to check a likeness with.

    made = image_print(decode(data))
    made.pixels, made.hash, made.small
    distance(one.hash, other.hash), alike(one.small, other.small)

The perceptual hash is of the lowest 16 x 16 frequencies (DCT-II) of the picture at 64 x 64, each above or below their
median: 256 bits; and of the lowest 8 x 8, 64 bits (Zauner 2010). Uniform borders are cut off and the rest padded to a
square first: without that 5 % of padding moves 132 of 256 bits. A picture of one colour has no hash.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import ImageFilter

from perceptdata.errors import Rejected
from perceptdata.images import decode
from perceptdata.manifest import digest

VERSION = "1"
SCHEMA = pa.schema(
    [
        ("sha256", pa.string()),
        ("pixels", pa.string()),
        ("hash", pa.list_(pa.uint64(), 5)),
        ("small", pa.binary()),
        ("problem", pa.string()),
    ]
)
STRONG = 24
"""Bits of 256 by which two prints of one picture differ at most; unrelated ones differ by 78, sparse drawings by 32."""
WEAK = 8
"""Bits of 64 up to which a likeness is worth a look at the small copies."""
CORRELATION, CELL = 0.99, 32
"""How alike small copies are at least: correlation of greys, and the largest difference of a cell, of 255.

A change of one block's colour among few, as in NLVR, leaves a correlation of 0.988 and less; saving as JPEG, 0.997.
"""
_EDGE, _SIDE, _SMALL = 512, 64, 32
_TRIM, _CONTRAST, _UNEVEN, _BORDERS = 16, 0.15, 0.1, 3
_BATCH = 64


class Print(NamedTuple):
    """`pixels` is a hash of size and RGB. `hash` has five words: 256 bits, then 64; None for a single colour.

    `small` is 32 x 32 of grey and 16 x 16 of each colour difference, a byte each.
    """

    pixels: str
    hash: NDArray[np.uint64] | None
    small: bytes


def image_print(picture: Pillow.Image) -> Print:
    """The print of an RGB picture."""
    said = f"{picture.width}x{picture.height}".encode()
    pixels = hashlib.blake2b(said + picture.tobytes(), digest_size=16).hexdigest()
    square = _square(picture)
    # Blurred by a cell's width first: a thin line must not count as another for standing half a cell aside.
    soft = square.resize((4 * _SMALL, 4 * _SMALL), Pillow.Resampling.BILINEAR).filter(ImageFilter.GaussianBlur(4))
    small = soft.resize((_SMALL, _SMALL), Pillow.Resampling.BOX).convert("YCbCr")
    grey, *colours = small.split()
    parts = [grey.tobytes(), *(each.resize((16, 16), Pillow.Resampling.BOX).tobytes() for each in colours)]
    levels = np.asarray(square.convert("L").resize((_SIDE, _SIDE), Pillow.Resampling.LANCZOS), np.float64)
    return Print(pixels, _hash(levels), b"".join(parts))


def distance(one: NDArray[np.uint64], other: NDArray[np.uint64]) -> tuple[int, int]:
    """By how many bits two hashes differ: of 256, and of 64."""
    bits = np.bitwise_count(one ^ other)
    return int(bits[:4].sum()), int(bits[4])


def alike(one: bytes, other: bytes) -> tuple[float, int]:
    """The correlation of two small copies' greys, and the largest difference of a cell in grey or colour."""
    first, second = np.frombuffer(one, np.uint8).astype(np.float64), np.frombuffer(other, np.uint8).astype(np.float64)
    grey = slice(0, _SMALL * _SMALL)
    left, right = first[grey] - first[grey].mean(), second[grey] - second[grey].mean()
    norm = float(np.sqrt((left @ left) * (right @ right)))
    return (float(left @ right) / norm if norm else 0.0), int(np.abs(first - second).max())


def _square(picture: Pillow.Image) -> Pillow.Image:
    """The picture without its uniform borders, padded to a square with what stands at its edge; at most 512 wide."""
    factor = -(-max(picture.size) // _EDGE)
    if factor > 1:
        picture = picture.reduce(factor)
    for _ in range(_BORDERS):  # a frame of white around one of grey
        box = _content(np.asarray(picture.convert("L"), np.int16))
        if box == (0, 0, *picture.size):
            break
        picture = picture.crop(box)
    border = tuple(int(level) for level in np.median(_frame(np.asarray(picture)), axis=0))
    side = max(picture.size)
    square = Pillow.new("RGB", (side, side), border)
    square.paste(picture, ((side - picture.width) // 2, (side - picture.height) // 2))
    return square


def _frame(levels: NDArray) -> NDArray:
    """The outermost pixels."""
    return np.concatenate([levels[0], levels[-1], levels[:, 0], levels[:, -1]])


def _content(levels: NDArray[np.int16]) -> tuple[int, int, int, int]:
    """The box of all that stands out from the edge's grey by a share of what stands out most.

    A fixed step would take the ringing of a JPEG for content. A photograph has no uniform edge and stays whole.
    """
    height, width = levels.shape
    edge = _frame(levels)
    ground = int(np.median(edge))
    away = np.abs(levels - ground)
    inner = away > max(_TRIM, _CONTRAST * int(away.max()))
    rows, columns = np.flatnonzero(inner.any(axis=1)), np.flatnonzero(inner.any(axis=0))
    if not len(rows) or (np.abs(edge - ground) > _TRIM).mean() > _UNEVEN:
        return (0, 0, width, height)
    return (int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)


@lru_cache(maxsize=1)
def _cosines() -> NDArray[np.float64]:
    at = np.arange(_SIDE)
    return np.cos(np.pi * np.outer(np.arange(16), 2 * at + 1) / (2 * _SIDE))


def _hash(levels: NDArray[np.float64]) -> NDArray[np.uint64] | None:
    if np.ptp(levels) < 4:
        return None
    low = _cosines() @ levels @ _cosines().T
    wide, narrow = (block > np.median(block) for block in (low, low[:8, :8]))
    return np.r_[np.packbits(wide).view(">u8"), np.packbits(narrow).view(">u8")].astype(np.uint64)


def prints_of(pack: Path, content: str, skip: Collection[str], cache: Path) -> Path:
    """The prints of a pack's images, but those to `skip`: a parquet file under `cache`, made if it is not there.

    `content` is the pack's own digest. A picture that cannot be decoded has a row with its problem.
    """
    path = cache / "prints" / f"{digest(VERSION, content, sorted(skip))[:32]}.parquet"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(f".{path.name}.{os.getpid()}")
        reader = pa.ipc.open_file(pa.memory_map(str(pack)))
        with pq.ParquetWriter(beside, SCHEMA, compression="zstd") as writer:
            for number in range(reader.num_record_batches):
                batch = reader.get_batch(number)
                for start in range(0, len(batch), _BATCH):
                    writer.write_table(_table(batch.slice(start, _BATCH), skip))
        beside.replace(path)
    return path


def _table(batch: pa.RecordBatch, skip: Collection[str]) -> pa.Table:
    rows = []
    for sha256, data in zip(batch.column("sha256").to_pylist(), batch.column("bytes"), strict=True):
        if sha256 in skip:
            continue
        try:
            made = image_print(decode(data.as_buffer()))
        except Rejected as rejected:
            rows.append({"sha256": sha256, "pixels": f"file:{sha256}", "problem": rejected.code})
            continue
        rows.append({"sha256": sha256, "pixels": made.pixels, "hash": made.hash, "small": made.small})
    return pa.Table.from_pylist(rows, schema=SCHEMA)
