"""Panels: several judges and people on the same claims, and rates that are not the judges' own.

    probability = dawid_skene(codes)                         # or majority(codes), weighted_logit(codes, ...)
    kept = accepted(probability, caption, threshold=0.9)     # claims of captions that pass as a whole
    corrected = rogan_gladen(passed, n, sensitive, specific) # precision from a judge of measured errors
    powered = prediction_powered(labelled, judged, unlabelled, image, unlabelled_image)

The share that a judge passes is no estimate of what is true: at a true .90, a judge of sensitivity .92 and
specificity .80 says .848, and an interval around that never holds .90. Two ways out. Rogan and Gladen's takes the
judge's errors from a calibration, which may be of another mixture of claims; prediction-powered inference adds to the
judge's mean what people found wrong with it on a sample of the same claims. All intervals are clustered by image.
"""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

from perceptdata.agreement.consensus import DawidSkene
from perceptdata.errors import UsageError
from perceptdata.records import Record
from perceptdata.verification.intervals import CONFIDENCE, Numbers, Share
from perceptdata.verification.verdicts import SUPPORTED, VERDICTS, Codes, checked, supports

_EDGE = 1e-3


class Estimate(Record):
    """A corrected rate with its two-sided interval; `weight` is how far prediction-powered inference listens to the
    judge (0: not at all)."""

    value: float
    low: float
    high: float
    weight: float | None = None


def accepted(probability: ArrayLike, caption: ArrayLike, threshold: float) -> NDArray[np.bool_]:
    """(n,) which claims belong to an accepted caption: one whose every claim is supported with `threshold` at least.

    A claim without a probability (NaN: nobody spoke) is not accepted, and neither is its caption.
    """
    sure = np.asarray(probability, np.float64) >= threshold
    _, code = np.unique(np.asarray(caption), return_inverse=True)
    if code.size != sure.size:
        raise UsageError(f"{sure.size} claims, but {code.size} captions")
    return np.bincount(code.ravel(), ~sure)[code.ravel()] == 0


def majority(codes: Codes) -> Numbers:
    """(n,) shares of the votes of (n, J) that support; NaN where nobody speaks. More than 1/2 is a majority."""
    said = checked(codes)
    heard = (said >= 0).sum(axis=1)
    return np.where(heard > 0, supports(said).sum(axis=1) / np.maximum(heard, 1), np.nan)


def weighted_logit(codes: Codes, sensitivity: ArrayLike, specificity: ArrayLike, base_rate: float) -> Numbers:
    """(n,) probabilities that a claim is supported, each vote of (n, J) weighted by what its judge is worth.

    logit p = logit(base rate) + sum of log(sens / (1 - spec)) over who supports + log((1 - sens) / spec) over who does
    not (S. Nitzan and J. Paroush, Int. Economic Review 23, 1982): right where judges err independently. Rates count as
    `_EDGE` from 0 and 1 at least, since no calibration shows a judge to be infallible.
    """
    said = checked(codes)
    sens, spec, base = (
        np.clip(np.asarray(rate, np.float64), _EDGE, 1 - _EDGE) for rate in (sensitivity, specificity, base_rate)
    )
    if not sens.shape == spec.shape == said.shape[1:]:
        raise UsageError(f"{said.shape[1]} judges need a sensitivity and a specificity each")
    for_, against = np.log(sens / (1 - spec)), np.log((1 - sens) / spec)
    logit = np.log(base / (1 - base)) + (supports(said) * for_ + (said > SUPPORTED) * against).sum(axis=1)
    return 1 / (1 + np.exp(-np.clip(logit, -50, 50)))


def dawid_skene(codes: Codes) -> Numbers:
    """(n,) probabilities that a claim is supported, from the votes (n, J) of three judges or people at least, each with
    errors of its own: `agreement.consensus`. Judges that err together are believed too much."""
    said = checked(codes)
    return DawidSkene.fit(said, len(VERDICTS)).posterior(said)[:, SUPPORTED]


def rogan_gladen(
    passed: float, size: float, sensitivity: Share, specificity: Share, confidence: float = CONFIDENCE
) -> Estimate:
    """What is true of `size` claims of which a judge passes `passed`, by its calibration.

    theta = (p + spec - 1) / (sens + spec - 1), with the interval of Z. Lang and J. Reiczigel, Preventive Veterinary
    Medicine 113 (2014), eq. 4, 16 and 17, which arXiv 2511.21140 puts forward for judges: one success and one failure
    are added to each calibration and z^2 to the test, and the uncertainty of all three counts. Sizes are effective
    ones. Raises UsageError where the judge is no better than chance.
    """
    if sensitivity.value is None or specificity.value is None:
        raise UsageError("the judge's sensitivity or specificity was never measured; label claims of both kinds")
    if sensitivity.value + specificity.value <= 1 or size <= 0:
        raise UsageError("a judge that passes false claims as often as true ones corrects nothing")
    value = (passed / size + specificity.value - 1) / (sensitivity.value + specificity.value - 1)
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    n, n_sens, n_spec = size + z * z, sensitivity.size + 2, specificity.size + 2
    p = (passed + z * z / 2) / n
    sens = (sensitivity.size * sensitivity.value + 1) / n_sens
    spec = (specificity.size * specificity.value + 1) / n_spec
    worth = sens + spec - 1
    if worth <= 0:
        raise UsageError("the calibration is too small to tell the judge from chance; label more claims")
    theta = (p + spec - 1) / worth
    of_sens, of_spec = sens * (1 - sens) / n_sens, spec * (1 - spec) / n_spec
    shift = 2 * z * z * (theta * of_sens - (1 - theta) * of_spec)
    error = np.sqrt(p * (1 - p) / n + theta**2 * of_sens + (1 - theta) ** 2 * of_spec) / worth
    low, high, value = np.clip([theta + shift - z * error, theta + shift + z * error, value], 0, 1).tolist()
    return Estimate(value=value, low=low, high=high)


def prediction_powered(
    label: ArrayLike,
    judged: ArrayLike,
    others: ArrayLike,
    image: ArrayLike,
    other_image: ArrayLike,
    weight: float | None = None,
    confidence: float = CONFIDENCE,
) -> Estimate:
    """The mean of labels over all claims: from n that people labelled and the judge judged, and N only judged.

    mean(Y) + w (mean of the judge on N - mean on n): A. Angelopoulos et al., Science 382 (2023) with w = 1, and PPI++
    (arXiv 2311.01453, eq. 6) with the w that makes the variance least, cov(Y, f) / ((1 + n / N) var(f)), within [0, 1].
    So the interval is never wider than that of the labels alone but for the luck of w. Claims of an image are summed
    before they are squared. Raises UsageError where columns differ, or images are too few for a variance.
    """
    y, f, rest = (np.asarray(each, np.float64) for each in (label, judged, others))
    if not len(y) == len(f) == len(np.asarray(image)) or len(rest) != len(np.asarray(other_image)):
        raise UsageError("labels, verdicts and images need one entry for each claim")
    if len(np.unique(image)) < 2 or len(np.unique(other_image)) < 2:
        raise UsageError("claims of two images at least are needed, with labels and without")
    n = len(y)
    if weight is None:
        own, other = y - y.mean(), f - f.mean()
        joint = float((_sums(own, image) * _sums(other, image)).sum()) / n**2
        spread = float((_sums(other, image) ** 2).sum()) / n**2 + _variance(rest, other_image)
        weight = float(np.clip(joint / spread, 0, 1)) if spread > 0 else 0.0
    value = float(y.mean() + weight * (rest.mean() - f.mean()))
    error = np.sqrt(_variance(y - weight * f, image) + weight**2 * _variance(rest, other_image))
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    low, high = np.clip([value - z * error, value + z * error], 0, 1).tolist()
    return Estimate(value=float(np.clip(value, 0, 1)), low=low, high=high, weight=weight)


def _sums(values: Numbers, image: ArrayLike) -> Numbers:
    _, code = np.unique(np.asarray(image), return_inverse=True)
    return np.bincount(code.ravel(), values).astype(np.float64)


def _variance(values: Numbers, image: ArrayLike) -> float:
    """Of the mean of (n,) values, clustered by image, with the usual G / (G - 1)."""
    sums = _sums(values - values.mean(), image)
    return float((sums**2).sum()) / len(values) ** 2 * len(sums) / (len(sums) - 1)
