"""Our clauses as the candidates of a span categoriser: `{"@misc": "perceptdata.clause_suggester.v1"}`.

A span categoriser labels no stretch that its suggester does not propose. A clause whose border falls inside a token is
no candidate; `Doc.user_data["perceptdata_misaligned"]` counts those, and
`perceptdata.publishing.exports.docs.recall` says what share of labelled spans are candidates at all.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from spacy.pipeline.spancat import Suggester
from spacy.tokens import Doc
from thinc.api import Ops, get_current_ops
from thinc.types import Ragged

from perceptdata.publishing.exports.docs import MISALIGNED, TokenSpans


def clause_suggester() -> Suggester:
    """The suggester, as the registry wants it."""
    return suggest


def suggest(docs: Iterable[Doc], *, ops: Ops | None = None) -> Ragged:
    """Token spans (int32, first and behind the last) of every document's clauses, in order."""
    arrays: Any = ops or get_current_ops()
    docs = list(docs)
    found = TokenSpans.of_clauses(docs)
    for doc, missed in zip(docs, found.missed.tolist(), strict=True):
        doc.user_data[MISALIGNED] = missed
    spans = np.column_stack((found.first, found.behind)).astype(np.int32)
    return Ragged(arrays.asarray2i(spans), arrays.asarray1i(found.lengths.astype(np.int32)))
