"""`perceptdata_clauses`: a span categoriser of our clauses, ready to train.

    nlp.add_pipe("perceptdata_clauses")

It is spaCy's own `SpanCategorizer` with our suggester, one label a clause, and `ClauseBow` as its model; any model that
spaCy's `spancat_singlelabel` takes can stand in its place. Unlike that one it learns nothing from a clause without a
label: nobody looked at it, or people disagreed. A clause weighs the root of its tokens, and labels weigh the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from spacy.language import Language
from spacy.pipeline.spancat import SpanCategorizer, Suggester
from spacy.training import Example
from thinc.api import Model
from thinc.types import Floats2d, Ragged

from perceptdata.publishing.exports.docs import KEY, token_borders

DEFAULTS = {
    "model": {"@architectures": "perceptdata.ClauseBow.v1"},
    "suggester": {"@misc": "perceptdata.clause_suggester.v1"},
    "spans_key": KEY,
    "scorer": {"@scorers": "spacy.spancat_scorer.v1"},
}


SCORES: dict[str, float | None] = {f"spans_{KEY}_f": 1.0, f"spans_{KEY}_p": 0.0, f"spans_{KEY}_r": 0.0}


@Language.factory("perceptdata_clauses", assigns=["doc.spans"], default_config=DEFAULTS, default_score_weights=SCORES)
def clause_categorizer(
    nlp: Language, name: str, model: Model, suggester: Suggester, spans_key: str, scorer: Callable | None
) -> ClauseCategorizer:
    """The component, as spaCy makes it."""
    return ClauseCategorizer(
        nlp.vocab, model, suggester, name, spans_key=spans_key, threshold=0.0, max_positive=1, scorer=scorer
    )


class ClauseCategorizer(SpanCategorizer):
    """One label for each clause."""

    def get_loss(self, examples: Iterable[Example], spans_scores: tuple[Ragged, Floats2d]) -> Any:
        """Loss and gradient over the labelled clauses of a batch, whose weights have mean one."""
        spans, scores = spans_scores
        ops = self.model.ops
        borders, probability = ops.to_numpy(spans.dataXd).reshape(-1, 2), ops.to_numpy(scores)
        target = np.zeros_like(probability)
        rows = np.split(np.arange(len(borders)), np.cumsum(ops.to_numpy(spans.lengths))[:-1])
        for example, own in zip(examples, rows, strict=True):
            # By characters, the same in both documents: spaCy's alignment of tokens would take most of the time.
            begins, ends = token_borders(example.predicted)
            first, behind = borders[own].T
            at = dict(zip(zip(begins[first].tolist(), ends[behind - 1].tolist(), strict=True), own, strict=True))
            for span in example.reference.spans.get(self.key, ()):
                if (row := at.get((span.start_char, span.end_char))) is not None:
                    target[row, self._label_map[span.label_]] = 1
        weight = target * np.sqrt(borders[:, 1] - borders[:, 0])[:, None]
        mass = weight.sum(axis=0)
        weight = (weight / np.where(mass > 0, mass, 1)).sum(axis=1, keepdims=True)
        difference = (probability - target) * weight / max(weight.sum() / max(target.sum(), 1), 1e-9)
        return float((difference**2).sum()), ops.asarray2f(difference.astype(np.float32))
