"""Gamma: one number for where annotators draw spans and what they call them, when the borders are theirs to choose.

    found = gamma(coded, texts=50)           # needs the extra `gamma`
    found["tags~people"].estimate            # Estimate(value=0.86, low=0.80, high=0.91)

Y. Mathet, A. Widlöcher and J.-P. Métivier, The unified and holistic method gamma for inter-annotator agreement measure
and alignment, Computational Linguistics 41 (2015). The spans of two annotators are aligned so that the disorder (by
place and by label, alpha = beta = 1) is least; gamma is 1 - observed / expected disorder, the latter from random
continua that resemble what was drawn. 1 is the same, 0 chance, and below is worse than chance.

`pygamma-agreement` does it. Its time grows with the product of the numbers of spans and again with the random continua,
so that gamma is of some texts, drawn at random. Spans are runs of one label on non-space characters, as in `matching`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from perceptdata.agreement.annotations import Coded
from perceptdata.agreement.bootstrap import interval, resample
from perceptdata.agreement.comparison import Estimate
from perceptdata.agreement.matching import runs
from perceptdata.agreement.units import Pieces, refine
from perceptdata.errors import UsageError

MOST = 200
"""Spans of a text that an annotator may have: with more, a text takes several seconds (200: 3, 400: 10)."""
SAMPLES = 30  # random continua a text, as in the paper's section 5.3


class Gamma(NamedTuple):
    """Gamma pooled over `texts` of the texts that both have read; `too_long` others have more than `MOST` spans."""

    estimate: Estimate
    texts: int
    too_long: int

    def to_json(self) -> dict[str, Any]:
        """The number and its interval, beside the counts."""
        return {**self.estimate.to_json(), "texts": self.texts, "too_long": self.too_long}


Drawn = list[tuple[int, int, int]]
"""One annotator's runs over one text: start and end in non-space characters of clauses, and label."""

Disorders = Callable[[Drawn, Drawn], tuple[float, float, float]]
"""Two annotators' spans of a text to its observed and its expected disorder, each times the mean number of spans; and
that number.
"""


def gamma(
    coded: Coded, texts: int = 50, bootstraps: int = 200, seed: int = 0, pieces: Pieces | None = None
) -> dict[str, Gamma]:
    """Gamma of every pair of annotators, over so many texts that both have read, drawn by `seed`.

    The same seed gives the same numbers. Raises UsageError without the extra.
    """
    disorders = _library()
    with seeded(seed):
        return pooled(coded, disorders, texts, bootstraps, seed, pieces)


def pooled(
    coded: Coded, disorders: Disorders, texts: int, bootstraps: int, seed: int, pieces: Pieces | None = None
) -> dict[str, Gamma]:
    """Over the drawn texts, 1 - sum of observed / sum of expected disorder, each times the text's mean number of spans:
    a long text counts more. The interval is by bootstrap over these texts. NaN where neither draws anything.
    """
    cut = refine(coded) if pieces is None else pieces
    drawn = [_spans(cut, annotator) for annotator in range(len(coded.annotators))]
    found = {}
    for a, b in combinations(range(len(drawn)), 2):
        shared = [at for at in np.flatnonzero(cut.seen[a] & cut.seen[b]).tolist() if drawn[a][at] or drawn[b][at]]
        short = [at for at in shared if max(len(drawn[a][at]), len(drawn[b][at])) <= MOST]
        chosen = sorted(np.random.default_rng(seed).permutation(short)[:texts].astype(np.int64).tolist())
        counts = np.array([disorders(drawn[a][at], drawn[b][at]) for at in chosen], np.float64).reshape(-1, 3)
        estimate = Estimate(float(_gamma(counts.sum(axis=0))), *interval(_gamma(resample(counts, bootstraps, seed))))
        pair = f"{coded.annotators[a]}~{coded.annotators[b]}"
        found[pair] = Gamma(estimate, len(chosen), len(shared) - len(short))
    return found


def _spans(pieces: Pieces, annotator: int) -> list[Drawn]:
    """By text."""
    run = runs(pieces.text, pieces.label[:, annotator].astype(np.int64), pieces.weight)
    before = np.concatenate(([0], np.cumsum(pieces.weight)))
    begin = before[np.searchsorted(pieces.text, np.arange(pieces.texts))]
    start = before[run.first] - begin[run.text]
    found: list[Drawn] = [[] for _ in range(pieces.texts)]
    columns = (run.text, start, start + run.length, run.label)
    for text, *span in zip(*(column.tolist() for column in columns), strict=True):
        found[text].append((span[0], span[1], span[2]))
    return found


def _gamma(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """(..., 3) sums of observed and expected disorder and of spans to gamma; NaN where there are no spans."""
    observed, expected, spans = (sums[..., at] for at in range(3))
    # No disorder is expected where each draws one same span, for there is but one way to draw that: they agree.
    by_chance = expected > 0
    return np.where(spans > 0, 1 - np.where(by_chance, observed, 0) / np.where(by_chance, expected, 1), np.nan)


def _library() -> Disorders:
    """What `pygamma-agreement` says. It draws from numpy's global generator."""
    try:
        from cvxopt import glpk
        from pyannote.core import Segment
        from pygamma_agreement import CombinedCategoricalDissimilarity, Continuum
    except ImportError as error:
        raise UsageError("gamma needs the extra `gamma`; install perceptdata[gamma]") from error
    # The library solves in threads, and each puts this option back as it found it: set here, none of them unsets it for
    # another, which would then print on our stdout.
    glpk.options["msg_lev"] = "GLP_MSG_OFF"
    dissimilarity = CombinedCategoricalDissimilarity(alpha=1.0, beta=1.0)

    def disorders(first: Drawn, second: Drawn) -> tuple[float, float, float]:
        continuum = Continuum()
        for name, spans in (("first", first), ("second", second)):
            continuum.add_annotator(name)  # one who draws nothing is still there
            for start, end, label in spans:
                continuum.add(name, Segment(start, end), str(label))
        found = continuum.compute_gamma(dissimilarity, n_samples=SAMPLES)
        spans_each = float(continuum.avg_num_annotations_per_annotator)
        return found.observed_disorder * spans_each, found.expected_disorder * spans_each, spans_each

    return disorders


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """numpy's global generator seeded, and put back; and no line for every alignment that says which solver it has."""
    state, root = np.random.get_state(), logging.getLogger()

    def without_solver(record: logging.LogRecord) -> bool:
        return "solver not installed" not in record.getMessage()

    np.random.seed(seed)
    root.addFilter(without_solver)
    try:
        yield
    finally:
        root.removeFilter(without_solver)
        np.random.set_state(state)
