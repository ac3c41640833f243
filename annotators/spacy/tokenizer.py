"""A tokenizer that never joins two clauses: `[nlp.tokenizer] @tokenizers = "perceptdata.ClauseTokenizer.v1"`.

spaCy's English tokenizer keeps "done.</think>" as one token, so that neither clause has a place in the `Doc`. This one
cuts another tokenizer's tokens at the borders of our clauses, and changes nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from spacy.language import Language, create_tokenizer
from spacy.tokens import Doc

from perceptdata.publishing.exports.docs import token_borders
from perceptdata.segmentation import segment


def clause_tokenizer(
    inner: Callable[[Language], Any] | None = None,
) -> Callable[[Language], ClauseTokenizer]:
    """The tokenizer's factory; `inner` is that of the tokenizer to cut, the language's own by default."""
    make = inner or create_tokenizer()
    return lambda nlp: ClauseTokenizer(make(nlp))


class ClauseTokenizer:
    """Another tokenizer, cut at clause borders."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    def __call__(self, text: str) -> Doc:
        """The tokens of a text. `Doc.text` stays the text, to the letter."""
        doc = self.inner(text)
        if not len(doc):
            return doc
        found = segment([text])
        begins, ends = token_borders(doc)
        borders = np.unique(np.concatenate((found.start, found.end)))
        token = np.searchsorted(begins, borders, side="right") - 1
        inside = (borders > begins[token]) & (borders < ends[token])
        return _cut(doc, borders[inside].tolist(), token[inside].tolist()) if inside.any() else doc

    def to_bytes(self, *, exclude: Collection[str] = ()) -> bytes:
        """What the inner tokenizer keeps; there is nothing else."""
        return self.inner.to_bytes(exclude=exclude)

    def from_bytes(self, data: bytes, *, exclude: Collection[str] = ()) -> ClauseTokenizer:
        """The inner tokenizer as it was."""
        self.inner.from_bytes(data, exclude=exclude)
        return self

    def to_disk(self, path: Path, *, exclude: Collection[str] = ()) -> None:
        """As `to_bytes`."""
        self.inner.to_disk(path, exclude=exclude)

    def from_disk(self, path: Path, *, exclude: Collection[str] = ()) -> ClauseTokenizer:
        """As `from_bytes`."""
        self.inner.from_disk(path, exclude=exclude)
        return self


def _cut(doc: Doc, borders: list[int], tokens: list[int]) -> Doc:
    """The document with token `tokens[i]` cut at offset `borders[i]` of the text; norms of the others are kept."""
    cuts: dict[int, list[int]] = {}
    for border, token in zip(borders, tokens, strict=True):
        cuts.setdefault(token, []).append(border)
    words: list[str] = []
    spaces: list[bool] = []
    norms: list[int] = []
    for word in doc:
        places = [border - word.idx for border in cuts.get(word.i, ())]
        pieces = [word.text[a:b] for a, b in pairwise([0, *places, len(word)])]
        words += pieces
        spaces += [False] * len(places) + [bool(word.whitespace_)]
        norms += [0] * len(pieces) if places else [word.norm]  # 0: the piece's own
    column: Any = np.array(norms, np.uint64).reshape(-1, 1)
    return Doc(doc.vocab, words=words, spaces=spaces).from_array(["NORM"], column)
