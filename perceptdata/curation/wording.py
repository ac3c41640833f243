"""Texts as words, and runs of words as hashes.

    words("What is $x^2 + 3.5$?")       # ["what", "is", "x", "^", "2", "+", "3.5"]
    marks("The length of AB is 3 x")     # ["AB", "3", "x"]
    Grams(3).of([words, …])              # every run of three words, as 128 bits, flat, with where each text begins

Case, punctuation, LaTeX spacing and image marks do not count; signs of arithmetic do, for without them `x + 1` and
`x - 1` would be one text. Characters of scripts without spaces are words of their own.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

IMAGE = "<image>"
_SPACING = re.compile(r"\\(?:left|right|displaystyle|quad|qquad|mathrm|text|mathbf|[,;:!() \[\]])")
_FRACTION = re.compile(r"\\[dt]frac")
_OPTIONS = re.compile(
    r"\b(?:choices|options)\s*:.*\Z|(?:\n|\s)\(?A[).:]\s.*?\(?B[).:]\s.*\Z", re.DOTALL | re.IGNORECASE
)
_SCRIPTS = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
_WORD = re.compile(rf"\d+(?:\.\d+)?|[{_SCRIPTS}]|[^\W\d_{_SCRIPTS}]+|[+*/=<>^%]|(?<![^\W\d_]{{2}})-")
_MARK = re.compile(r"\d+(?:\.\d+)?|(?<![^\W\d_])(?:[^\W\d_]|[A-Z]{2,5}|[A-Za-z][a-z]+)(?![^\W\d_])")
_TELLING = """
    red orange yellow green blue purple violet pink brown black white grey gray cyan magenta gold silver left
    right above below over under top bottom upper lower front behind inside outside between north south east
    west small medium large big tiny bigger smaller larger taller shorter longer wider narrower higher deeper
    circle square triangle rectangle cube sphere cylinder cone pentagon hexagon metal rubber shiny matte no not
    never none all any every some only both either neither one two three four five six seven eight nine ten
    eleven twelve first second third fourth fifth last next more fewer less most least greater equal same
    different maximum minimum highest lowest largest smallest increase decrease before after sum difference
    product ratio area perimeter volume length width height angle sine cosine tangent
"""
TELLING = frozenset(_TELLING.split())
"""Words that make another question where they are swapped in one template."""
_BASE = np.uint64(0x9E3779B97F4A7C15)


def plain(text: str) -> str:
    """The text as it is compared for being exactly the same: NFKC, small letters, no image marks, single spaces."""
    return " ".join(unicodedata.normalize("NFKC", text).replace(IMAGE, " ").casefold().split())


def bare(question: str) -> str:
    """A question without the options that some corpora write into it; unchanged where nothing else would be left."""
    cut = _OPTIONS.sub("", question).rstrip()
    return cut or question


def words(text: str) -> list[str]:
    """The words of a text, in order."""
    text = unicodedata.normalize("NFKC", text).replace(IMAGE, " ").casefold()
    return _WORD.findall(_FRACTION.sub(r"\\frac", _SPACING.sub(" ", text)))


def marks(text: str) -> list[str]:
    """What tells texts of one template apart, in order: numbers, single letters, words in capitals, and words of a
    closed list (colours, sides, sizes, shapes, counts, comparison, negation).
    """
    found = _MARK.findall(unicodedata.normalize("NFKC", text).replace(IMAGE, " "))
    return [word for word in found if not word[1:].islower() or word.lower() in TELLING]


def masked(of: Sequence[str]) -> str:
    """The words as one text with `#` for every number: what a template leaves of itself."""
    return " ".join("#" if word[0].isdigit() else word for word in of)


def digest64(*parts: str) -> int:
    """64 bits that tell texts apart, the same on every machine. Below 2^63, so that databases keep it."""
    joined = "\x1f".join(parts).encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(joined, digest_size=8).digest(), "big") >> 1


class Runs(NamedTuple):
    """Hashes of runs of words, of several texts: text `i` has `[starts[i], starts[i + 1])`.

    Two halves of 64 bits each. A single one can be undone by whoever has a list of words, for it is linear.
    """

    high: NDArray[np.uint64]
    low: NDArray[np.uint64]
    starts: NDArray[np.int64]

    def salted(self, salt: str) -> NDArray[np.uint64]:
        """One hash a run out of both halves and a salt. Whoever has it cannot tell the halves, and so not the words."""
        one, two = (
            np.frombuffer(hashlib.blake2b(f"{salt}{at}".encode(), digest_size=8).digest(), "<u8") for at in "12"
        )
        return _mix(self.high ^ one) ^ np.left_shift(_mix(self.low + two), np.uint64(1))


class Grams:
    """Runs of `n` words as hashes, whole batches of texts at a time. A shorter text counts as one run, if it may."""

    def __init__(self, n: int, whole: bool = False) -> None:
        self.n, self.whole = n, whole
        self._known: dict[str, int] = {}
        self._halves: list[bytes] = []

    def of(self, texts: Sequence[Sequence[str]]) -> Runs:
        """Every run of the texts, in order."""
        lengths = np.array([len(text) for text in texts], np.int64)
        codes = np.fromiter((self._code(word) for text in texts for word in text), np.int64, int(lengths.sum()))
        table = np.frombuffer(b"".join(self._halves), "<u8").reshape(-1, 2)
        n = self.n
        count = np.maximum(lengths - n + 1, 0)
        short = (lengths > 0) & (count == 0) & self.whole
        starts = np.r_[0, np.cumsum(count + short)].astype(np.int64)
        begin = np.r_[0, np.cumsum(lengths)][:-1]
        high, low = np.zeros(starts[-1], np.uint64), np.zeros(starts[-1], np.uint64)
        full = np.repeat(count > 0, count + short)
        at = np.repeat(begin - np.r_[0, np.cumsum(count)][:-1], count) + np.arange(int(count.sum()))
        for half, into in ((0, high), (1, low)):
            value = np.zeros(len(at), np.uint64)
            for offset in range(n):
                value = value * _BASE + table[codes[at + offset], half] if len(at) else value
            into[full] = value
        for text in np.flatnonzero(short):
            for half, into in ((0, high), (1, low)):
                folded: Any = np.uint64(lengths[text])
                with np.errstate(over="ignore"):
                    for code in codes[begin[text] : begin[text] + lengths[text]]:
                        folded = folded * _BASE + table[code, half]
                into[starts[text]] = folded
        return Runs(high, low, starts)

    def _code(self, word: str) -> int:
        code = self._known.get(word)
        if code is None:
            code = self._known[word] = len(self._halves)
            self._halves.append(hashlib.blake2b(word.encode("utf-8", "surrogatepass"), digest_size=16).digest())
        return code


def minhash(hashes: NDArray[np.uint64], starts: NDArray[np.int64], permutations: int = 126) -> NDArray[np.uint32]:
    """The MinHash of each set of hashes, a row each (Broder 1997). The share of equal columns estimates Jaccard."""
    import rensa

    if len(starts) < 2:
        return np.zeros((0, permutations), np.uint32)
    made = rensa.RMinHash.digest_matrix_from_flat_token_hashes(hashes, starts.astype(np.uint64), permutations, 1)
    return np.asarray(made.to_rows(), np.uint32)


def _mix(value: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The finaliser of SplitMix64 (Steele, Lea and Flood 2014)."""
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))
