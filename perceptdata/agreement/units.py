"""Units: what is counted when annotators with different borders are compared.

    pieces = refine(coded)
    pieces.clauses().label            # (clauses, annotators) codes, -1 where an annotator says nothing
    pieces.characters()               # the same by single non-space characters, kept as weighted stretches

Texts are cut at every border that anybody drew, ours included. Within such a piece every annotator has one label or
none, so all else follows by adding up. Only non-space characters count, and of these only those of clauses: list
markers and ruled lines are nobody's to label.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from perceptdata.agreement.annotations import Coded
from perceptdata.segmentation import segment
from perceptdata.segmentation.buffer import SPACE, Buffer
from perceptdata.spans import SpanSet

Tokenize = Callable[[str], Sequence[tuple[int, int]]]
"""A text to the code-point offsets of its tokens."""

BATCH = 1024
NOBODY = -1


@dataclass(frozen=True, slots=True, eq=False)
class Units:
    """n units of T texts: `text` (n,), `label` (n, R) codes or -1, and how often each counts, `weight` (n,)."""

    texts: int
    labels: int
    text: NDArray[np.int64]
    label: NDArray[np.int8]
    weight: NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Pieces:
    """Stretches in text order, one entry each: whose `text`, in which `clause` (and `token`, -1 in none), how many
    non-space characters (`weight`), and every annotator's `label` and `score` (pieces, R). `clause_*` has one entry a
    clause; `seen` (R, T) says who has read what.
    """

    texts: int
    labels: int
    text: NDArray[np.int64]
    clause: NDArray[np.int64]
    token: NDArray[np.int64]
    weight: NDArray[np.int64]
    label: NDArray[np.int8]
    score: NDArray[np.float32]
    clause_text: NDArray[np.int64]
    clause_start: NDArray[np.int32]
    clause_end: NDArray[np.int32]
    tokens: int
    seen: NDArray[np.bool_]

    def clauses(self) -> Units:
        """One unit a clause, each with the label that most of its characters have."""
        count = len(self.clause_text)
        ones = np.ones(count, np.int64)
        return Units(self.texts, self.labels, self.clause_text, self._majority(self.clause, count), ones)

    def characters(self) -> Units:
        """One unit a piece, counting as often as it has non-space characters."""
        return Units(self.texts, self.labels, self.text, self.label, self.weight)

    def tokens_of_clauses(self) -> Units:
        """One unit a token that has a non-space character in a clause, with the label that most of these have."""
        inside = self.token >= 0
        kept, place = np.unique(self.token[inside], return_inverse=True)
        text = np.zeros(len(kept), np.int64)
        text[place] = self.text[inside]
        every = np.full(len(self.token), NOBODY, np.int64)
        every[inside] = place
        return Units(self.texts, self.labels, text, self._majority(every, len(kept)), np.ones(len(kept), np.int64))

    def clause_weight(self) -> NDArray[np.int64]:
        """Non-space characters of each clause."""
        return np.bincount(self.clause, self.weight, len(self.clause_text)).astype(np.int64)

    def clause_scores(self) -> NDArray[np.float64]:
        """(clauses, R): how sure an annotator is of a clause's label, as the mean over the characters that have it; 0
        where there is none.
        """
        label, found = self.clauses().label, np.zeros((len(self.clause_text), self.label.shape[1]))
        for annotator, score in enumerate(self.score.T):
            same = (self.label[:, annotator] >= 0) & (self.label[:, annotator] == label[self.clause, annotator])
            clause, weight = self.clause[same], self.weight[same]
            characters = np.bincount(clause, weight, len(found))
            found[:, annotator] = np.bincount(clause, weight * score[same], len(found)) / np.maximum(characters, 1)
        return found

    def _majority(self, unit: NDArray[np.int64], count: int) -> NDArray[np.int8]:
        """(count, R): of all labels and none, what most of a unit's characters have. Ties go to the earlier label, and
        to a label before none.
        """
        inside = unit >= 0
        options = self.labels + 1  # the last is none
        chosen = np.empty((count, self.label.shape[1]), np.int8)
        for annotator, label in enumerate(self.label.T):
            cell = unit[inside] * options + label[inside] % options
            votes = np.bincount(cell, self.weight[inside], count * options).reshape(count, options)
            most = votes.argmax(axis=1)
            chosen[:, annotator] = np.where(most == self.labels, NOBODY, most)
        return chosen


def refine(coded: Coded, tokenize: Tokenize | None = None) -> Pieces:
    """All texts cut at all borders; a thousand texts at a time, so that memory follows the spans, not the texts."""
    seen = np.array([[spans is not None for spans in row] for row in coded.spans], bool)
    seen = seen.reshape(len(coded.annotators), len(coded.texts))
    parts: list[dict[str, NDArray]] = []
    clauses = tokens = 0
    for start in range(0, len(coded.texts), BATCH):
        texts = coded.texts[start : start + BATCH]
        spans = [row[start : start + BATCH] for row in coded.spans]
        part, of_tokens = _batch(texts, spans, tokenize)
        part["text"] += start
        part["clause_text"] += start
        part["clause"] += clauses
        part["token"][part["token"] >= 0] += tokens
        clauses += len(part["clause_text"])
        tokens += of_tokens
        parts.append(part)
    if not parts:
        parts.append(_batch([], [[] for _ in coded.annotators], tokenize)[0])
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return Pieces(texts=len(coded.texts), labels=len(coded.scheme.labels), tokens=tokens, seen=seen, **columns)


def _batch(
    texts: Sequence[str], spans: Sequence[Sequence[SpanSet | None]], tokenize: Tokenize | None
) -> tuple[dict[str, NDArray], int]:
    """The columns of `Pieces` for some texts, numbered from 0, and how many tokens they have."""
    buffer = Buffer.of(texts)
    base = buffer.base[:-1]  # one axis for all texts
    before = np.concatenate(([0], np.cumsum((buffer.kind & np.uint8(SPACE)) == 0)))
    found = segment(texts)
    clause_text = np.repeat(np.arange(len(texts)), np.diff(found.offsets))
    clauses = (found.start + base[clause_text], found.end + base[clause_text])
    said = [_flat(sets, base) for sets in spans]
    tokens = _tokens(texts, base, tokenize)
    borders = np.unique(np.concatenate([*clauses, *tokens, *(side for borders in said for side in borders[:2])]))
    at, weight = borders[:-1], np.diff(before[borders])
    clause = _holder(*clauses, at)
    kept = (clause >= 0) & (weight > 0)
    at, clause, weight = at[kept], clause[kept], weight[kept]
    label, score = np.full((len(at), len(spans)), NOBODY, np.int8), np.zeros((len(at), len(spans)), np.float32)
    for annotator, (start, end, codes, sure) in enumerate(said):
        holder = _holder(start, end, at)
        held = holder >= 0
        label[held, annotator] = codes[holder[held]]
        score[held, annotator] = sure[holder[held]]
    return {
        "text": clause_text[clause],
        "clause": clause,
        "token": _holder(*tokens, at),
        "weight": weight.astype(np.int64),
        "label": label,
        "score": score,
        "clause_text": clause_text,
        "clause_start": found.start,
        "clause_end": found.end,
    }, len(tokens[0])


def _flat(sets: Sequence[SpanSet | None], base: NDArray[np.int64]) -> tuple[NDArray, NDArray, NDArray, NDArray]:
    """Start, end, label and score of one annotator's spans on the common axis."""
    there = [(at, spans) for at, spans in enumerate(sets) if spans is not None and len(spans)]
    if not there:
        return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.int8), np.empty(0, np.float32)
    own = np.repeat(base[[at for at, _ in there]], [len(spans) for _, spans in there])
    start = np.concatenate([spans.start for _, spans in there]) + own
    end = np.concatenate([spans.end for _, spans in there]) + own
    label, score = (np.concatenate([getattr(spans, name) for _, spans in there]) for name in ("label", "score"))
    return start, end, label, score


def _tokens(texts: Sequence[str], base: NDArray[np.int64], tokenize: Tokenize | None) -> tuple[NDArray, NDArray]:
    """Starts and ends of all tokens on the common axis. Tokens that share a character count once."""
    if tokenize is None:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    offsets = [tokenize(text) for text in texts]
    ends = np.fromiter(chain.from_iterable(chain.from_iterable(offsets)), np.int64)
    flat: NDArray[np.int64] = ends.reshape(-1, 2)
    flat = flat + np.repeat(base, [len(each) for each in offsets])[:, None]
    flat = flat[flat[:, 0] < flat[:, 1]]
    _, first = np.unique(flat[:, 0], return_index=True)
    return flat[first, 0], flat[first, 1]


def _holder(start: NDArray, end: NDArray, at: NDArray) -> NDArray[np.int64]:
    """Which of the intervals (sorted, free of overlaps) holds each place, -1 for none."""
    if not len(start):
        return np.full(len(at), NOBODY, np.int64)
    place = np.searchsorted(start, at, "right") - 1
    return np.where((place >= 0) & (at < end[place]), place, NOBODY)
