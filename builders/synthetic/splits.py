"""Who gets which scene: disjoint splits and no scene twice, though every record is drawn alone.

Two records must never share a scene, whatever the order they are drawn in and whoever draws them, so no record may ask
what another has taken. Two exact rules take the place of asking:

- *between splits*: the space of 64-bit hashes is cut in proportion to the splits' sizes, and a record keeps drawing
  until the hash of its scene's canonical text falls into its own split (or the hash of what the scenes of its number
  share, where that can be told before a scene is made: see `TaskedFamily.ahead`). The hash has no seed: two sets with
  the same proportions are disjoint across splits whatever their seeds.
- *within a split*: record `i` of `n` draws only from its own stream of scenes, and no two streams share one. A stream
  is made by walking the numbers `i, i + n, i + 2n, …` through a keyed permutation (`shuffled`) of all scene numbers.

Where the scenes are few enough to list, they are sorted by hash and cut in proportion, and record `i` takes the `i`-th
of its split in a keyed order: every scene that exists can be used.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Literal

from perceptdata.errors import UsageError

Split = Literal["train_sft", "train_rl", "test"]
SPLITS: tuple[Split, ...] = ("train_sft", "train_rl", "test")
PAPER_ROWS: dict[Split, int] = {"train_sft": 4_000, "train_rl": 16_000, "test": 500}

_WORD = (1 << 64) - 1
_ROUNDS = 4


def digest(text: str) -> int:
    """A text's place in the 64-bit hash space."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")


def borders(rows: Mapping[Split, int], size: int) -> dict[Split, tuple[int, int]]:
    """`range(size)` cut in proportion to `rows`. While `sum(rows) <= size`, no split gets less than its rows."""
    total = sum(rows.values())
    cuts, before = {}, 0
    for split in SPLITS:
        after = before + rows.get(split, 0)
        cuts[split] = (before * size // total, after * size // total)
        before = after
    return cuts


def shuffled(number: int, size: int, key: int) -> int:
    """Where a keyed permutation of `range(size)` sends `number`.

    A Feistel network over the next even number of bits, walked until it lands inside the range (at most four steps on
    average). It needs no memory, so each record can find its place alone.
    """
    half = max(1, ((size - 1).bit_length() + 1) // 2)
    mask = (1 << half) - 1
    while True:
        left, right = number >> half, number & mask
        for turn in range(_ROUNDS):
            mixed = (right ^ key) * 0x9E3779B97F4A7C15 + turn & _WORD
            mixed = (mixed ^ mixed >> 29) * 0xBF58476D1CE4E5B9 & _WORD
            left, right = right, left ^ (mixed >> 32 & mask)
        number = left << half | right
        if number < size:
            return number


def row_counts(asked: Mapping[Split, int] | None, most: int, name: str) -> dict[Split, int]:
    """Rows a split: what was asked, or the paper's sizes, scaled down in proportion where fewer than that exist.

    Raises UsageError where more than `most` rows are asked for in all, or none, or nothing can be had.
    """
    if most < 1:
        raise UsageError(f"{name}: these options allow no scene; widen them")
    if asked is None:
        cuts = borders(PAPER_ROWS, min(most, sum(PAPER_ROWS.values())))
        return {split: stop - start for split, (start, stop) in cuts.items()}
    total = sum(asked.values())
    if total < 1 or min(asked.values()) < 0:
        raise UsageError(f"{name}: rows must be at least 0 for each split and 1 in all")
    if total > most:
        raise UsageError(
            f"{name}: {total:,} rows asked for, and these options have at most {most:,} different scenes to give; "
            "ask for fewer rows or larger scenes"
        )
    return {split: asked.get(split, 0) for split in SPLITS}
