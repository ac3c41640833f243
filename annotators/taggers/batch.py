"""The clauses of a batch of texts as flat columns, and scores of them as spans: what clause taggers share.

    batch = Batch.of(texts)
    return batch.spans(total, "cues", abstain_below=0.1)     # total: (clauses, labels), higher is likelier

The three scores of a clause become probabilities (softmax), and a span's `score` is the margin between the best and the
second, in [0, 1]: 0 is a coin toss. Two things hold whatever the words say: a tag or a piece of code is `other`, and an
example without an image has nothing to perceive, so there the other two labels compete alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from perceptdata.plugins import TextItem
from perceptdata.segmentation.buffer import Buffer
from perceptdata.spans import PRO, SpanSet

PERCEPTION, OTHER = PRO.code("perception"), PRO.code("other")


@dataclass(frozen=True, slots=True)
class Batch:
    """`start`, `end` are places in the buffer, one entry a clause; `text` says whose it is, `late` how far into its
    text it stands (0 the first, 1 the last); `offsets[i]:offsets[i + 1]` are the clauses of text i.
    """

    texts: Sequence[TextItem]
    buffer: Buffer
    offsets: NDArray[np.int64]
    text: NDArray[np.int64]
    start: NDArray[np.int64]
    end: NDArray[np.int64]
    late: NDArray[np.float64]

    @classmethod
    def of(cls, texts: Sequence[TextItem]) -> Batch:
        """The clauses of at least one text, in order."""
        counts = np.array([len(item.start) for item in texts])
        offsets = np.concatenate(([0], np.cumsum(counts)))
        buffer = Buffer.of([item.text for item in texts])
        text = np.repeat(np.arange(len(texts)), counts)
        base = buffer.base[text]
        at = np.arange(offsets[-1]) - offsets[text]
        return cls(
            texts,
            buffer,
            offsets,
            text,
            base + np.concatenate([item.start for item in texts]),
            base + np.concatenate([item.end for item in texts]),
            at / np.maximum(counts[text] - 1, 1),
        )

    def spans(self, total: NDArray[np.float64], tagger: str, abstain_below: float) -> list[SpanSet]:
        """One span a clause that was open and whose margin is not below `abstain_below`; one set a text."""
        label, margin = self._decided(total)
        keep = np.concatenate([item.label for item in self.texts]) < 0
        keep &= margin >= abstain_below
        cuts = np.concatenate(([0], np.cumsum(keep)))[self.offsets].tolist()
        start = np.concatenate([item.start for item in self.texts])[keep]
        end = np.concatenate([item.end for item in self.texts])[keep]
        label, margin = label[keep], margin[keep]
        by = np.zeros(len(start), np.int8)
        return [
            SpanSet(PRO, start[a:b], end[a:b], label[a:b], margin[a:b], by[a:b], (tagger,)) for a, b in pairwise(cuts)
        ]

    def _decided(self, total: NDArray[np.float64]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
        """Label and margin of every clause."""
        if not len(self.start):
            return np.empty(0, np.int8), np.empty(0, np.float32)
        # Without an image there is nothing to perceive: what such a text states was given to it.
        sighted = np.array([item.example is None or bool(item.example.images) for item in self.texts])
        total = total.copy()
        total[~sighted[self.text], PERCEPTION] = -np.inf
        odds = np.exp(total - total.max(axis=1, keepdims=True))
        share = odds / odds.sum(axis=1, keepdims=True)
        label = share.argmax(axis=1).astype(np.int8)
        ranked = np.sort(share, axis=1)
        # Rounded, so that the last bit of exp() never reaches the stored bytes.
        margin = np.round(ranked[:, -1] - ranked[:, -2], 3).astype(np.float32)
        form = self.formal()
        label[form] = OTHER
        margin[form] = 1.0
        return label, margin

    def formal(self) -> NDArray[np.bool_]:
        """Which clauses are tags, code or a JSON object: `<..>`, `{..}`, two or more backticks."""
        raw = np.frombuffer(self.buffer.raw, np.uint8)
        opens, closes = raw[self.start], raw[self.end - 1]
        form = ((opens == ord("<")) & (closes == ord(">"))) | ((opens == ord("{")) & (closes == ord("}")))
        return form | ((opens == ord("`")) & (raw[self.start + 1] == ord("`")) & (closes == ord("`")))
