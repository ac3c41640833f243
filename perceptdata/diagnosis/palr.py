"""PALR: how much of what a privileged teacher teaches leaks its privilege, the right answer, instead of the picture.

    palr(student, teacher, wrong, other_picture, sees_answer, segments)["think"]

Privileged answer leakage rate of ViGOS (arXiv 2606.19120, section 2.3). Along a fixed rollout y of the student,

    s_t   = | log q(y_t) - log p(y_t) |                          how hard the teacher pulls
    cA_t  = [ log q(y_t) - log q_wrong(y_t) ]_+                  what the right answer adds; 0 where it is not seen
    cI_t  = [ log q(y_t) - log q_other(y_t) ]_+                  what the right picture adds
    PALR  = Σ s_t cA_t / (Σ s_t (cA_t + cI_t) + ε)

with p the student, q the teacher, q_wrong the mean of the teacher's probabilities under K wrong answers, q_other the
teacher before another picture. Tokens that no loss teaches have s_t = 0. K = 3 and ε = 1e-8 are ours; the paper names
neither.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from perceptdata.errors import UsageError

Numbers = NDArray[np.float64]
EPSILON = 1e-8


def palr(
    student: ArrayLike,
    teacher: ArrayLike,
    wrong: Sequence[ArrayLike],
    other_picture: ArrayLike,
    sees_answer: ArrayLike,
    groups: Mapping[str, ArrayLike],
) -> dict[str, float]:
    """(T,) log probabilities of the rollout's tokens, those of `wrong` once a wrong answer; `sees_answer` and each of
    `groups` are (T,) masks. A rate a group, and `all` over their union.

    Tokens in no group are not taught. Raises UsageError where lengths differ, or no wrong answer is given.
    """
    if not wrong:
        raise UsageError("PALR compares with wrong answers; give one at least")
    columns = [np.asarray(each, np.float64) for each in (student, teacher, other_picture, *wrong)]
    masks = {name: np.asarray(mask, bool) for name, mask in groups.items()}
    sees = np.asarray(sees_answer, bool)
    lengths = {len(each) for each in (*columns, *masks.values(), sees)}
    if len(lengths) > 1:
        raise UsageError(f"the log probabilities and masks of one rollout differ in length: {sorted(lengths)}")
    own, taught, elsewhere, *misled = columns
    taught_wrong = np.logaddexp.reduce(np.stack(misled), axis=0) - np.log(len(misled))
    pull = np.abs(taught - own)
    answer = np.where(sees, np.clip(taught - taught_wrong, 0, None), 0.0)
    picture = np.clip(taught - elsewhere, 0, None)
    union = np.any(np.stack(list(masks.values())), axis=0) if masks else np.zeros(len(own), bool)
    return {name: _rate(pull, answer, picture, mask) for name, mask in {**masks, "all": union}.items()}


def _rate(pull: Numbers, answer: Numbers, picture: Numbers, mask: NDArray[np.bool_]) -> float:
    leaked = float((pull * answer)[mask].sum())
    return leaked / (leaked + float((pull * picture)[mask].sum()) + EPSILON)
