"""Clauses as bags of words: `[model] @architectures = "perceptdata.ClauseBow.v1"`, a model for any span categoriser.

A linear model over hashed features of each candidate: its words (lower case) and pairs of words, the prefix, suffix
and shape of each word, and how far into the text it stands. Each kind of feature has length one (L2, where none
repeats), so that long clauses count no more than short ones.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from spacy.tokens import Doc
from thinc.api import Model, SparseLinear_v2, chain
from thinc.types import Floats2d, Ragged

Candidates = tuple[list[Doc], Ragged]
Sparse = tuple[NDArray[np.uint64], NDArray[np.float32], NDArray[np.int32]]
Kind = tuple[NDArray[np.int64], NDArray[np.uint64], NDArray[np.float64]]

WORD = "LOWER"
# One string in two roles must not share a feature: each role's keys are mixed with a constant of its own.
ROLES = {
    "PREFIX": np.uint64(0x9E3779B97F4A7C15),
    "SUFFIX": np.uint64(0xC2B2AE3D27D4EB4F),
    "SHAPE": np.uint64(0x165667B19E3779F9),
}
PLACE, PLACES = np.uint64(0x27D4EB2F165667C5), 8


def clause_bow(ngram_size: int = 2, length: int = 2**16, nO: int | None = None) -> Model[Candidates, Floats2d]:  # noqa: N803
    """Probabilities of exclusive labels, (candidates, labels). `length` counts the weights of a label, `nO` labels."""
    linear = SparseLinear_v2(nO=nO, length=length)
    seen: Model[Candidates, Sparse] = Model("clause_features", _features, attrs={"ngram_size": ngram_size})
    model: Model[Candidates, Floats2d] = chain(seen, linear, Model("softmax_cross_entropy", _softmax))
    model.set_ref("output_layer", linear)
    return model


def _features(model: Model, candidates: Candidates, is_train: bool) -> tuple[Sparse, Callable[[Sparse], Candidates]]:
    """Keys and values of every candidate's features, candidate by candidate."""
    docs, spans = candidates
    ops: Any = model.ops
    borders = ops.to_numpy(spans.dataXd).astype(np.int64).reshape(-1, 2)
    doc = np.repeat(np.arange(len(docs)), ops.to_numpy(spans.lengths))
    tokens = np.array([len(one) for one in docs])
    # All documents as one row of tokens: a window inside a candidate never reaches into another document.
    column = {name: np.concatenate([one.to_array(name) for one in docs]) for name in (WORD, *ROLES)}
    base = (np.cumsum(tokens) - tokens)[doc]
    first, behind = base + borders[:, 0], base + borders[:, 1]
    kinds = [_windows(column[WORD], 1, first, behind)]
    for size in range(2, model.attrs["ngram_size"] + 1):
        kinds.append(_windows(ops.to_numpy(ops.ngrams(size, ops.asarray(column[WORD]))), size, first, behind))
    kinds += [_windows(column[name] ^ salt, 1, first, behind) for name, salt in ROLES.items()]
    place = np.minimum(borders[:, 0] * PLACES // np.maximum(tokens[doc], 1), PLACES - 1)
    kinds.append((np.arange(len(doc)), place.astype(np.uint64) ^ PLACE, np.ones(len(doc))))
    owner, key, value = (np.concatenate(parts) for parts in zip(*kinds, strict=True))
    order = np.argsort(owner, kind="stable")
    sparse = (
        ops.asarray(key[order]),
        ops.asarray(value[order].astype(np.float32)),
        ops.asarray(np.bincount(owner, minlength=len(doc)).astype(np.int32)),
    )
    return sparse, lambda d_sparse: candidates


def _windows(keys: NDArray[np.uint64], size: int, first: NDArray[np.int64], behind: NDArray[np.int64]) -> Kind:
    """Owner, key and value of each window of `size` tokens that lies inside a candidate `[first, behind)`."""
    count = np.maximum(behind - first - size + 1, 0)
    owner = np.repeat(np.arange(len(first)), count)
    at = np.arange(len(owner)) + np.repeat(first - np.cumsum(count) + count, count)
    return owner, keys[at], (1 / np.sqrt(np.maximum(count, 1)))[owner]


def _softmax(model: Model, total: Floats2d, is_train: bool) -> tuple[Floats2d, Callable[[Floats2d], Floats2d]]:
    """A softmax that is given the gradient of its cross entropy: a categoriser hands back probability minus truth."""
    return model.ops.softmax(total, inplace=False), lambda difference: difference
