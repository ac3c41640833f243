"""Clauses and labelled texts as spaCy documents, and what is lost where spans and tokens part.

    found = TokenSpans.of_clauses(docs)        # which tokens each clause covers
    pairs = labelled_docs(nlp, texts)          # each text's clauses, labelled, in doc.spans["perceptdata"]
    recall(nlp, texts)                         # how much of what is labelled a clause categoriser can find

A span whose border falls inside a token has no place in a `Doc`. It is counted, never moved.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, astuple, dataclass

import numpy as np
from numpy.typing import NDArray
from spacy.language import Language
from spacy.tokens import Doc, Span, SpanGroup

from perceptdata.labelled import LabelledText, clause_labels
from perceptdata.segmentation import segment
from perceptdata.spans import PRO, SpanSet

KEY = "perceptdata"
"""Where our spans lie in `Doc.spans`."""
MISALIGNED = "perceptdata_misaligned"
"""Where `Doc.user_data` counts the spans that fit no tokens."""


@dataclass(frozen=True, slots=True, eq=False)
class TokenSpans:
    """Spans of many documents in tokens: `[first, behind)` of those that fit, `lengths` of them a document; `fits` says
    of each span that was given whether it did, `missed` how many of a document's did not.
    """

    first: NDArray[np.int64]
    behind: NDArray[np.int64]
    lengths: NDArray[np.int64]
    fits: NDArray[np.bool_]
    missed: NDArray[np.int64]

    @classmethod
    def of_clauses(cls, docs: Sequence[Doc]) -> TokenSpans:
        """Every document's clauses."""
        found = segment([doc.text for doc in docs])
        return cls.of(docs, [found.of(at) for at in range(len(docs))])

    @classmethod
    def of(cls, docs: Sequence[Doc], spans: Sequence[tuple[NDArray[np.int32], NDArray[np.int32]]]) -> TokenSpans:
        """Starts and ends in code points, a pair a document. The same as `Doc.char_span` with strict alignment."""
        parts = [_in_tokens(doc, start, end) for doc, (start, end) in zip(docs, spans, strict=True)]
        if not parts:
            return cls(*(np.empty(0, np.int64),) * 3, np.empty(0, bool), np.empty(0, np.int64))
        lengths = np.array([int(fits.sum()) for _, _, fits in parts])
        return cls(
            np.concatenate([first[fits] for first, _, fits in parts]),
            np.concatenate([behind[fits] for _, behind, fits in parts]),
            lengths,
            np.concatenate([fits for _, _, fits in parts]),
            np.array([len(fits) for _, _, fits in parts]) - lengths,
        )


def token_borders(doc: Doc) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where each token begins and ends, in code points of the text; white space behind it is no part of it."""
    begins, lengths = doc.to_array(["IDX", "LENGTH"]).astype(np.int64).reshape(-1, 2).T
    return begins, begins + lengths


def _in_tokens(
    doc: Doc, start: NDArray[np.int32], end: NDArray[np.int32]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
    if not len(doc):
        return np.zeros(len(start), np.int64), np.zeros(len(start), np.int64), np.zeros(len(start), bool)
    begins, ends = token_borders(doc)
    first = np.searchsorted(begins, start).clip(max=len(doc) - 1)
    last = np.searchsorted(ends, end).clip(max=len(doc) - 1)
    return first, last + 1, (begins[first] == start) & (ends[last] == end)


def set_spans(doc: Doc, spans: SpanSet, key: str = KEY) -> int:
    """Put spans into `doc.spans[key]`, their scores beside them; how many fit no tokens and are left out."""
    found = TokenSpans.of([doc], [(spans.start, spans.end)])
    kept = spans.take(found.fits)
    labels = [spans.scheme.labels[code] for code in kept.label.tolist()]
    borders = zip(found.first.tolist(), found.behind.tolist(), labels, strict=True)
    group = [Span(doc, first, behind, label=label) for first, behind, label in borders]
    doc.spans[key] = SpanGroup(doc, name=key, spans=group, attrs={"scores": kept.score})
    missed = int(found.missed[0])
    doc.user_data[MISALIGNED] = missed
    return missed


def labelled_docs(nlp: Language, texts: Sequence[LabelledText], key: str = KEY) -> Iterator[Doc]:
    """Each text with its labelled clauses: a clause bears the label of most of its characters, as the spans have it."""
    label, _ = clause_labels(texts)
    found = segment([one.text for one in texts])
    for at, one in enumerate(texts):
        start, end = found.of(at)
        said = label[found.offsets[at] : found.offsets[at + 1]]
        known = said >= 0
        none = np.zeros(int(known.sum()), np.int8)
        spans = SpanSet(PRO, start[known], end[known], said[known], np.ones(len(none), np.float32), none)
        doc = nlp.make_doc(one.text)
        set_spans(doc, spans, key)
        yield doc


@dataclass(frozen=True, slots=True)
class Recall:
    """What a categoriser of clauses can find, as counts that add up; characters are those that are no white space.

    `spans` were labelled, of which `misaligned` fit no tokens and `exact` are candidates to the letter. `reachable`
    characters would be right if every candidate got its best label: a span of several clauses costs nothing there, a
    clause of two labels does. `clauses` are what the suggester had to propose, `clauses_misaligned` what of it fits no
    tokens.
    """

    spans: int = 0
    misaligned: int = 0
    exact: int = 0
    characters: int = 0
    exact_characters: int = 0
    reachable_characters: int = 0
    clauses: int = 0
    clauses_misaligned: int = 0

    def __add__(self, other: Recall) -> Recall:
        return Recall(*(ours + theirs for ours, theirs in zip(astuple(self), astuple(other), strict=True)))

    @property
    def by_span(self) -> float:
        """The share of labelled spans that are candidates; 0 where nothing is labelled."""
        return self.exact / max(self.spans, 1)

    @property
    def by_character(self) -> float:
        """The share of labelled characters that lie in such spans."""
        return self.exact_characters / max(self.characters, 1)

    @property
    def reachable(self) -> float:
        """The share of labelled characters that some labelling of the candidates gets right."""
        return self.reachable_characters / max(self.characters, 1)

    def to_row(self) -> dict[str, float]:
        """The counts, and the shares rounded to four places."""
        shares = {"by_span": self.by_span, "by_character": self.by_character, "reachable": self.reachable}
        return {**asdict(self), **{name: round(share, 4) for name, share in shares.items()}}


def recall(nlp: Language, texts: Sequence[LabelledText]) -> Recall:
    """Candidate recall of our clauses under a pipeline's tokenizer."""
    found = Recall()
    for one in texts:
        doc = nlp.make_doc(one.text)
        start, end = segment([one.text]).of(0)
        offered = TokenSpans.of([doc], [(start, end)])
        wanted = TokenSpans.of([doc], [(one.spans.start, one.spans.end)])
        start, end = start[offered.fits], end[offered.fits]
        codes = one.painted(one.spans)
        solid = np.concatenate(([0], np.cumsum(codes >= 0)))
        weight = solid[one.spans.end] - solid[one.spans.start]
        candidates = set(zip(start.tolist(), end.tolist(), strict=True))
        borders = zip(one.spans.start.tolist(), one.spans.end.tolist(), strict=True)
        exact = np.array([pair in candidates for pair in borders], bool)
        before = [np.concatenate(([0], np.cumsum(codes == label))) for label in range(len(PRO.labels))]
        best = np.max([seen[end] - seen[start] for seen in before], axis=0)
        found += Recall(
            len(exact),
            int(wanted.missed[0]),
            int(exact.sum()),
            int(weight.sum()),
            int(weight[exact].sum()),
            int(best.sum()),
            len(offered.fits),
            int(offered.missed[0]),
        )
    return found
