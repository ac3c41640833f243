"""What a linear model sees of the clauses of a batch: a few dense columns, and hashed n-grams.

    found = features(Batch.of(texts))
    found.dense                                      # (clauses, len(DENSE)), float64
    found.clause, found.bucket, found.weight         # one entry an n-gram; bucket < 2 ** BITS

N-grams are read off the buffer of the whole batch (a byte a code point, see `segmentation.buffer`), in lower case and
with every digit written 0; they cost no Python string, and those of a text do not depend on its batch:

    words     runs of letters or digits, and single signs such as `=`; one, and two in a row
    chars     3, 4 and 5 bytes in a row, from one byte before the clause to one behind it

Each is hashed to 64 bits, of which the upper `BITS` name its bucket (feature hashing without the sign: Weinberger et
al. 2009, "Feature Hashing for Large Scale Multitask Learning"). The n-grams of a clause weigh one over the root of
their number, words and chars apart: that is their L2 norm where none repeats, and needs no look at which do.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from perceptdata.plugins import TextItem
from perceptdata.segmentation.buffer import SPACE, WORD, Buffer

from .batch import Batch

BITS = 16
CHARS = (3, 4, 5)
# Dense columns and what each is multiplied with: a penalty on weights reaches a large column less.
DENSE = {
    "question": 1.5,  # the question is known
    "asked": 1.5,  # share of the clause's content words that the question has
    "pairs_asked": 1.5,  # share of its pairs of words
    "covered": 1.5,  # share of the question's content words that the clause has
    "late": 0.5,  # its place in the text
}
LONGEST_WORD = 48  # what stands behind these bytes of a word does not enter its hash
CONTENT = 4  # a word of fewer letters or digits is taken for a function word

_MIX = np.uint64(0x9E3779B97F4A7C15)  # 2**64 over the golden ratio: multiplicative hashing
_NEXT = np.uint64(0xC2B2AE3D27D4EB4F)  # keeps "a b" apart from "b a"
_ALIKE = bytes(0x30 if 0x30 <= byte <= 0x39 else 0x20 if byte in b"\t\n\x0b\x0c\r" else byte for byte in range(256))


@dataclass(frozen=True, slots=True)
class Features:
    """The features of a batch's clauses: dense columns, and three arrays with an entry an n-gram."""

    dense: NDArray[np.float64]
    clause: NDArray[np.int64]
    bucket: NDArray[np.int64]
    weight: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Words:
    """Words in order: the stretch (clause or question) each stands in, its hash, and whether it has content."""

    owner: NDArray[np.int64]
    hash: NDArray[np.uint64]
    content: NDArray[np.bool_]

    def pairs(self) -> tuple[NDArray[np.int64], NDArray[np.uint64]]:
        """Owner and hash of each two words in a row of one stretch."""
        together = self.owner[1:] == self.owner[:-1]
        return self.owner[1:][together], (self.hash[:-1] * _NEXT + self.hash[1:])[together]


def features(batch: Batch) -> Features:
    """The features of all clauses of the batch."""
    words = _words(batch.buffer, batch.start, batch.end)
    pair_owner, pair_hash = words.pairs()
    families = [
        (np.concatenate((words.owner, pair_owner)), np.concatenate((words.hash, pair_hash))),
        _chars(batch.buffer, batch.start, batch.end),
    ]
    clauses = len(batch.start)
    return Features(
        np.column_stack((_asked(batch, words), batch.late)) * np.array(tuple(DENSE.values())),
        np.concatenate([owner for owner, _ in families]),
        np.concatenate([_bucket(code) for _, code in families]),
        np.concatenate([1 / np.sqrt(np.bincount(owner, minlength=clauses))[owner] for owner, _ in families]),
    )


def question(item: TextItem) -> str:
    """What the text answers, options included: the example's, or what `meta` has under that name; else empty."""
    if item.example is None:
        return str(item.meta.get("question", ""))
    return "\n".join((item.example.question, *(item.example.choices or ())))


def _words(buffer: Buffer, start: NDArray[np.int64], end: NDArray[np.int64]) -> _Words:
    """The words inside the stretches `[start, end)`, which are sorted and disjoint."""
    code = np.frombuffer(buffer.raw.lower().translate(_ALIKE), np.uint8)
    word = (buffer.kind & np.uint8(WORD)) != 0
    solid = (buffer.kind & np.uint8(SPACE)) == 0
    begins = solid & ~(word & np.concatenate(([False], word[:-1])))
    begins[start] = solid[start]
    places = np.flatnonzero(solid)
    first = np.flatnonzero(begins[places])
    length = np.diff(np.append(first, len(places)))
    within = np.arange(len(places)) - np.repeat(first, length)
    mixed = (code[places].astype(np.uint64) + np.uint64(1)) * _powers()[np.minimum(within, LONGEST_WORD)]
    hashes = np.add.reduceat(mixed, first) if len(first) else np.empty(0, np.uint64)
    at = places[first]
    owner = np.searchsorted(start, at, side="right") - 1
    inside = owner >= 0
    inside[inside] = at[inside] < end[owner[inside]]
    digit = code[at] == ord("0")
    content = word[at] & ((length >= CONTENT) | digit)
    return _Words(owner[inside], hashes[inside], content[inside])


@cache
def _powers() -> NDArray[np.uint64]:
    """An odd multiplier for each place in a word; nought for the places behind the last that counts."""
    powers = np.multiply.accumulate(np.full(LONGEST_WORD + 1, 0xD6E8FEB86659FD93, np.uint64))
    powers[-1] = 0
    return powers


def _chars(
    buffer: Buffer, start: NDArray[np.int64], end: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.uint64]]:
    """Clause and code of each window of `CHARS` bytes; windows reach one byte over the clause at either side."""
    raw = np.frombuffer(buffer.raw.lower().translate(_ALIKE), np.uint8).astype(np.uint64)
    first, length = start - 1, end - start + 2
    total = np.cumsum(length)
    owner = np.repeat(np.arange(len(start)), length)
    place = np.arange(total[-1] if len(total) else 0) - np.repeat(total - length, length)
    at = np.repeat(first, length) + place
    left = np.repeat(length, length) - place  # bytes from this place to the end of the stretch
    code = np.zeros(len(at), np.uint64)
    owners, codes = [], []
    for size in range(1, max(CHARS) + 1):
        fits = left >= size
        at, owner, left, code = at[fits], owner[fits], left[fits], code[fits]
        code = code | raw[at + (size - 1)] << np.uint64(8 * (size - 1))
        if size in CHARS:
            owners.append(owner)
            codes.append(code)
    return np.concatenate(owners), np.concatenate(codes)


def _bucket(code: NDArray[np.uint64]) -> NDArray[np.int64]:
    return ((code * _MIX) >> np.uint64(64 - BITS)).astype(np.int64)


def _asked(batch: Batch, words: _Words) -> NDArray[np.float64]:
    """The first four columns of `DENSE`, not yet multiplied."""
    questions = [question(item) for item in batch.texts]
    buffer = Buffer.of(questions)
    asked = _words(buffer, buffer.base[:-1], buffer.base[1:] - 2)
    clauses = len(batch.start)

    def count(owner: NDArray[np.int64], size: int = clauses) -> NDArray[np.float64]:
        return np.bincount(owner, minlength=size).astype(np.float64)

    # A word as a number that differs from text to text, so that one look-up serves the batch.
    wanted = _distinct(asked.owner[asked.content], asked.owner[asked.content], asked.hash[asked.content])
    owner, key = words.owner[words.content], words.hash[words.content]
    key = _keyed(batch.text[owner], key)
    hit = np.isin(key, wanted[1])
    said, _ = _distinct(owner[hit], batch.text[owner[hit]], words.hash[words.content][hit])
    pair_owner, pair = words.pairs()
    pair_hit = np.isin(_keyed(batch.text[pair_owner], pair), _keyed(*asked.pairs()))
    return np.column_stack(
        (
            np.array([bool(one) for one in questions], np.float64)[batch.text],
            count(owner[hit]) / np.maximum(count(owner), 1),
            count(pair_owner[pair_hit]) / np.maximum(count(pair_owner), 1),
            count(said) / np.maximum(count(wanted[0], len(questions))[batch.text], 1),
        )
    )


def _distinct(
    owner: NDArray[np.int64], text: NDArray[np.int64], code: NDArray[np.uint64]
) -> tuple[NDArray[np.int64], NDArray[np.uint64]]:
    """Owners and keys without repetition."""
    key = _keyed(text, code)
    order = np.lexsort((key, owner))
    owner, key = owner[order], key[order]
    fresh = np.ones(len(key), bool)
    fresh[1:] = (owner[1:] != owner[:-1]) | (key[1:] != key[:-1])
    return owner[fresh], key[fresh]


def _keyed(text: NDArray[np.int64], code: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """A word of one text is another key than the same word of the next."""
    return (text.astype(np.uint64) * _NEXT) ^ code * _MIX
