"""How much of [N, V] exists at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from perceptdata.errors import UsageError

LOGITS = 1 << 24
"""In a tile of the default size: 64 MiB in float32, 32 MiB in bfloat16 (which the second-level cache of a large GPU
holds). The torch route keeps at most five such tiles at once."""

TOKENS, VOCABULARY, ROUND = 4096, 16384, 128


class Tile(NamedTuple):
    """So many tokens by so many entries of the vocabulary. The last tile of either axis may be smaller."""

    tokens: int
    vocabulary: int

    @classmethod
    def fitting(cls, tokens: int, vocabulary: int) -> Tile:
        """The default for [tokens, vocabulary]: as near to square as the token count lets it be.

        A square reads the least for the same work. The vocabulary's side has a limit of its own, because gradients of a
        bfloat16 head are summed in a float32 buffer of that many rows.
        """
        high = max(1, min(tokens, TOKENS))
        wide = min(LOGITS // high, VOCABULARY) // ROUND * ROUND
        return cls(high, max(1, min(vocabulary, wide)))

    def checked(self) -> Tile:
        """Itself; raises `UsageError` where a side is not positive."""
        if self.tokens < 1 or self.vocabulary < 1:
            raise UsageError(f"a tile needs at least one token and one entry of the vocabulary, not {tuple(self)}")
        return self


def pieces(length: int, step: int) -> Iterator[slice]:
    """0..length in slices of `step`, the last one shorter."""
    return (slice(start, min(start + step, length)) for start in range(0, length, step))
