"""Chance-corrected agreement on labels, from tables of counts that add up over texts.

    table = coincidences(units)            # (texts, L, L): one table a text
    alpha(table.sum(axis=0))               # any leading axes: one number for each table

Because the tables of a sample are a weighted sum of the tables of its texts, an interval by bootstrap costs one matrix
product. Where a coefficient has no meaning (nothing counted, or only one label in use) it is NaN.

    kappa    Cohen, Educational and Psychological Measurement 20 (1960)
    fleiss   Fleiss, Psychological Bulletin 76 (1971), eq. 3 to 7
    alpha    Krippendorff, Content Analysis, ch. 12; nominal difference, coincidence-matrix form
"""

from __future__ import annotations

from itertools import combinations
from math import prod

import numpy as np
from numpy.typing import NDArray

from perceptdata.agreement.units import Units

Table = NDArray[np.float64]
"""(..., L, L) counts."""


def confusion(units: Units, first: int, second: int) -> Table:
    """(T, L, L): how often annotator `first` says the row's label where `second` says the column's."""
    return _count(units, first, second, units.weight)


def coincidences(units: Units, complete: bool = False) -> Table:
    """(T, L, L): how often two labels stand together in a unit; symmetric. A unit with m labels counts m in all.

    With `complete`, only the units that every annotator has labelled.
    """
    said = (units.label >= 0).sum(axis=1)
    pairable = said == units.label.shape[1] if complete else said > 1
    share = np.where(pairable & (said > 1), units.weight / np.maximum(said - 1, 1), 0.0)
    table = np.zeros((units.texts, units.labels, units.labels))
    for first, second in combinations(range(units.label.shape[1]), 2):
        table += _count(units, first, second, share)
    return table + table.swapaxes(-1, -2)


def _count(units: Units, first: int, second: int, weight: NDArray) -> Table:
    one, other = units.label[:, first], units.label[:, second]
    both = (one >= 0) & (other >= 0)
    cell = (units.text[both] * units.labels + one[both]) * units.labels + other[both]
    shape = (units.texts, units.labels, units.labels)
    return np.bincount(cell, weight[both].astype(np.float64), prod(shape)).astype(np.float64).reshape(shape)


def against_rest(table: Table, label: int) -> Table:
    """(..., 2, 2): the same counts where there are two labels, this one and all others."""
    total = table.sum(axis=(-2, -1))
    row, column, both = table[..., label, :].sum(axis=-1), table[..., label].sum(axis=-1), table[..., label, label]
    cells = (both, row - both, column - both, total - row - column + both)
    return np.stack(cells, axis=-1).reshape(*table.shape[:-2], 2, 2)


def kappa(table: Table) -> NDArray[np.float64]:
    """Cohen's kappa of a confusion: (p_o - p_e) / (1 - p_e), p_e from each annotator's own shares of labels."""
    total, agreed = _sums(table)
    chance = (table.sum(axis=-1) * table.sum(axis=-2)).sum(axis=-1)  # times total squared
    return _ratio(agreed * total - chance, total**2 - chance)


def fleiss(table: Table) -> NDArray[np.float64]:
    """Fleiss' kappa of the coincidences of complete units.

    Their diagonal over their total is his mean P_i, their row sums over their total his p_j.
    """
    total, agreed = _sums(table)
    chance = (table.sum(axis=-1) ** 2).sum(axis=-1)
    return _ratio(agreed * total - chance, total**2 - chance)


def alpha(table: Table) -> NDArray[np.float64]:
    """Krippendorff's alpha of coincidences: 1 - D_o / D_e with D_o the part of n off the diagonal, and
    D_e = sum over c != k of n_c n_k / (n (n - 1)).
    """
    total, agreed = _sums(table)
    differing = total**2 - (table.sum(axis=-1) ** 2).sum(axis=-1)
    return 1.0 - _ratio((total - agreed) * (total - 1), differing)


def label_f1(table: Table, label: int) -> NDArray[np.float64]:
    """F1 of one label in a confusion, the same whichever annotator is taken for the truth."""
    return _ratio(2 * table[..., label, label], table[..., label, :].sum(axis=-1) + table[..., label].sum(axis=-1))


def _sums(table: Table) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return table.sum(axis=(-2, -1)), np.trace(table, axis1=-2, axis2=-1)


def _ratio(above: NDArray, below: NDArray) -> NDArray[np.float64]:
    """above / below, NaN where below is nothing but rounding."""
    there = below > 1e-9
    return np.where(there, above / np.where(there, below, 1.0), np.nan)
