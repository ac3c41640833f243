"""A batch of texts as one byte string, one byte a code point: a scan over a batch is cheap and its offsets exact.

    buffer = Buffer.of(["Area = 3 cm².", "其面積為三。"])
    buffer.raw          # b"\\0 Area = 3 cm\\xfe.\\0 \\xff\\xff\\xff\\xff\\xff\\x80\\0..."

ASCII keeps its byte; every other code point becomes one byte that says only what a rule needs to know of it: a space, a
quote, a dash, a CJK full stop, a letter, a symbol. Byte offsets are therefore code-point offsets, whatever the text
holds, and regular expressions, automata and numpy can all run over the whole batch at once. A NUL ends each text, and
a space that belongs to none opens it, so that its first word begins like any other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain

import numpy as np
from ahocorasick_rs import BytesAhoCorasick
from numpy.typing import NDArray

CJK_STOP, SYMBOL, LETTER = 0x80, 0xFE, 0xFF
GUARD = 4  # NUL bytes behind the last text, so that looking a few bytes ahead needs no test

# Bits of `Buffer.kind`.
SPACE, STOP, CLOSER, WORD, LOWER, UPPER, DIGIT, BREAK = (1 << bit for bit in range(8))

_ALIKE = {
    " ": "\x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B))),
    "'": "‘’ʼ′",
    '"': "“”„«»「」『』",
    "-": "‐‑‒–—―",
    ".": "…",
    ",": "，、",
    ";": "；",
    ":": "：",
    "(": "（【〔",
    ")": "）】〕",
    "*": "•‣◦▪●○■·",
    "<": "◁",
    ">": "▷",
    chr(CJK_STOP): "。｡！？",
}
_SYMBOL_BLOCKS = (
    (0x80, 0xA9),
    (0xAB, 0xB4),
    (0xB6, 0xB9),
    (0xBB, 0xBF),
    (0xD7, 0xD7),
    (0xF7, 0xF7),
    (0x2000, 0x200B),
    (0x2010, 0x206F),
    (0x2070, 0x20CF),
    (0x2190, 0x2BFF),
    (0x3000, 0x3004),
    (0x3007, 0x3030),
    (0xFE10, 0xFE1F),
    (0xFE30, 0xFE6F),
    (0xFF00, 0xFF0F),
    (0xFF1A, 0xFF20),
    (0x1F000, 0x1FAFF),
)


@cache
def _table() -> NDArray[np.uint8]:
    """The byte of every code point."""
    table = np.full(0x110000, LETTER, np.uint8)
    for first, last in _SYMBOL_BLOCKS:
        table[first : last + 1] = SYMBOL
    for byte, alike in _ALIKE.items():
        table[[ord(char) for char in alike]] = ord(byte)
    table[:0x80] = np.arange(0x80)
    return table


def _kinds() -> bytes:
    """The kind bits of every byte."""
    kinds = bytearray(256)

    def mark(members: bytes, bits: int) -> None:
        for byte in members:
            kinds[byte] |= bits

    mark(b"\0\n", SPACE | BREAK)
    mark(b"\t\x0b\x0c\r\x1c\x1d\x1e\x1f ", SPACE)
    mark(bytes([*b".?!", CJK_STOP]), STOP)
    mark(b"\"')]}*_$", CLOSER)
    mark(b"abcdefghijklmnopqrstuvwxyz", WORD | LOWER)
    mark(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ", WORD | UPPER)
    mark(b"0123456789", WORD | DIGIT)
    mark(bytes([LETTER]), WORD)
    return bytes(kinds)


_KINDS = _kinds()
_FOLD = bytes(0x20 if byte in b'\t\n\x0b\x0c\r\x1c\x1d\x1e\x1f([{<"*_/$' else byte for byte in range(256)).lower()


@dataclass(frozen=True, slots=True)
class Buffer:
    """`raw` keeps case; `kind` has the bits of each byte; text i begins at `base[i]` and ends with a NUL."""

    raw: bytes
    kind: NDArray[np.uint8]
    base: NDArray[np.int64]

    @classmethod
    def of(cls, texts: Sequence[str]) -> Buffer:
        """The buffer of a batch."""
        joined = "\0 " + "\0 ".join(texts) + "\0" * GUARD
        if joined.isascii():
            raw = joined.encode("ascii")
        else:
            codes = np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), np.uint32)
            raw = _table()[codes].tobytes()
        base = np.cumsum([2, *(len(text) + 2 for text in texts)])
        return cls(raw, np.frombuffer(raw.translate(_KINDS), np.uint8), base)

    def matches(self, automaton: BytesAhoCorasick) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Pattern, start and end of what the automaton finds in the folded texts, in order.

        Folding is a byte for a byte, so the offsets hold: A-Z in lower case, and a space for all white space and for
        what may open a word (brackets, double quotes, `*`, `/`), so that a pattern that begins with a space begins a
        word. No match reaches from one text into the next.
        """
        found = automaton.find_matches_as_indexes(self.raw.translate(_FOLD))
        flat = np.fromiter(chain.from_iterable(found), np.int64, 3 * len(found))
        return flat[0::3], flat[1::3], flat[2::3]

    def has(self, bits: int, at: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether the bytes at these places have any of the bits."""
        return (self.kind[at] & np.uint8(bits)) != 0

    def find(self, bits: int) -> NDArray[np.int64]:
        """Where any of the bits is set."""
        return np.flatnonzero(self.kind & np.uint8(bits))
