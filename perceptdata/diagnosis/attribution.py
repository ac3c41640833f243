"""Error attribution: of the answers that are wrong, what kind of step went wrong first.

    exact(row)                                       # "perception", from what was described and what follows from it
    corrected(judged, calibration)                   # shares of a judge's word, its own errors taken out

| kind          | the first wrong step                                      | on a scene that is known exactly |
|---------------|-----------------------------------------------------------|----------------------------------|
| `perception`  | states of the picture what it does not show, or misses it | the description is not the scene |
| `reasoning`   | does not follow                                           | it is, and the answer is wrong   |
| `knowledge`   | uses a theorem, unit or fact of the world that is not so  | (reasoning)                      |
| `calculation` | miscalculates                                             | (reasoning)                      |
| `extraction`  | none: the answer was not put where the format has it      | no answer could be read          |

Perception comes first, so a wrong description is the first wrong step whatever follows it.

A judge that mistakes one kind for another moves the shares. P(judge says j | truth t) is known from answers whose truth
is, exactly or from people. The shares p that explain best what the judge says of the rest, q_j = Σ_t p_t P(j | t), are
found by expectation-maximisation; on two kinds that is Rogan and Gladen's estimate, kept within [0, 1] (W. Rogan and B.
Gladen, Am. J. Epidemiol. 107, 1978). Intervals draw groups of both sides again. Exact truth knows three kinds: there a
judge's knowledge and calculation count as reasoning.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, get_args

import numpy as np
import pyarrow as pa

from perceptdata.agreement.bootstrap import interval
from perceptdata.diagnosis.measures import FEWEST, Numbers, Rate, rate
from perceptdata.diagnosis.rates import condition
from perceptdata.records import Record

Kind = Literal["perception", "reasoning", "knowledge", "calculation", "extraction"]
KINDS: tuple[Kind, ...] = get_args(Kind)
EXACT: tuple[Kind, ...] = ("perception", "reasoning", "extraction")
ROUNDS, ITERATIONS = 500, 400


class Labelled(Record):
    """One wrong answer: what the judge says went wrong first, and what did (None where nobody knows)."""

    address: str
    group: str
    said: str | None
    truth: str | None = None


class KindShare(Record):
    """Of the wrong answers, the share of one kind: as the judge says, and corrected for what it mistakes."""

    kind: str
    said: float | None
    corrected: float | None
    low: float | None
    high: float | None


class Attribution(Record):
    """Shares by kind. `basis`: exact, audited, calibrated exactly or by both; `unjudged` counts answers without a word.

    `confusion[truth][said]` counts the answers that calibrate; `accuracy` is how often the judge is right on them.
    `guessed` are kinds of which no answer of known truth is there: the judge is taken at its word.
    """

    basis: str
    wrong: int
    unjudged: int
    shares: tuple[KindShare, ...]
    confusion: dict[str, dict[str, int]]
    accuracy: Rate | None
    guessed: tuple[str, ...]
    enough: bool


def exact(row: Mapping[str, Any]) -> Kind | None:
    """The kind of a wrong answer as far as its scene tells; None where the answer is right or no scene is known."""
    if row["state"] == "unparsed":
        return "extraction"
    if row["state"] != "wrong" or not row["exact"] or row["seen"] is None:
        return None
    return "reasoning" if row["seen"] >= 1 else "perception"


def exactly(table: pa.Table) -> Attribution:
    """The shares on items whose scenes are known, without any judge. Their intervals are those of rates."""
    image = condition(table, "image")
    rows = [row for row in image.to_pylist() if row["exact"] and row["state"] in ("wrong", "unparsed")]
    kinds = [exact(row) for row in rows]
    groups = [row["group"] for row in rows]
    shares = []
    for kind in EXACT:
        found = rate([float(each == kind) for each in kinds], groups)
        shares.append(
            KindShare(
                kind=kind,
                said=None,
                corrected=found.value,
                low=found.low if rows else None,
                high=found.high if rows else None,
            )
        )
    return Attribution(
        basis="exact",
        wrong=len(rows),
        unjudged=0,
        shares=tuple(shares),
        confusion={},
        accuracy=None,
        guessed=(),
        enough=len(set(groups)) >= FEWEST,
    )


def corrected(target: Sequence[Labelled], calibration: Sequence[Labelled], basis: str, seed: int = 0) -> Attribution:
    """The shares of `target` by a judge whose mistakes `calibration` shows; answers without a word are left out."""
    merged = basis == "exact"
    kinds = EXACT if merged else KINDS
    said = [(each, _merge(each.said, merged)) for each in target if each.said is not None]
    known = [each for each in calibration if each.said is not None and each.truth is not None]
    pairs = [(kinds.index(_merge(each.truth, merged)), kinds.index(_merge(each.said, merged))) for each in known]
    votes = np.array([kinds.index(word) for _, word in said], np.int64)
    ours, theirs = (_codes([each.group for each in side]) for side in ([each for each, _ in said], known))
    table = np.array(pairs, np.int64).reshape(-1, 2)
    counts = _table(table, np.ones(len(table)), len(kinds))
    point = _unfold(np.bincount(votes, minlength=len(kinds)).astype(np.float64), counts)
    draws = _draws(votes, ours, table, theirs, len(kinds), seed)
    shares = []
    for at, kind in enumerate(kinds):
        low, high = interval(draws[:, at]) if len(votes) else (None, None)
        raw = float((votes == at).mean()) if len(votes) else None
        shares.append(
            KindShare(kind=kind, said=raw, corrected=float(point[at]) if len(votes) else None, low=low, high=high)
        )
    right = rate([float(one == other) for one, other in pairs], [each.group for each in known]) if known else None
    return Attribution(
        basis="said by the judge, and not corrected" if not known else f"corrected by {basis} labels",
        wrong=len(target),
        unjudged=len(target) - len(said),
        shares=tuple(shares),
        confusion={
            kind: {other: int(counts[at, to]) for to, other in enumerate(kinds) if counts[at, to]}
            for at, kind in enumerate(kinds)
            if counts[at].any()
        },
        accuracy=right,
        guessed=tuple(kind for at, kind in enumerate(kinds) if not counts[at].any()),
        enough=len(set(ours.tolist())) >= FEWEST and len(known) >= FEWEST,
    )


def _merge(kind: str | None, merged: bool) -> Kind:
    if kind not in KINDS:
        raise ValueError(f"'{kind}' is no kind of error")
    return "reasoning" if merged and kind not in EXACT else kind


def _codes(groups: Sequence[str]) -> np.ndarray:
    return np.unique(np.asarray(groups, str), return_inverse=True)[1].ravel()


def _table(pairs: np.ndarray, weight: Numbers, many: int) -> Numbers:
    """(K, K) weights of truth by word."""
    flat = pairs[:, 0] * many + pairs[:, 1]
    return np.bincount(flat, weight, many * many).astype(np.float64).reshape(many, many)


def _unfold(said: Numbers, counts: Numbers) -> Numbers:
    """(K,) counts of words and (K, K) of truth by word to (K,) shares of truth. A kind without truths is believed."""
    rows = counts.sum(axis=1, keepdims=True)
    tells = np.where(rows > 0, counts / np.maximum(rows, 1e-12), np.eye(len(said)))
    share = np.full(len(said), 1 / len(said))
    seen = said / max(said.sum(), 1e-12)
    for _ in range(ITERATIONS):
        expected = share @ tells
        weight = np.where(expected > 0, seen / np.where(expected > 0, expected, 1.0), 0.0)
        share = share * (tells @ weight)
        share /= max(share.sum(), 1e-12)
    return share


def _draws(votes: np.ndarray, ours: np.ndarray, pairs: np.ndarray, theirs: np.ndarray, many: int, seed: int) -> Numbers:
    """(ROUNDS, K) shares of samples of whole groups of both sides."""
    draw = np.random.default_rng(seed)
    found = np.zeros((ROUNDS, many))
    for at in range(ROUNDS):
        weights = [_weights(draw, code) for code in (ours, theirs)]
        said = np.bincount(votes, weights[0], many).astype(np.float64)
        found[at] = _unfold(said, _table(pairs, weights[1], many))
    return found


def _weights(draw: np.random.Generator, code: np.ndarray) -> Numbers:
    if not len(code):
        return np.zeros(0)
    groups = int(code.max()) + 1
    drawn: Numbers = draw.multinomial(groups, np.full(groups, 1 / groups))[code].astype(np.float64)
    return drawn
