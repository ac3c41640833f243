"""Calibration: what a judge's verdicts are worth against what people say of the same claims.

    made = calibrate(verdict, truth, kinds, image, slices, binding, score=score, repeat=repeat)
    made.overall.specificity              # with its interval, clustered by image
    made.probability(score)               # how probably a verdict of that score is right about "supported"
    made.stale_against(today)             # ["the prompt changed: 1f3a… then, 77b0… now"]

Only people's labels and exact oracles' make a calibration; what other models say is counted and left out, and a judge
with nothing else is refused, for two models may be wrong in the same way. Known-false probes measure specificity
apart, on claims that nobody had to label, and never enter the rest. kappa stands beside the base rate, since at a
base rate of .98 a judge that passes everything agrees 98 times in 100 and has a kappa of 0.

Scores become probabilities by isotonic regression with `ISOTONIC` labels or more, else by Platt's logistic curve,
which two numbers fix (J. Platt, Advances in Large Margin Classifiers, 1999, with his targets; B. Zadrozny and C.
Elkan, KDD 2002 for isotonic). The error that is reported is that of a mapping learned on other images.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from perceptdata.agreement.coefficients import kappa
from perceptdata.errors import UsageError
from perceptdata.records import Record, canonical_json
from perceptdata.verification.intervals import Numbers, Share, share
from perceptdata.verification.verdicts import VERDICTS, Codes, checked, supports

ISOTONIC = 1000
FEWEST = 30
BINS = 10
FOLDS = 5
_EDGE = 1e-6

TRUSTED = ("person", "oracle")


class Binding(Record):
    """What a calibration holds for. When any of it changes the judge is another judge."""

    model: str
    prompt: str
    schema_hash: str
    segmenter: str

    def fingerprint(self) -> str:
        """The hash of all of it."""
        return hashlib.sha256(canonical_json(self.model_dump()).encode()).hexdigest()


class Worth(Record):
    """A judge against labels, of one slice or of all. `confusion`: rows are the label, columns what the judge says,
    in the order of `VERDICTS`. Sensitivity is of supported claims, specificity of all others; `precision` of what it
    passes.
    """

    slice: str | None
    labels: int
    images: int
    confusion: tuple[tuple[int, ...], ...]
    sensitivity: Share
    specificity: Share
    precision: Share
    base_rate: Share
    kappa: float | None


class ScoreMap(Record):
    """Scores to probabilities: `isotonic` between knots (straight in between, level outside), `platt` as a logistic of
    slope and offset.
    """

    method: Literal["isotonic", "platt"]
    x: tuple[float, ...]
    y: tuple[float, ...]

    def __call__(self, score: ArrayLike) -> Numbers:
        """Probabilities of scores."""
        s = np.asarray(score, np.float64)
        if self.method == "isotonic":
            return np.interp(s, self.x, self.y)
        slope, offset = self.y
        return 1 / (1 + np.exp(-np.clip(slope * s + offset, -50, 50)))


class Calibration(Record):
    """The worth of one judge, bound to what it was measured of. `against` names whose labels: people, an oracle, or
    both; `left_out` counts labels of models. `ece` is of the scores as they come, `ece_mapped` of the mapping on images
    it had not seen.
    """

    binding: Binding
    against: tuple[str, ...]
    left_out: int
    silent: int
    overall: Worth
    slices: tuple[Worth, ...]
    consistency: Share
    probes: dict[str, Share]
    mapping: ScoreMap | None
    ece: float | None
    ece_mapped: float | None

    def probability(self, score: ArrayLike) -> Numbers:
        """How probably a claim of that score is supported. Raises UsageError where no scores were calibrated."""
        if self.mapping is None:
            raise UsageError("this judge was calibrated without scores; calibrate it again with them")
        return self.mapping(score)

    def stale_against(self, today: Binding) -> list[str]:
        """What changed since, in words; nothing where the calibration still holds."""
        names = {"model": "judge model", "prompt": "prompt", "schema_hash": "schema", "segmenter": "segmenter"}
        was, now = self.binding.model_dump(), today.model_dump()
        return [
            f"the {name} changed: {was[key]} then, {now[key]} now"
            for key, name in names.items()
            if was[key] != now[key]
        ]


def calibrate(
    verdict: Codes,
    truth: Codes,
    kinds: Sequence[str],
    image: ArrayLike,
    slices: Sequence[str],
    binding: Binding,
    score: NDArray[np.floating] | None = None,
    repeat: Codes | None = None,
    probes: Mapping[str, Codes] | None = None,
) -> Calibration:
    """All columns are (n,): the judge's verdict, the label and the kind of its producer (`person`, `oracle`,
    `model`), image and slice. `score` (n,) is how sure the judge is that the claim is supported, NaN for unknown;
    `repeat` what it says when asked again; `probes` its verdicts on known-false claims, by probe.

    Claims without label or verdict count for nothing; silent verdicts are counted. Raises UsageError where columns
    differ in length, and where too few labels are of people or oracles.
    """
    said, label, producer = checked(verdict), checked(truth, "labels"), np.asarray(kinds, dtype=np.str_)
    where, of_slice = np.asarray(image), np.asarray(slices, dtype=np.str_)
    if len({len(said), len(label), len(producer), len(where), len(of_slice)}) > 1:
        raise UsageError("verdicts, labels, kinds, images and slices need one entry for each claim")
    labelled = label >= 0
    trusted = labelled & np.isin(producer, TRUSTED)
    used = trusted & (said >= 0)
    models = int((labelled & ~trusted).sum())
    if used.sum() < FEWEST:
        raise UsageError(
            f"{int(used.sum())} claims have a verdict and a label of a person or an oracle, {models} a model's: models "
            f"alone calibrate nothing; have people label {FEWEST} claims or more"
        )
    known = _scores(score, used)
    mapping, raw, mapped = None, None, None
    if known is not None:
        right = supports(label[known]).astype(np.float64)
        values = np.asarray(score, np.float64)[known]
        mapping = fit(values, right)
        raw = expected_calibration_error(values, right) if _is_probability(values) else None
        mapped = expected_calibration_error(_held_out(values, right, where[known]), right)
    twice = used & (checked(repeat) >= 0) if repeat is not None else np.zeros(len(said), bool)
    again = said[twice] == (checked(repeat)[twice] if repeat is not None else said[twice])
    return Calibration(
        binding=binding,
        against=tuple(sorted(set(producer[used].tolist()))),
        left_out=models,
        silent=int((trusted & (said < 0)).sum()),
        overall=worth(None, said[used], label[used], where[used]),
        slices=tuple(
            worth(name, said[part], label[part], where[part])
            for name in sorted(set(of_slice[used].tolist()))
            if (part := used & (of_slice == name)).any()
        ),
        consistency=share(again, where[twice]),
        probes={name: _rejected(codes) for name, codes in sorted((probes or {}).items())},
        mapping=mapping,
        ece=raw,
        ece_mapped=mapped,
    )


def worth(name: str | None, said: Codes, label: Codes, image: NDArray) -> Worth:
    """A judge against labels where both are there."""
    many = len(VERDICTS)
    table = np.bincount(label.astype(np.int64) * many + said, minlength=many**2).reshape(many, many)
    true, passes = supports(label), supports(said)
    two = np.bincount(true.astype(np.int64) * 2 + passes, minlength=4).reshape(2, 2).astype(np.float64)
    agreed = float(kappa(two))
    return Worth(
        slice=name,
        labels=len(label),
        images=len(np.unique(image)),
        confusion=tuple(tuple(row) for row in table.tolist()),
        sensitivity=share(passes[true], image[true]),
        specificity=share(~passes[~true], image[~true]),
        precision=share(true[passes], image[passes]),
        base_rate=share(true, image),
        kappa=agreed if np.isfinite(agreed) else None,
    )


def fit(score: Numbers, right: Numbers) -> ScoreMap:
    """Isotonic with `ISOTONIC` labels or more, else Platt: (n,) scores, and 1 where the claim was supported."""
    if len(score) >= ISOTONIC:
        from sklearn.isotonic import IsotonicRegression

        made = IsotonicRegression(y_min=0, y_max=1).fit(score, right)
        return ScoreMap(method="isotonic", x=tuple(made.X_thresholds_.tolist()), y=tuple(made.y_thresholds_.tolist()))
    return ScoreMap(method="platt", x=(), y=_platt(score, right))


def expected_calibration_error(probability: Numbers, right: Numbers, bins: int = BINS) -> float:
    """The mean distance of probability from share right, over bins of equally many claims (C. Guo et al., ICML 2017,
    with equal mass; ties in probability may fall into two bins)."""
    order = np.argsort(probability, kind="stable")
    parts = [part for part in np.array_split(order, bins) if len(part)]
    gaps = [len(part) * abs(probability[part].mean() - right[part].mean()) for part in parts]
    return float(sum(gaps) / max(len(order), 1))


def _platt(score: Numbers, right: Numbers) -> tuple[float, float]:
    """Slope and offset by Newton's method. Platt's targets are (k + 1) / (k + 2) for k right ones, 1 / (n - k + 2)."""
    k, n = right.sum(), len(right)
    target = np.where(right > 0, (k + 1) / (k + 2), 1 / (n - k + 2))
    design = np.stack([score, np.ones(n)], axis=1)
    found: NDArray[np.float64] = np.zeros(2)
    for _ in range(100):
        p = 1 / (1 + np.exp(-np.clip(design @ found, -50, 50)))
        slope = design.T @ (target - p)
        curve = (design * (p * (1 - p))[:, None]).T @ design + _EDGE * np.eye(2)
        step = np.linalg.solve(curve, slope)
        found = found + np.clip(step, -5, 5)
        if np.abs(step).max() < 1e-10:
            break
    return float(found[0]), float(found[1])


def _held_out(score: Numbers, right: Numbers, image: NDArray) -> Numbers:
    """Probabilities from mappings that saw none of the image's claims."""
    _, code = np.unique(image, return_inverse=True)
    fold, found = code.ravel() % FOLDS, np.full(len(score), right.mean())
    for number in range(FOLDS):
        own = fold == number
        if own.any() and not own.all():
            found[own] = fit(score[~own], right[~own])(score[own])
    return found


def _scores(score: NDArray[np.floating] | None, used: NDArray[np.bool_]) -> NDArray[np.bool_] | None:
    if score is None:
        return None
    if len(score) != len(used):
        raise UsageError(f"{len(score)} scores for {len(used)} claims")
    known = used & np.isfinite(score)
    return known if known.sum() >= FEWEST else None


def _is_probability(values: Numbers) -> bool:
    return bool((values >= 0).all() and (values <= 1).all())


def _rejected(codes: Codes) -> Share:
    """Of known-false claims with a verdict, the share that is not passed."""
    heard = checked(codes)
    heard = heard[heard >= 0]
    return share(~supports(heard), np.arange(len(heard)))
