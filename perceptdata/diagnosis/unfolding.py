"""Unfolding: what a judge says of wrong answers, its mistakes taken out by answers whose truth the scene tells.

    corrected(judged, calibration).shares

A judge that mistakes one kind for another moves the shares. P(judge says j | truth t) is known from answers of the same
diagnosis whose truth the scene tells. The shares p that explain best what the judge says of the rest, q_j = Σ_t p_t P(j
| t), are found by expectation-maximisation; on two kinds that is Rogan and Gladen's estimate, kept within [0, 1] (W.
Rogan and B. Gladen, Am. J. Epidemiol. 107, 1978). Intervals draw groups of both sides again. Exact truth knows three
kinds: there a judge's knowledge and calculation count as reasoning. It takes the judge to err alike on both.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from perceptdata.agreement.bootstrap import interval, resample
from perceptdata.diagnosis.attribution import (
    EXACT,
    Attribution,
    KindShare,
    Labelled,
    codes,
    confusion,
    counted,
    kinds_of,
)
from perceptdata.diagnosis.measures import FEWEST, Numbers, rate
from perceptdata.review.screens import ERROR_KINDS, ErrorKind

ROUNDS, ITERATIONS = 500, 400


def corrected(target: Sequence[Labelled], calibration: Sequence[Labelled], seed: int = 0) -> Attribution:
    """The shares of `target` by a judge whose mistakes `calibration`, of exact truth, shows.

    Answers without a word are left out. Without calibration it is what the judge says, in all its kinds.
    """
    said = [each for each in target if each.said is not None]
    known = [each for each in calibration if each.said is not None and each.truth is not None]
    if not known:
        return _uncorrected(said, len(target))
    words: list[str] = [_merged(each.said) for each in said]
    pairs = [(_merged(each.truth), _merged(each.said)) for each in known]
    kinds = kinds_of(EXACT, [*words, *(word for pair in pairs for word in pair)])
    many = len(kinds)
    cells = np.array([kinds.index(one) * many + kinds.index(other) for one, other in pairs], np.int64)
    spoken = _tallied(np.array([kinds.index(word) for word in words], np.int64), codes([e.group for e in said]), many)
    told = _tallied(cells, codes([each.group for each in known]), many * many)
    counts = told.sum(axis=0).reshape(many, many)
    point = _unfold(spoken.sum(axis=0), counts)
    # Whole groups of both sides are drawn again, each side for itself.
    drawn = resample(told, ROUNDS, seed + 1).reshape(ROUNDS, many, many)
    draws = _unfold(resample(spoken, ROUNDS, seed), drawn)
    shares = []
    for at, kind in enumerate(kinds):
        low, high = interval(draws[:, at]) if said else (None, None)
        raw, value = (words.count(kind) / len(words), float(point[at])) if said else (None, None)
        shares.append(KindShare(kind=kind, said=raw, corrected=value, low=low, high=high))
    return Attribution(
        basis="corrected by exact labels",
        wrong=len(target),
        unjudged=len(target) - len(said),
        shares=tuple(shares),
        confusion=confusion(pairs),
        accuracy=rate([float(one == other) for one, other in pairs], [each.group for each in known]),
        guessed=tuple(kind for at, kind in enumerate(kinds) if not counts[at].any()),
        enough=len({each.group for each in said}) >= FEWEST and len(known) >= FEWEST,
    )


def _uncorrected(said: Sequence[Labelled], wrong: int) -> Attribution:
    words = [each.said for each in said]
    kinds = kinds_of(ERROR_KINDS, words)
    found = counted("said by the judge, and not corrected", words, [each.group for each in said], wrong, kinds)
    shares = tuple(each.model_copy(update={"said": each.corrected}) for each in found.shares)
    return found.model_copy(update={"shares": shares, "guessed": kinds, "enough": False})


def _merged(kind: str | None) -> ErrorKind:
    """A kind as exact truth knows it."""
    if kind not in ERROR_KINDS:
        raise ValueError(f"'{kind}' is no kind of error")
    return "reasoning" if kind in ("knowledge", "calculation") else kind


def _tallied(codes: np.ndarray, group: np.ndarray, many: int) -> Numbers:
    """(n,) codes below `many` to (groups, many) counts."""
    groups = int(group.max(initial=-1)) + 1
    return np.bincount(group * many + codes, minlength=groups * many).astype(np.float64).reshape(groups, many)


def _unfold(said: Numbers, counts: Numbers) -> Numbers:
    """(…, K) counts of words and (…, K, K) of truth by word to (…, K) shares of truth, for all samples at once.

    A kind without truths is believed. A word that no truth ever brought counts as half a time of each, or whoever says
    it would have said nothing.
    """
    many = said.shape[-1]
    counts = counts + 0.5 * ((counts.sum(axis=-2, keepdims=True) == 0) & (counts.sum(axis=-1, keepdims=True) > 0))
    rows = counts.sum(axis=-1, keepdims=True)
    tells = np.where(rows > 0, counts / np.maximum(rows, 1e-12), np.eye(many))
    share = np.full(said.shape, 1 / many)
    seen = said / np.maximum(said.sum(axis=-1, keepdims=True), 1e-12)
    for _ in range(ITERATIONS):
        expected = np.einsum("...t,...tj->...j", share, tells)
        weight = np.divide(seen, expected, out=np.zeros_like(seen), where=expected > 0)
        share = share * np.einsum("...tj,...j->...t", tells, weight)
        share /= np.maximum(share.sum(axis=-1, keepdims=True), 1e-12)
    return share
