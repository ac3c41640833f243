"""Kappa, Fleiss and alpha: worked by hand, and against what krippendorff and scikit-learn said of the same labels."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from perceptdata.agreement.coefficients import against_rest, alpha, coincidences, confusion, fleiss, kappa, label_f1
from perceptdata.agreement.units import Units

STORED = json.loads((Path(__file__).parent / "oracles" / "stored.json").read_text())


def units(label: list[list[int]], weight: list[int] | None = None, labels: int = 3) -> Units:
    n = len(label)
    ones = np.array(weight if weight is not None else [1] * n)
    return Units(1, labels, np.zeros(n, np.int64), np.array(label, np.int8), ones)


def test_cohen_by_hand() -> None:
    # 20 yes-yes, 5 yes-no, 10 no-yes, 15 no-no: p_o = 35/50 = .7; p_e = (25·30 + 25·20)/2500 = .5; (.7 - .5)/.5 = .4
    table = np.array([[20.0, 5], [10, 15]])
    assert kappa(table) == pytest.approx(0.4)
    # F1 of yes: 2·20 / (25 + 30)
    assert label_f1(table, 0) == pytest.approx(40 / 55)


def test_fleiss_by_hand() -> None:
    # Two units, three raters: (0, 0, 1) and (1, 1, 1). P_1 = (2·1 + 0)/6 = 1/3, P_2 = 1, mean 2/3.
    # p = (2/6, 4/6): P_e = 1/9 + 4/9 = 5/9. (2/3 - 5/9)/(1 - 5/9) = (1/9)/(4/9) = 1/4.
    table = coincidences(units([[0, 0, 1], [1, 1, 1]], labels=2), complete=True).sum(axis=0)
    assert fleiss(table) == pytest.approx(0.25)
    # A unit that one rater left open changes nothing.
    more = coincidences(units([[0, 0, 1], [1, 1, 1], [0, -1, 0]], labels=2), complete=True).sum(axis=0)
    assert fleiss(more) == pytest.approx(0.25)


def test_alpha_by_hand() -> None:
    # Units (0, 0), (0, 1), (1, 1), (1, open): the last has no pair. o = [[2, 1], [1, 2]], n = 6, n_c = (3, 3).
    # D_o = 2/6; D_e = 2·3·3/(6·5) = 18/30; alpha = 1 - (1/3)/(3/5) = 4/9.
    table = coincidences(units([[0, 0], [0, 1], [1, 1], [1, -1]], labels=2)).sum(axis=0)
    assert table.tolist() == [[2, 1], [1, 2]]
    assert alpha(table) == pytest.approx(4 / 9)


def test_a_unit_of_three_labels_counts_three() -> None:
    # (0, 0, 1): six ordered pairs, each by 1/(3 - 1): 0-0 twice, 0-1 twice, 1-0 twice.
    assert coincidences(units([[0, 0, 1]], labels=2)).sum(axis=0).tolist() == [[1, 1], [1, 0]]


def test_weight_is_repetition() -> None:
    label, weight = [[0, 0, 1], [2, -1, 2], [1, 0, 1], [2, 2, 2]], [1, 3, 2, 4]
    repeated = [row for row, times in zip(label, weight, strict=True) for _ in range(times)]
    for complete in (False, True):
        one = coincidences(units(label, weight), complete)
        assert one.sum(axis=0) == pytest.approx(coincidences(units(repeated), complete).sum(axis=0))
    assert (confusion(units(label, weight), 0, 1) == confusion(units(repeated), 0, 1)).all()


@pytest.mark.parametrize("coefficient", [kappa, fleiss, alpha])
def test_there_is_no_number_where_there_is_no_meaning(coefficient: Any) -> None:
    assert np.isnan(coefficient(np.zeros((3, 3))))  # nothing was counted
    assert np.isnan(coefficient(np.diag([7.0, 0, 0])))  # one label: nothing could have differed


@pytest.mark.parametrize("coefficient", [kappa, fleiss, alpha])
def test_agreement_on_all_is_one_whatever_the_axes(coefficient: Any) -> None:
    tables = np.stack([np.diag([4.0, 2, 1]), np.full((3, 3), 2.0)])[None]
    found = coefficient(tables)
    assert found.shape == (1, 2)
    assert found[0, 0] == pytest.approx(1)
    assert found[0, 1] == pytest.approx(0, abs=0.06)  # independent; alpha's correction for 18 values lifts it a little


def test_one_label_against_the_rest() -> None:
    table = np.array([[1.0, 2, 3], [4, 5, 6], [7, 8, 9]])
    assert against_rest(table, 1).tolist() == [[5, 10], [10, 20]]  # 4 + 6, 2 + 8, 1 + 3 + 7 + 9


@pytest.mark.parametrize("case", STORED, ids=lambda case: f"{len(case['labels'][0])} annotators")
def test_other_packages_say_the_same(case: dict[str, Any]) -> None:
    plain, weighted = units(case["labels"]), units(case["labels"], case["weight"])
    table = coincidences(plain).sum(axis=0)
    assert alpha(table) == pytest.approx(case["alpha"], abs=1e-12)
    assert alpha(coincidences(weighted).sum(axis=0)) == pytest.approx(case["alpha_weighted"], abs=1e-12)
    by_label = [float(alpha(against_rest(table, label))) for label in range(3)]
    assert by_label == pytest.approx(case["alpha_by_label"], abs=1e-12)
    assert kappa(confusion(plain, 0, 1).sum(axis=0)) == pytest.approx(case["kappa"], abs=1e-12)


def test_tables_of_texts_add_up() -> None:
    case = STORED[1]
    label = np.array(case["labels"], np.int8)
    text = np.arange(len(label)) % 5
    split = Units(5, 3, text, label, np.array(case["weight"]))
    whole = units(case["labels"], case["weight"])
    assert coincidences(split).shape == (5, 3, 3)
    assert coincidences(split).sum(axis=0) == pytest.approx(coincidences(whole)[0])
    assert confusion(split, 0, 2).sum(axis=0) == pytest.approx(confusion(whole, 0, 2)[0])
