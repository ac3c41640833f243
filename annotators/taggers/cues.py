"""`cues`: which words of a clause speak for perception, reasoning or neither.

A clause's score for a label is the sum of the weights of its cues for that label (`cues.tsv`: cue, label, weight, and
why it is one), plus what its form says (`FORMS`): a colon at its end, its length, how far into the text it stands.
`batch` makes labels and margins of the scores.

Cues are matched in lower-case ASCII, as whole words, the longest where several begin together; a cue that ends in `*`
is the beginning of a word. One Aho-Corasick automaton finds them all over the whole batch at once; it is built when
first needed, once a process. The weights were fitted in families (logistic regression on real traces, one weight for
all cues of one reason) and rounded, so that a rare cue borrows its weight from its kin.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from functools import cache
from importlib import resources
from typing import ClassVar, NamedTuple

import numpy as np
from ahocorasick_rs import BytesAhoCorasick, Implementation, MatchKind
from numpy.typing import NDArray
from pydantic import Field

from perceptdata.plugins import Tagger, TextItem
from perceptdata.segmentation.buffer import CLOSER, WORD, Buffer
from perceptdata.spans import PRO, SpanSet

from .batch import Batch

SHORT, MIDDLING = 15, 40  # code points

# What the form of a clause says for (perception, reasoning, other).
FORMS = {
    "any": (0.4, -0.1, -0.3),  # without a cue, a statement more often describes than derives
    "colon": (-0.3, -0.2, 0.5),  # headings and "here is what I see:"
    "question": (-0.5, 0.8, -0.3),  # a question put to oneself considers an alternative
    "short": (-0.6, -0.1, 0.7),  # too short to state anything: "Okay,", "Title:", "Next."
    "middling": (-0.4, -0.1, 0.5),
    "late": (-0.2, 0.8, -0.6),  # by its place in the text, 0 to 1: traces look first and conclude last
}


class Cue(NamedTuple):
    """One line of `cues.tsv`."""

    text: str
    label: int
    weight: float
    reason: str


@cache
def cue_list() -> tuple[Cue, ...]:
    """The cues of `cues.tsv`."""
    lines = resources.files(__package__).joinpath("cues.tsv").read_text("utf-8").splitlines()
    rows = csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
    return tuple(Cue(row["cue"], PRO.code(row["label"]), float(row["weight"]), row["reason"]) for row in rows)


class _Matcher(NamedTuple):
    automaton: BytesAhoCorasick
    label: NDArray[np.int64]
    weight: NDArray[np.float64]
    begins_word: NDArray[np.bool_]  # the cue begins with a letter or digit: its pattern has a space before it
    ends_word: NDArray[np.bool_]  # it ends with one, and no other may follow


@cache
def _matcher() -> _Matcher:
    cues = cue_list()
    words = [cue.text.rstrip("*") for cue in cues]
    return _Matcher(
        BytesAhoCorasick(
            [f" {word}".encode() if word[0].isalnum() else word.encode() for word in words],
            matchkind=MatchKind.LeftmostLongest,
            implementation=Implementation.DFA,
        ),
        np.array([cue.label for cue in cues]),
        np.array([cue.weight for cue in cues]),
        np.array([word[0].isalnum() for word in words]),
        np.array([word[-1].isalnum() and not cue.text.endswith("*") for word, cue in zip(words, cues, strict=True)]),
    )


def match(buffer: Buffer) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """The cues of a batch of texts: number of the cue, start and end in the buffer, in order."""
    matcher = _matcher()
    cue, start, end = buffer.matches(matcher.automaton)
    whole = ~(matcher.ends_word[cue] & buffer.has(WORD, end))
    cue = cue[whole]
    return cue, start[whole] + matcher.begins_word[cue], end[whole]


class Cues(Tagger):
    """Label every open clause by its cues. Clauses whose margin is below `abstain_below` stay open."""

    name: ClassVar[str] = "cues"
    version: ClassVar[str] = "1"

    abstain_below: float = Field(default=0.0, ge=0.0, le=1.0)

    def tag(self, texts: Sequence[TextItem]) -> list[SpanSet]:
        """One span a clause that was open."""
        if not texts:
            return []
        batch = Batch.of(texts)
        return batch.spans(cue_scores(batch), self.name, self.abstain_below)


def cue_scores(batch: Batch) -> NDArray[np.float64]:
    """What cues and form say of every clause, one column a label."""
    matcher = _matcher()
    cue, cue_start, cue_end = match(batch.buffer)
    clause = np.searchsorted(batch.start, cue_start, side="right") - 1
    within = clause >= 0
    within[within] = cue_end[within] <= batch.end[clause[within]]
    cue, clause = cue[within], clause[within]
    labels, clauses = len(PRO.labels), len(batch.start)
    sums = np.bincount(clause * labels + matcher.label[cue], matcher.weight[cue], minlength=clauses * labels)
    return sums.reshape(-1, labels) + _forms(batch.buffer, batch.start, batch.end, batch.late)


def _forms(buffer: Buffer, start: NDArray[np.int64], end: NDArray[np.int64], late: NDArray[np.float64]) -> NDArray:
    """The contribution of `FORMS`, one row a clause."""
    raw = np.frombuffer(buffer.raw, np.uint8)
    last = end - 1
    for _ in range(3):
        last = np.maximum(last - buffer.has(CLOSER, last), start)
    length = end - start
    has = {
        "any": np.ones(len(start)),
        "colon": raw[last] == ord(":"),
        "question": raw[last] == ord("?"),
        "short": length < SHORT,
        "middling": (length >= SHORT) & (length < MIDDLING),
        "late": late,
    }
    return sum(np.multiply.outer(has[form].astype(np.float64), weights) for form, weights in FORMS.items())
