"""The audit of an attribution: people's word on a sample of the wrong answers, sharpened by a judge's on all of them.

    audited(target).shares          # `truth` is people's; None where nobody read

People read a sample of the very answers that are asked about, so nothing need be assumed: the share is theirs, plus λ
times what the judge says more of the answers they did not read (prediction-powered inference; A. Angelopoulos, J. Duchi
and T. Zrnic, arXiv 2311.01453). λ in [0, 1] makes the variance least; a judge that knows nothing gets 0.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from perceptdata.agreement.bootstrap import resample
from perceptdata.diagnosis.attribution import Attribution, KindShare, Labelled, codes, confusion, counted, kinds_of
from perceptdata.diagnosis.measures import Numbers, rate
from perceptdata.review.screens import ERROR_KINDS
from perceptdata.verification.intervals import wilson

ROUNDS = 500


def audited(target: Sequence[Labelled], seed: int = 0) -> Attribution:
    """The shares of answers of which people, drawn by chance, read some (`truth`), and judges said a word of any.

    Intervals are Wilson's, for as many readings as would say as much as readings and judge together.
    """
    known = [each for each in target if each.truth is not None]
    rest = [each for each in target if each.truth is None]
    kinds = kinds_of(ERROR_KINDS, [word for each in target for word in (each.said, each.truth)])
    truths, groups = [each.truth for each in known], [each.group for each in known]
    plain = counted("said by people", truths, groups, len(target), kinds)
    if not known or all(each.said is None for each in target):
        return plain
    truth, said, others = (_shown(words, kinds) for words in (truths, [e.said for e in known], [e.said for e in rest]))
    weight = _power(truth, said, len(rest))
    ours = np.column_stack([np.ones(len(known)), truth - weight * said])
    theirs = np.column_stack([np.ones(len(rest)), weight * others])
    point = np.clip(_together(_summed(ours, codes(groups)), _summed(theirs, codes([e.group for e in rest]))), 0, 1)
    drawn = _together(
        resample(_by_group(ours, codes(groups)), ROUNDS, seed),
        resample(_by_group(theirs, codes([e.group for e in rest])), ROUNDS, seed + 1),
    )
    shares = []
    words = [each.said for each in target if each.said is not None]
    for at, share in enumerate(plain.shares):
        spread, odds = float(drawn[:, at].var()), float(point[at] * (1 - point[at]))
        low, high = share.low, share.high
        if spread > 0 and odds > 0:
            size = min(odds / spread, len(target))
            low, high = (float(end) for end in wilson(point[at] * size, size))
        shares.append(
            KindShare(
                kind=share.kind,
                said=words.count(share.kind) / len(words),
                corrected=float(point[at]),
                low=low,
                high=high,
            )
        )
    both = [(str(each.truth), each.said, each.group) for each in known if each.said is not None]
    return plain.model_copy(
        update={
            "basis": "said by people of some, and by the judge of all",
            "unjudged": len(target) - len(words),
            "shares": tuple(shares),
            "confusion": confusion([(one, other) for one, other, _ in both]),
            "accuracy": rate([float(one == other) for one, other, _ in both], [group for *_, group in both]),
        }
    )


def _shown(words: Sequence[str | None], kinds: Sequence[str]) -> Numbers:
    """(n, K) 1 where a word is the kind; no word is none of them."""
    return np.array([[float(word == kind) for kind in kinds] for word in words]).reshape(len(words), len(kinds))


def _power(truth: Numbers, said: Numbers, others: int) -> float:
    """λ: Σ cov(truth, said) / ((1 + n / N) Σ var(said)), of n answers that were read and N that were not."""
    if len(truth) < 2 or not others:
        return 0.0
    centred = said - said.mean(axis=0)
    spread = float((centred**2).sum())
    together = float(((truth - truth.mean(axis=0)) * centred).sum())
    return float(np.clip(together / spread / (1 + len(truth) / others), 0, 1)) if spread else 0.0


def _by_group(columns: Numbers, group: np.ndarray) -> Numbers:
    """(n, C) to (groups, C) sums."""
    sums = np.zeros((int(group.max(initial=-1)) + 1, columns.shape[1]))
    np.add.at(sums, group, columns)
    return sums


def _summed(columns: Numbers, group: np.ndarray) -> Numbers:
    return _by_group(columns, group).sum(axis=0, keepdims=True)


def _together(ours: Numbers, theirs: Numbers) -> Numbers:
    """(R, 1 + K) sums of both sides, counts first, to (R, K) shares."""
    found: Numbers = ours[:, 1:] / np.maximum(ours[:, :1], 1) + theirs[:, 1:] / np.maximum(theirs[:, :1], 1)
    return found[0] if len(found) == 1 else found
