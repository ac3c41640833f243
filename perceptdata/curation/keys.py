"""A shard's rows as keys: what tells whether two of them are the same, in a narrow table that joins well.

    path = keys_of(examples, content, cache)      # made once, kept under cache/

| column | equal where |
|---|---|
| `exact` | question, choices and earlier turns are the same but for case and white space |
| `twin` | they are the same once every number is masked |
| `marks`, `answer` | their numbers, letters and capitals, in order; their gold answer |
| `bands` | any of 21: probably near, as sets of three words in a row (MinHash, 21 bands of 6) |

Two texts with Jaccard 0.8 share a band with probability 1 - (1 - 0.8^6)^21 = 0.998, two with 0.4 with 0.08.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from perceptdata.curation.wording import Grams, digest64, marks, masked, minhash, plain, words
from perceptdata.manifest import digest

VERSION = "1"
SHINGLE = 3
BANDS, WIDTH = 21, 6
COLUMNS = ["id", "group", "images", "question", "choices", "answer", "history"]
SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("group", pa.string()),
        ("images", pa.list_(pa.string())),
        *((name, pa.int64()) for name in ("exact", "twin", "marks", "answer")),
        ("bands", pa.list_(pa.int64())),
    ]
)
_BATCH = 4096


def asked(row: Mapping[str, Any]) -> str:
    """All that is asked of an example, as one text: earlier turns, question, choices. Needs those of `COLUMNS`."""
    turns = [turn["text"] for turn in row["history"] or ()]
    return "\n".join([*turns, row["question"], *(row["choices"] or ())])


def keys_of(examples: Path, content: str, cache: Path) -> Path:
    """The keys of a shard of examples, whose digest is `content`: a parquet file, made if it is not there."""
    path = cache / "keys" / f"{digest(VERSION, content)[:32]}.parquet"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(f".{path.name}.{os.getpid()}")
        with pq.ParquetWriter(beside, SCHEMA, compression="zstd") as writer:
            for rows in rows_of(examples):
                writer.write_table(_keys(rows))
        beside.replace(path)
    return path


def rows_of(examples: Path) -> Iterator[list[dict[str, Any]]]:
    """The rows of a shard, `COLUMNS` alone, some thousand at a time."""
    with pq.ParquetFile(examples) as file:
        for batch in file.iter_batches(_BATCH, columns=COLUMNS):
            yield batch.to_pylist()


def _keys(rows: list[dict[str, Any]]) -> pa.Table:
    texts = [asked(row) for row in rows]
    split = [words(text) for text in texts]
    columns = {
        "id": [row["id"] for row in rows],
        "group": [row["group"] for row in rows],
        "images": [[image["sha256"] for image in row["images"]] for row in rows],
        "exact": [digest64(plain(text)) for text in texts],
        "twin": [digest64(masked(each)) for each in split],
        "marks": [digest64(*marks(text)) for text in texts],
        "answer": [digest64(plain(row["answer"]["text"])) for row in rows],
        "bands": list(bands(split)),
    }
    return pa.table(columns, schema=SCHEMA)


def bands(split: list[list[str]]) -> NDArray[np.int64]:
    """The band hashes of texts, given as words: one row a text."""
    runs = Grams(SHINGLE, whole=True).of(split)
    signature = minhash(runs.high, runs.starts, BANDS * WIDTH).reshape(-1, BANDS, WIDTH).astype(np.uint64)
    value = np.zeros(signature.shape[:2], np.uint64)
    for at in range(WIDTH):
        value = (value ^ signature[:, :, at]) * np.uint64(0x9E3779B97F4A7C15)
        value ^= value >> np.uint64(29)
    return (value >> np.uint64(1)).astype(np.int64)
