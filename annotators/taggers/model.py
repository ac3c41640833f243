"""A multinomial logistic regression over `features`, trained once and kept in one small file.

    model = fit(features, label, weight, about={...})        # needs scikit-learn
    model.save(path); Model.load(path)                       # numpy alone
    model.scores(features)                                   # (clauses, labels): log odds up to a constant a clause

Weights are rounded to 1/256 and n-grams whose three weights all round to nought are left out, so the file holds little
more than what matters. It is an `npz` of plain arrays, read without pickle; `about` says what the model was trained on.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from perceptdata.errors import UsageError
from perceptdata.spans import PRO

from .features import BITS, DENSE, Features

FORMAT = 1
STEP = 256
LABELS = len(PRO.labels)
PENALTY = 3.0  # scikit-learn's C; like every number here chosen by leaving out whole sources


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """Integer weights in units of 1 / `STEP`: `dense` (1 + columns, labels), the intercept first; `grams` (n, labels),
    those of the n-grams in `bucket`.
    """

    dense: NDArray[np.int16]
    bucket: NDArray[np.int32]
    grams: NDArray[np.int16]
    about: Mapping[str, Any]

    def scores(self, found: Features) -> NDArray[np.float64]:
        """One row a clause. Sums run in the order of a clause's own n-grams, whatever the batch."""
        table = np.zeros((2**BITS, LABELS))
        table[self.bucket] = self.grams / STEP
        clauses = len(found.dense)
        each = table[found.bucket] * found.weight[:, None]
        sums = [np.bincount(found.clause, each[:, label], minlength=clauses) for label in range(LABELS)]
        dense = self.dense / STEP
        # One product a column: a matrix product may add in another order for another number of rows.
        total = np.column_stack(sums) + dense[0]
        for column, weights in zip(found.dense.T, dense[1:], strict=True):
            total += np.multiply.outer(column, weights)
        return total

    def save(self, path: Path) -> None:
        """Write the file; the same model gives the same bytes."""
        about = np.frombuffer(json.dumps(self.about, ensure_ascii=False, sort_keys=True).encode(), np.uint8)
        with path.open("wb") as file:
            np.savez_compressed(file, dense=self.dense, bucket=self.bucket, grams=self.grams, about=about)

    @classmethod
    def load(cls, path: Path) -> Model:
        """The model of a file. UsageError where it is none, or one of another shape than this version's."""
        return _load(path.resolve(), path.stat().st_mtime_ns if path.exists() else 0)


@lru_cache(maxsize=8)
def _load(path: Path, changed: int) -> Model:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            about = json.loads(arrays["about"].tobytes())
            model = Model(arrays["dense"], arrays["bucket"], arrays["grams"], about)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise UsageError(
            f"{path} is no model of the linear tagger ({error}); `perceptdata tagger train` makes one"
        ) from error
    if about.get("format") != FORMAT or model.dense.shape != (1 + len(DENSE), LABELS):
        raise UsageError(f"{path} was made for another version of the linear tagger; train it again")
    return model


def fit(found: Features, label: NDArray[np.int8], weight: NDArray[np.float64], about: Mapping[str, Any]) -> Model:
    """The model of labelled clauses; those of label -1 are left out. Deterministic: L-BFGS from nought, no shuffling.

    UsageError where a label is missing among the clauses, or scikit-learn is.
    """
    try:
        from scipy.sparse import csr_matrix, hstack
        from sklearn.linear_model import LogisticRegression
    except ImportError as error:
        raise UsageError("training needs scikit-learn; install it with: pip install scikit-learn") from error
    known = label >= 0
    if missing := [name for code, name in enumerate(PRO.labels) if not (label == code).any()]:
        raise UsageError(f"no text is labelled {' or '.join(missing)}; the linear tagger learns from all three labels")
    grams = csr_matrix((found.weight, (found.clause, found.bucket)), shape=(len(label), 2**BITS))
    seen = np.unique(found.bucket)
    columns = hstack([csr_matrix(found.dense), grams[:, seen]]).tocsr()[known]
    learned = LogisticRegression(C=PENALTY, max_iter=1000).fit(
        columns, label[known], weight[known] / weight[known].mean()
    )
    split = found.dense.shape[1]
    rounded = np.round(learned.coef_.T * STEP).clip(-32768, 32767).astype(np.int16)
    dense = np.vstack((np.round(learned.intercept_ * STEP).astype(np.int16), rounded[:split]))
    heavy = rounded[split:].any(axis=1)
    return Model(dense, seen[heavy].astype(np.int32), rounded[split:][heavy], {"format": FORMAT, **about})


def digest(path: Path) -> str:
    """SHA-256 of a model's file, in hex."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
