"""Dawid and Skene's model: what a clause's label is, from annotators who err each in a way of their own.

    model = DawidSkene.fit(label, classes=3)          # (n, R) codes, -1 where an annotator says nothing
    model.posterior(label)                            # (n, 3)
    model.confusion[0]                                # P(annotator 0 says column | truth is row)

A. P. Dawid and A. M. Skene, Maximum likelihood estimation of observer error-rates using the EM algorithm, Applied
Statistics 28 (1979): eq. 2.3 and 2.4 are the M step, eq. 2.5 the E step. Started from the shares of votes.

Annotators are taken to err independently given the truth; two that share their rules do not, and are believed too much.
With fewer than three the truth cannot be found (either of two may be the one that errs), so `fit` refuses them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from perceptdata.errors import UsageError

FEWEST = 3
ROUNDS, TOLERANCE = 1000, 1e-9
RIGHT = 0.8
_TINY = 1e-10


@dataclass(frozen=True, slots=True, eq=False)
class DawidSkene:
    """`prior` (L,): how common each label is. `confusion` (R, L, L): rows are the truth, columns what is said."""

    prior: NDArray[np.float64]
    confusion: NDArray[np.float64]

    @classmethod
    def fit(cls, label: NDArray[np.int8], classes: int, faith: float = 5.0) -> DawidSkene:
        """EM until the mean log-likelihood grows by less than `TOLERANCE`, `ROUNDS` at most.

        Before the data, an annotator is taken to be right four times in five, with the weight of `faith` units for each
        true label (0 is maximum likelihood): whoever meets a label seldom, or only knows one (a rule that only says
        `other`), is then neither believed without bounds nor taken for noise. Units with equal labels are counted
        together, so that the time does not grow with their number. Raises UsageError for fewer than three annotators.
        """
        if label.shape[1] < FEWEST:
            raise UsageError(f"which of {label.shape[1]} annotators errs cannot be told without a third; name another")
        rows, counts = np.unique(label, axis=0, return_counts=True)
        weight = counts.astype(np.float64)
        said = np.stack([rows == code for code in range(classes)], axis=-1).astype(np.float64)  # (patterns, R, L)
        votes = said.sum(axis=1)
        heard = votes.sum(axis=1) > 0
        said, votes, weight = said[heard], votes[heard], weight[heard]
        truth = votes / votes.sum(axis=1, keepdims=True)
        wrong = (1 - RIGHT) / max(classes - 1, 1)
        before_data = faith * np.where(np.eye(classes, dtype=bool), RIGHT, wrong) + _TINY
        model, before = cls._maximise(truth, said, weight, before_data), -np.inf
        for _ in range(ROUNDS if len(weight) else 0):
            joint = model._joint(said)
            likelihood = float((weight * np.logaddexp.reduce(joint, axis=1)).sum() / weight.sum())
            if likelihood - before < TOLERANCE:
                break
            before = likelihood
            truth = _normal(joint)
            model = cls._maximise(truth, said, weight, before_data)
        return model

    @classmethod
    def _maximise(cls, truth: NDArray, said: NDArray, weight: NDArray, before_data: NDArray) -> DawidSkene:
        weighted = truth * weight[:, None]
        prior = weighted.sum(axis=0) + _TINY
        confusion = np.einsum("nt,nrs->rts", weighted, said) + before_data
        return cls(prior / prior.sum(), confusion / confusion.sum(axis=2, keepdims=True))

    def _joint(self, said: NDArray) -> NDArray[np.float64]:
        """(n, L): log of prior times likelihood."""
        return np.log(self.prior) + np.einsum("nrs,rts->nt", said, np.log(self.confusion))

    def posterior(self, label: NDArray[np.int8]) -> NDArray[np.float64]:
        """(n, L): how probable each label is; the prior where nobody says anything."""
        classes = len(self.prior)
        logs = np.zeros((len(label), classes)) + np.log(self.prior)
        for annotator, codes in enumerate(label.T):
            there = codes >= 0
            logs[there] += np.log(self.confusion[annotator]).T[codes[there]]
        return _normal(logs)

    def decide(self, label: NDArray[np.int8], margin: float) -> tuple[NDArray[np.int8], NDArray[np.float64]]:
        """The most probable label of each unit and its probability; -1 where it leads the second by less than `margin`,
        or where nobody says anything.
        """
        posterior = self.posterior(label)
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
