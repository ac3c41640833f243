"""Dawid and Skene's model: what a clause's label is, from annotators who err each in a way of their own.

    model = DawidSkene.fit(label, classes=3, score=score)     # (n, R) codes, -1 where an annotator says nothing
    model.posterior(label, score)                             # (n, 3)
    model.confusion[0]                                        # P(annotator 0 says column | truth is row)

A. P. Dawid and A. M. Skene, Maximum likelihood estimation of observer error-rates using the EM algorithm, Applied
Statistics 28 (1979): eq. 2.3 and 2.4 are the M step, eq. 2.5 the E step. Started from the shares of votes.

They know votes only. Annotators also say how sure they are, and two that differ are seldom both sure, so a vote of
score m is taken to be informed with probability m, and else a guess by the annotator's own shares of labels:

    P(says s | truth t, score m) = m confusion[t, s] + (1 - m) guess[s]

Whether a vote was informed is one more thing that EM does not see and expects. With scores of 1 this is their model.

Annotators are taken to err independently given the truth; two that share their rules do not, and are believed too much.
With fewer than three the truth cannot be found (either of two may be the one that errs), so `fit` refuses them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from perceptdata.errors import UsageError

FEWEST = 3
ROUNDS, TOLERANCE = 1000, 1e-9
RIGHT = 0.8
STEPS = 10  # the fit takes scores in tenths, so that equal rows can be counted together
_TINY = 1e-10
_UNSURE = 1e-6  # what a vote of score 0 counts before the first round: something, where there is no other


class _Votes(NamedTuple):
    """`label` (n, R) codes or -1; `sure` (n, R) in [0, 1], 0 where nothing is said; `weight` (n,) repetitions."""

    label: NDArray[np.int8]
    sure: NDArray[np.float64]
    weight: NDArray[np.float64]

    @classmethod
    def of(cls, label: NDArray[np.int8], score: NDArray[np.floating] | None) -> _Votes:
        """One row each. A score outside [0, 1] counts as the nearer end, one that is no number as 0."""
        sure = np.ones(label.shape) if score is None else np.clip(np.nan_to_num(score, nan=0.0), 0, 1)
        return cls(label, np.where(label >= 0, sure, 0.0), np.ones(len(label)))

    def together(self) -> _Votes:
        """Rows of equal labels and scores, to a tenth, as one; without those in which nobody says anything."""
        both = np.concatenate([self.label, np.rint(self.sure * STEPS).astype(np.int8)], axis=1)
        rows, counts = np.unique(both, axis=0, return_counts=True)
        label, steps = np.split(rows, 2, axis=1)
        heard = (label >= 0).any(axis=1)
        return _Votes(label[heard], steps[heard] / STEPS, counts[heard].astype(np.float64))

    def told(self, classes: int) -> NDArray[np.float64]:
        """(n, R, L): 1 for the label that is said."""
        return (self.label[..., None] == np.arange(classes)).astype(np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class DawidSkene:
    """`prior` (L,): how common each label is. `confusion` (R, L, L): rows are the truth, columns what an informed vote
    says. `guess` (R, L): what a vote says that is not.
    """

    prior: NDArray[np.float64]
    confusion: NDArray[np.float64]
    guess: NDArray[np.float64]

    @classmethod
    def fit(
        cls, label: NDArray[np.int8], classes: int, score: NDArray[np.floating] | None = None, faith: float = 5.0
    ) -> DawidSkene:
        """EM until the mean log-likelihood grows by less than `TOLERANCE`, `ROUNDS` at most.

        Before the data, an annotator is taken to be right four times in five, with the weight of `faith` units for each
        true label (0 is maximum likelihood): whoever meets a label seldom, or only knows one (a rule that only says
        `other`), is then neither believed without bounds nor taken for noise. Units of equal labels and (to a
        tenth) scores are counted together. Raises UsageError for fewer than three annotators.
        """
        if label.shape[1] < FEWEST:
            raise UsageError(f"which of {label.shape[1]} annotators errs cannot be told without a third; name another")
        votes = _Votes.of(label, score).together()
        told = votes.told(classes)
        shares = np.einsum("n,nrs->rs", votes.weight, told) + _TINY
        guess = shares / shares.sum(axis=1, keepdims=True)
        wrong = (1 - RIGHT) / max(classes - 1, 1)
        before_data = faith * np.where(np.eye(classes, dtype=bool), RIGHT, wrong) + _TINY
        counted = np.einsum("nrs,nr->ns", told, votes.sure + _UNSURE)
        truth = counted / counted.sum(axis=1, keepdims=True)
        informed = np.repeat(votes.sure[..., None], classes, axis=2)
        model, before = cls._maximise(truth, informed, told, votes.weight, before_data, guess), -np.inf
        for _ in range(ROUNDS if len(votes.weight) else 0):
            likelihoods, informed = model._hear(votes)
            joint = np.log(model.prior) + np.log(likelihoods).sum(axis=1)
            mean = float((votes.weight * np.logaddexp.reduce(joint, axis=1)).sum() / votes.weight.sum())
            if mean - before < TOLERANCE:
                break
            before = mean
            model = cls._maximise(_normal(joint), informed, told, votes.weight, before_data, guess)
        return model

    @classmethod
    def _maximise(
        cls,
        truth: NDArray[np.float64],
        informed: NDArray[np.float64],
        told: NDArray[np.float64],
        weight: NDArray[np.float64],
        before_data: NDArray[np.float64],
        guess: NDArray[np.float64],
    ) -> DawidSkene:
        """The model under which `truth` (n, L) and `informed` (n, R, L), both expectations, are likeliest."""
        weighted = truth * weight[:, None]
        prior = weighted.sum(axis=0) + _TINY
        confusion = np.einsum("nrt,nrs->rts", weighted[:, None, :] * informed, told) + before_data
        return cls(prior / prior.sum(), confusion / confusion.sum(axis=2, keepdims=True), guess)

    def _hear(self, votes: _Votes) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(n, R, L) likelihood of each vote under every truth (1 for none), and the probability that it is informed."""
        annotator, said = np.arange(votes.label.shape[1]), votes.label.astype(np.int64)  # silence reads some cell
        known = votes.sure[..., None] * self.confusion.transpose(0, 2, 1)[annotator, said]
        guessed = ((1 - votes.sure) * self.guess[annotator, said])[..., None]
        silent = (said < 0)[..., None]
        likelihood = np.where(silent, 1.0, np.maximum(known + guessed, _TINY**2))
        return likelihood, np.where(silent, 0.0, known / likelihood)

    def posterior(self, label: NDArray[np.int8], score: NDArray[np.floating] | None = None) -> NDArray[np.float64]:
        """(n, L): how probable each label is; the prior where nobody says anything."""
        likelihoods, _ = self._hear(_Votes.of(label, score))
        return _normal(np.log(self.prior) + np.log(likelihoods).sum(axis=1))

    def decide(
        self, label: NDArray[np.int8], margin: float, score: NDArray[np.floating] | None = None
    ) -> tuple[NDArray[np.int8], NDArray[np.float64]]:
        """The most probable label of each unit and its probability; -1 where it leads the second by less than `margin`,
        or where nobody says anything.
        """
        posterior = self.posterior(label, score)
        ordered = np.sort(posterior, axis=1)
        sure = (ordered[:, -1] - ordered[:, -2] >= margin) & (label >= 0).any(axis=1)
        return np.where(sure, posterior.argmax(axis=1), -1).astype(np.int8), ordered[:, -1]

    def to_json(self, annotators: tuple[str, ...], labels: tuple[str, ...]) -> dict[str, Any]:
        """How common each label is, and for every annotator P(said | truth), by truth and then by what is said."""
        tables = dict(zip(annotators, self.confusion, strict=True))
        return {
            "prior": dict(zip(labels, self.prior.round(4).tolist(), strict=True)),
            "confusion": {
                name: {
                    truth: dict(zip(labels, row.round(4).tolist(), strict=True))
                    for truth, row in zip(labels, table, strict=True)
                }
                for name, table in tables.items()
            },
        }


def _normal(logs: NDArray[np.float64]) -> NDArray[np.float64]:
    probability = np.exp(logs - logs.max(axis=1, keepdims=True, initial=-np.inf))
    return probability / probability.sum(axis=1, keepdims=True)
