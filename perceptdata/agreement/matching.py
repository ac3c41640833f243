"""Two annotators' spans against each other: which spans they share, and whether they differ in border or in label.

    found = match(pieces, 0, 1)
    found.spans       # (texts, L, 7) counts, see COLUMNS; `f1` makes scores of them
    found.errors      # (texts, L + 1, 4) counts, see ERRORS

A span here is a run: a stretch as long as possible with one label. Neighbouring spans of one label are one run, since a
border between equal labels says nothing about labels, and positions are counted in non-space characters of clauses.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from perceptdata.agreement.units import Pieces

THRESHOLDS = (0.5, 0.75)
COLUMNS = ("first", "second", "covered_first", "covered_second", "exact", *(f"iou_{at}" for at in THRESHOLDS))
ERRORS = ("agreed", "border", "label", "borders")


class Matching(NamedTuple):
    """Counts by text, which add up over texts.

    `spans` (T, L, 7): runs of each annotator; the sum over each one's runs of the share that the other covers with the
    same label; pairs of runs that are equal; pairs whose intersection over union reaches each of `THRESHOLDS`.
    `errors` (T, L + 1, 4): non-space characters on which both agree, differ by border, differ by label; and how many
    borders are drawn in different places. Of each label, where one or both have it; last, of all.
    """

    spans: NDArray[np.float64]
    errors: NDArray[np.float64]


class Runs(NamedTuple):
    """One annotator's runs: the run of each piece (-1 outside); of each run its first piece, text, label and length."""

    of_piece: NDArray[np.int64]
    first: NDArray[np.int64]
    text: NDArray[np.int64]
    label: NDArray[np.int64]
    length: NDArray[np.int64]


def match(pieces: Pieces, first: int, second: int) -> Matching:
    """The counts of two annotators, over the texts that both have read."""
    shared = np.flatnonzero(pieces.seen[first] & pieces.seen[second])
    kept = np.isin(pieces.text, shared)
    text, weight = pieces.text[kept], pieces.weight[kept]
    one, other = pieces.label[kept, first].astype(np.int64), pieces.label[kept, second].astype(np.int64)
    return Matching(
        _match_runs(runs(text, one, weight), runs(text, other, weight), weight, pieces.texts, pieces.labels),
        _errors(text, pieces.clause[kept], one, other, weight, pieces.texts, pieces.labels),
    )


def _breaks(*columns: NDArray) -> NDArray[np.bool_]:
    """Where any of the columns changes; the first entry begins."""
    changes = np.zeros(len(columns[0]), bool)
    changes[:1] = True
    for column in columns:
        changes[1:] |= column[1:] != column[:-1]
    return changes


def runs(text: NDArray, label: NDArray, weight: NDArray) -> Runs:
    """The runs of one annotator, from the text, label (-1 for none) and length of every piece."""
    begins = _breaks(text, label) & (label >= 0)
    run = np.where(label >= 0, np.cumsum(begins) - 1, -1)
    inside = run >= 0
    length = np.bincount(run[inside], weight[inside], int(begins.sum())).astype(np.int64)
    return Runs(run, np.flatnonzero(begins), text[begins], label[begins], length)


def _match_runs(one: Runs, other: Runs, weight: NDArray, texts: int, labels: int) -> NDArray[np.float64]:
    counts = np.zeros((len(COLUMNS), texts * labels))

    def add(column: str, runs: Runs, which: NDArray | slice, amount: NDArray | None = None) -> None:
        cell = (runs.text * labels + runs.label)[which]
        counts[COLUMNS.index(column)] += np.bincount(cell, amount, texts * labels)

    add("first", one, slice(None))
    add("second", other, slice(None))
    a, b = one.of_piece, other.of_piece
    together = (a >= 0) & (b >= 0)
    a, b, shared = a[together], b[together], weight[together]
    same = one.label[a] == other.label[b]
    a, b, shared = a[same], b[same], shared[same]
    if len(a):
        begin = np.flatnonzero(_breaks(a, b))  # both only ever grow, so a pair of runs is one stretch
        a, b, shared = a[begin], b[begin], np.add.reduceat(shared, begin)
        add("covered_first", one, a, shared / one.length[a])
        add("covered_second", other, b, shared / other.length[b])
        union = one.length[a] + other.length[b] - shared
        add("exact", one, a[shared == union])
        # Runs of one label never touch, so that no run can reach 0.5 with two others: pairs are one to one.
        for threshold in THRESHOLDS:
            add(f"iou_{threshold}", one, a[shared >= threshold * union])
    return counts.reshape(len(COLUMNS), texts, labels).transpose(1, 2, 0)


def _errors(
    text: NDArray, clause: NDArray, one: NDArray, other: NDArray, weight: NDArray, texts: int, labels: int
) -> NDArray[np.float64]:
    """Where both say something: a disputed stretch is a border's when it holds no whole clause, what stands on one side
    of it is agreed to have one of its labels, and on the other side the other: both see the same turn inside a clause,
    in another place. Else it is a label's.
    """
    counts = np.zeros((texts, labels + 1, len(ERRORS)))
    breaks = _breaks(text, one, other)
    begin = np.flatnonzero(breaks)
    if not len(begin):
        return counts
    whole = _holds_whole_clause(np.cumsum(breaks) - 1, clause, weight)
    text, one, other, length = text[begin], one[begin], other[begin], np.add.reduceat(weight, begin)
    agreed = np.where(one == other, one, -1)
    left, right = np.full(len(begin), -1), np.full(len(begin), -1)
    next_to = text[1:] == text[:-1]
    left[1:][next_to] = agreed[:-1][next_to]
    right[:-1][next_to] = agreed[1:][next_to]
    both = (one >= 0) & (other >= 0)
    disputed = both & (one != other)
    turn = ((left == one) & (right == other)) | ((left == other) & (right == one))
    border = disputed & turn & ~whole
    for label in range(labels + 1):
        concerned = both if label == labels else both & ((one == label) | (other == label))
        for column, kind in enumerate((~disputed, border, disputed & ~border)):
            where = kind & concerned
            counts[:, label, column] = np.bincount(text[where], length[where], texts)
        counts[:, label, 3] = np.bincount(text[border & concerned], minlength=texts)
    return counts


def _holds_whole_clause(stretch: NDArray, clause: NDArray, weight: NDArray) -> NDArray[np.bool_]:
    """For each stretch of pieces, whether all characters of some clause are in it."""
    begin = np.flatnonzero(_breaks(stretch, clause))
    inside = np.add.reduceat(weight, begin)
    full = inside == np.bincount(clause, weight)[clause[begin]]
    return np.bincount(stretch[begin], full) > 0


def f1(counts: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """(..., 7) counts to F1 by kind of match.

    `partial` credits each run with the share of it that the other annotator covers with the same label (Johansson and
    Moschitti, Computational Linguistics 39, 2013, section on intersection-based scores); the others count pairs.
    """
    column = {name: counts[..., at] for at, name in enumerate(COLUMNS)}
    runs = column["first"] + column["second"]
    found = {"exact": _score(2 * column["exact"], runs)}
    precision = np.nan_to_num(_score(column["covered_second"], column["second"]))
    recall = np.nan_to_num(_score(column["covered_first"], column["first"]))
    found["partial"] = np.where(runs > 0, np.nan_to_num(_score(2 * precision * recall, precision + recall)), np.nan)
    for threshold in THRESHOLDS:
        found[f"iou_{threshold}"] = _score(2 * column[f"iou_{threshold}"], runs)
    return found


def _score(above: NDArray, below: NDArray) -> NDArray[np.float64]:
    return np.where(below > 0, above / np.where(below > 0, below, 1.0), np.nan)
