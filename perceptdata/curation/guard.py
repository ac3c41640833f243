"""Guard sets: test sets as salted hashes. What is held against them can be found; what they ask cannot be read.

    write_guard(rows, prints, Path("mathvista.parquet"), GuardSet(name="mathvista"))
    guard = Guard.read(Path("mathvista.parquet"))

A row an item of the test set:

| column | what |
|---|---|
| `item` | a hash of its id |
| `words` | how many words its question has, choices left out |
| `exact`, `twin` | hashes of the normalised question; of it with its numbers masked |
| `grams13`, `grams8` | hashes of every run of so many words, but of runs that over ten items of the set share |
| `minhash` | the MinHash of its runs of five words |
| `pixels`, `prints` | of each picture a hash of its pixels, and its perceptual hash |

Runs are hashed as `wording.Runs` says. A short run could be found again by trying words; eight or more cannot.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from perceptdata.curation.keys import BANDS, WIDTH
from perceptdata.curation.wording import Grams, bare, digest64, masked, minhash, words
from perceptdata.errors import UsageError

SALT = "perceptdata"
LONG, STRICT, SHINGLE = 13, 8, 5
COMMON = 10
"""A run that more items of a set share is how the set words its questions (the cut-off of GPT-3's decontamination)."""
META = b"guard"
SCHEMA = pa.schema(
    [
        ("item", pa.int64()),
        ("words", pa.int32()),
        ("exact", pa.int64()),
        ("twin", pa.int64()),
        ("grams13", pa.list_(pa.uint64())),
        ("grams8", pa.list_(pa.uint64())),
        ("minhash", pa.list_(pa.uint32())),
        ("pixels", pa.list_(pa.int64())),
        ("prints", pa.list_(pa.list_(pa.uint64(), 5))),
    ]
)


class GuardSet(BaseModel):
    """What a guard file says of itself. All files of one `salt` are searched together.

    `shared_images`: training sets may show its pictures too (COCO), so a picture alone is reported and drops nothing.
    `templated`: its questions are generated, so a text alone proves nothing.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: str = Field(pattern=r"^[\w.-]+$")
    shared_images: bool = False
    templated: bool = False
    salt: str = SALT
    version: int = 1


class Hashed(NamedTuple):
    """Questions as a guard set keeps them, flat; all by one salt."""

    words: NDArray[np.int64]
    exact: NDArray[np.int64]
    twin: NDArray[np.int64]
    grams: dict[int, tuple[NDArray[np.uint64], NDArray[np.int64]]]
    minhash: NDArray[np.uint32]


class Hasher:
    """Hashes batches of questions by a salt."""

    def __init__(self, salt: str) -> None:
        self.salt = salt
        self._grams = {n: Grams(n) for n in (LONG, STRICT)}
        self._shingles = Grams(SHINGLE, whole=True)

    def of(self, questions: Iterable[str]) -> Hashed:
        """The hashes of some questions. `grams` are flat, with where each question's begin."""
        split = [words(bare(question)) for question in questions]
        shingles = self._shingles.of(split)
        runs = {n: grams.of(split) for n, grams in self._grams.items()}
        return Hashed(
            np.array([len(each) for each in split], np.int64),
            np.array([digest64(self.salt, " ".join(each)) for each in split], np.int64),
            np.array([digest64(self.salt, masked(each)) for each in split], np.int64),
            {n: (found.salted(self.salt), found.starts) for n, found in runs.items()},
            minhash(shingles.salted(self.salt), shingles.starts, BANDS * WIDTH),
        )

    def pixels(self, pixels: str) -> int:
        """The hash of a picture's pixels."""
        return digest64(self.salt, pixels)


def write_guard(
    rows: Iterable[Mapping[str, Any]], prints: Mapping[str, tuple[str, list[int] | None]], path: Path, told: GuardSet
) -> int:
    """Write a guard file of examples (`id`, `question`, `images`); `prints` has pixels and hash by an image's sha256.

    Returns how many items it has. Raises UsageError for none.
    """
    given = sorted(rows, key=lambda row: digest64(told.salt, row["id"]))
    if not given:
        raise UsageError("there is no row to guard; see what the builder makes: perceptdata build … --limit 5")
    hasher = Hasher(told.salt)
    hashed = hasher.of(row["question"] for row in given)
    shown = [[prints[image["sha256"]] for image in row["images"]] for row in given]
    columns = {
        "item": [digest64(told.salt, row["id"]) for row in given],
        "words": hashed.words,
        "exact": hashed.exact,
        "twin": hashed.twin,
        "grams13": _rare(*hashed.grams[LONG]),
        "grams8": _rare(*hashed.grams[STRICT]),
        "minhash": list(hashed.minhash),
        "pixels": [[hasher.pixels(pixels) for pixels, _ in images] for images in shown],
        "prints": [[hash_ for _, hash_ in images if hash_ is not None] for images in shown],
    }
    table = pa.table({name: pa.array(columns[name], SCHEMA.field(name).type) for name in SCHEMA.names})
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table.replace_schema_metadata({META: told.model_dump_json().encode()}), path, compression="zstd")
    return len(table)


def _rare(hashes: NDArray[np.uint64], starts: NDArray[np.int64]) -> list[NDArray[np.uint64]]:
    """Each item's hashes, sorted and once, but those that too many items have. Sorted: their order would tell words."""
    items = [np.unique(hashes[start:stop]) for start, stop in pairwise(starts.tolist())]
    every, count = np.unique(np.concatenate([np.zeros(0, np.uint64), *items]), return_counts=True)
    common = every[count > COMMON]
    return [each[~np.isin(each, common)] for each in items]


class Guard(NamedTuple):
    """A guard file, read."""

    told: GuardSet
    items: pa.Table

    @classmethod
    def read(cls, path: Path) -> Guard:
        """Raises UsageError for a file that is none."""
        try:
            items = pq.read_table(path)
            told = GuardSet.model_validate_json((items.schema.metadata or {})[META])
        except (OSError, pa.ArrowInvalid, KeyError, ValidationError) as error:
            raise UsageError(
                f"{path} is no guard file ({str(error).splitlines()[0]}); make one with: perceptdata curate guard"
            ) from error
        return cls(told, items)


def guard_files(path: Path) -> list[Path]:
    """The guard files that a path names: itself, or all in a folder. Raises UsageError where there is none."""
    files = [path] if path.is_file() else sorted(path.glob("*.parquet"))
    if not files:
        raise UsageError(f"{path} has no guard files; make them with: perceptdata curate guard BUILDER --out {path}/…")
    return files
