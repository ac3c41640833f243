"""Rows held against guard sets: which of them ask what a test asks.

    matcher = Matcher([Guard.read(path) for path in files], n=13)
    for row, matches in enumerate(matcher.of(questions, pictures)): …

| rule | holds where | drops |
|---|---|---|
| `exact` | the normalised questions are the same | yes |
| `gram13`, `gram8` | they share a run of `n` words | yes |
| `containment` | the row has 0.6 of the item's runs of eight words | yes |
| `minhash` | Jaccard of runs of five words, estimated, >= 0.8 | yes |
| `image` | a picture of both: same pixels, or at most 24 of 256 bits away | not if the set's images are shared |

A text counts alone only where the question has `n` words at least and the set is not templated; else a picture has to
agree too (at most 8 of 64 bits away will do), or, for an item without pictures, the row must be exactly the item.
What is found and does not drop is reported: `short_question`, `templated`, `image_overlap`, `template_twin`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from perceptdata.curation.guard import LONG, STRICT, Guard, Hashed, Hasher
from perceptdata.curation.keys import BANDS, WIDTH
from perceptdata.curation.pairs import hash_keys
from perceptdata.curation.prints import STRONG, WEAK, distance

CONTAINMENT, JACCARD = 0.6, 0.8
WIDE = 32  # of the keys of a perceptual hash, those of its 256 bits
_TEXT = ("exact", "gram13", "gram8", "containment", "minhash")


class Picture(NamedTuple):
    """A row's picture: the hash of its pixels, and its perceptual hash if it has one."""

    pixels: str
    hash: NDArray[np.uint64] | None


class Match(NamedTuple):
    """A row and an item. `rule` says how they agree, `score` how far; `drops` whether that is enough."""

    guard: str
    item: int
    rule: str
    score: float
    drops: bool

    def to_json(self) -> dict[str, Any]:
        """Plain values: the evidence. The item is a salted hash."""
        return {"guard": self.guard, "item": f"{self.item:016x}", "rule": self.rule, "score": round(self.score, 4)}


@dataclass(slots=True)
class _Table:
    """Keys, sorted, and the item that each is of."""

    keys: NDArray
    items: NDArray[np.int64]

    @classmethod
    def of(cls, keys: NDArray, items: NDArray[np.int64]) -> _Table:
        order = np.argsort(keys, kind="stable")
        return cls(keys[order], items[order])

    def find(self, keys: NDArray) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Places among the asked keys, and the items found there: one pair for every item that has the key."""
        first = np.searchsorted(self.keys, keys, side="left")
        count = np.searchsorted(self.keys, keys, side="right") - first
        places = np.repeat(np.arange(len(keys)), count)
        within = np.arange(len(places)) - np.repeat(np.r_[0, np.cumsum(count)][:-1], count)
        return places, self.items[np.repeat(first, count) + within]


class Matcher:
    """All guard sets, indexed by salt. `n` is how long a run alone drops a row: 13, or 8 to be stricter."""

    def __init__(self, guards: Sequence[Guard], n: int = LONG) -> None:
        by_salt: dict[str, list[Guard]] = {}
        for guard in guards:
            by_salt.setdefault(guard.told.salt, []).append(guard)
        self._indexes = [_Index(salt, some, n) for salt, some in by_salt.items()]

    def of(self, questions: Sequence[str], pictures: Sequence[Sequence[Picture]]) -> list[list[Match]]:
        """Of each row its matches, at most one an item; those that drop first."""
        found: list[list[Match]] = [[] for _ in questions]
        for index in self._indexes:
            for row, match in index.matches(questions, pictures):
                found[row].append(match)
        return [sorted(each, key=lambda match: (not match.drops, match.guard, match.item)) for each in found]


class _Index:
    def __init__(self, salt: str, guards: Sequence[Guard], n: int) -> None:
        self.hasher, self.n = Hasher(salt), n
        self.sets = [guard.told for guard in guards]
        column = {name: [guard.items.column(name).combine_chunks() for guard in guards] for name in _COLUMNS}

        def flat(name: str) -> NDArray:
            return np.concatenate([each.to_numpy() for each in column[name]])

        self.of_set = np.repeat(np.arange(len(guards)), [len(guard.items) for guard in guards])
        self.item, self.words = flat("item"), flat("words")
        every = np.arange(len(self.item))
        self.exact, self.twin = (_Table.of(flat(name), every) for name in ("exact", "twin"))
        self.grams = {size: self._lists(column[f"grams{size}"]) for size in (LONG, STRICT)}
        self.size8 = np.bincount(self.grams[STRICT].items, minlength=len(every))
        signature = [each.flatten().to_numpy().reshape(-1, BANDS * WIDTH) for each in column["minhash"]]
        self.minhash = np.concatenate(signature)
        self.bands = [_Table.of(keys, every) for keys in _band_keys(self.minhash)]
        self.pixels = self._lists(column["pixels"])
        self.prints: list[list[NDArray[np.uint64]]] = [
            [np.array(hash_, np.uint64) for hash_ in hashes] for each in column["prints"] for hashes in each.to_pylist()
        ]
        self.shows = np.concatenate([each.value_lengths().to_numpy() for each in column["pixels"]]) > 0
        owner = np.repeat(every, [len(hashes) for hashes in self.prints])
        self.hashes = np.array([hash_ for hashes in self.prints for hash_ in hashes], np.uint64).reshape(-1, 5)
        self.owner = owner
        self.hash_keys = [
            _Table.of(keys, np.arange(len(owner))) for keys in islice(hash_keys(self.hashes), WIDE if len(owner) else 0)
        ]

    @staticmethod
    def _lists(columns: Sequence[Any]) -> _Table:
        keys = np.concatenate([each.flatten().to_numpy() for each in columns])
        lengths = np.concatenate([each.value_lengths().to_numpy() for each in columns])
        return _Table.of(keys, np.repeat(np.arange(len(lengths)), lengths))

    def matches(self, questions: Sequence[str], pictures: Sequence[Sequence[Picture]]) -> Iterator[tuple[int, Match]]:
        """Every pair of a row and an item of which there is something to say."""
        hashed = self.hasher.of(questions)
        texts = self._texts(hashed)
        images = self._images(pictures)
        twins = set(zip(*(each.tolist() for each in self.twin.find(hashed.twin)), strict=True))
        for pair in sorted(texts.keys() | images.keys() | twins):
            row, item = pair
            match = self._decide(item, texts.get(pair, {}), images.get(pair), pictures[row])
            if match is not None:
                yield row, match

    def _decide(
        self, item: int, text: dict[str, float], image: float | None, pictures: Sequence[Picture]
    ) -> Match | None:
        told = self.sets[int(self.of_set[item])]
        rule = next((each for each in _TEXT if each in text), None)
        alone = self.words[item] >= self.n and not told.templated

        def match(rule: str, score: float, drops: bool) -> Match:
            return Match(told.name, int(self.item[item]), rule, score, drops)

        if rule is not None:
            if alone:
                return match(rule, text[rule], True)
            if image is None and self._near(item, pictures):
                image = 1.0
            if image is not None:
                return match(f"{rule}+image", text[rule], True)
            if rule == "exact" and not self.shows[item]:
                return match(rule, 1.0, not pictures)
            return match("templated" if told.templated else "short_question", text[rule], False)
        if image is not None:
            return match("image_overlap", image, False) if told.shared_images else match("image", image, True)
        return match("template_twin", 1.0, False)

    def _near(self, item: int, pictures: Sequence[Picture]) -> bool:
        """Whether a picture agrees well enough for a text that agrees too."""
        return any(
            each.hash is not None and (distance(each.hash, mine)[0] <= STRONG or distance(each.hash, mine)[1] <= WEAK)
            for each in pictures
            for mine in self.prints[item]
        )

    def _texts(self, hashed: Hashed) -> dict[tuple[int, int], dict[str, float]]:
        found: dict[tuple[int, int], dict[str, float]] = {}

        def note(rows: NDArray, items: NDArray, rule: str, scores: NDArray | None = None) -> None:
            told = np.ones(len(rows)) if scores is None else scores
            for row, item, score in zip(rows.tolist(), items.tolist(), told.tolist(), strict=True):
                found.setdefault((row, item), {})[rule] = score

        note(*self.exact.find(hashed.exact), "exact")
        for size in (LONG, STRICT):
            rows, items, shared = self._shared(size, hashed)
            if size >= self.n:
                note(rows, items, f"gram{size}", shared)
            if size == STRICT:
                share = shared / self.size8[items]
                enough = share >= CONTAINMENT
                note(rows[enough], items[enough], "containment", share[enough])
        keyed = zip(self.bands, _band_keys(hashed.minhash), strict=True)
        pairs = np.unique(np.concatenate([np.column_stack(table.find(keys)) for table, keys in keyed]), axis=0)
        equal = (hashed.minhash[pairs[:, 0]] == self.minhash[pairs[:, 1]]).mean(axis=1)
        enough = equal >= JACCARD
        note(pairs[enough, 0], pairs[enough, 1], "minhash", equal[enough])
        return found

    def _shared(self, size: int, hashed: Hashed) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Rows and items that share runs, and how many different ones."""
        hashes, starts = hashed.grams[size]
        row = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
        places, items = self.grams[size].find(hashes)
        runs = np.unique(np.column_stack([row[places], items, hashes[places].view(np.int64)]), axis=0)
        pairs, count = np.unique(runs[:, :2], axis=0, return_counts=True)
        return pairs[:, 0], pairs[:, 1], count

    def _images(self, pictures: Sequence[Sequence[Picture]]) -> dict[tuple[int, int], float]:
        """Pairs that show the same picture; how near, as 1 less the share of bits that differ."""
        row = np.repeat(np.arange(len(pictures)), [len(each) for each in pictures])
        flat = [picture for each in pictures for picture in each]
        pixels = np.array([self.hasher.pixels(picture.pixels) for picture in flat], np.int64)
        places, items = self.pixels.find(pixels)
        found = dict.fromkeys(zip(row[places].tolist(), items.tolist(), strict=True), 1.0)
        hashed = np.array([at for at, picture in enumerate(flat) if picture.hash is not None], np.int64)
        if not len(hashed) or not len(self.owner):
            return found
        hashes = np.array([flat[at].hash for at in hashed], np.uint64)
        keys = islice(hash_keys(hashes), WIDE)
        pieces = [np.column_stack(table.find(key)) for table, key in zip(self.hash_keys, keys, strict=True)]
        pairs = np.unique(np.concatenate(pieces), axis=0)
        far = np.bitwise_count(hashes[pairs[:, 0], :4] ^ self.hashes[pairs[:, 1], :4]).sum(axis=1)
        for (at, print_), bits in zip(pairs[far <= STRONG].tolist(), far[far <= STRONG].tolist(), strict=True):
            pair = (int(row[hashed[at]]), int(self.owner[print_]))
            found[pair] = max(found.get(pair, 0.0), 1 - bits / 256)
        return found


_COLUMNS = ("item", "words", "exact", "twin", "grams13", "grams8", "minhash", "pixels", "prints")


def _band_keys(signature: NDArray[np.uint32]) -> Iterator[NDArray[np.uint64]]:
    """A key a band, of each row."""
    for band in signature.reshape(-1, BANDS, WIDTH).astype(np.uint64).transpose(1, 2, 0):
        value = np.zeros(band.shape[1], np.uint64)
        for column in band:
            value = (value ^ column) * np.uint64(0x9E3779B97F4A7C15)
            value ^= value >> np.uint64(29)
        yield value
