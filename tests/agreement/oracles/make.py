"""How `stored.json` was made: the same made-up labels through other people's packages.

    pip install krippendorff==0.9.0 scikit-learn==1.9.1 crowd-kit==1.4.2 && python make.py > stored.json

They weigh half a gigabyte, so that the tests read what they said instead of installing them.
"""

import json
import random
from typing import Any

import krippendorff
import numpy as np
import pandas
from crowdkit.aggregation import DawidSkene
from sklearn.metrics import cohen_kappa_score

LABELS = 3


def labels(seed: int, units: int, skills: list[float], missing: float) -> list[list[int]]:
    """(units, annotators) codes: each annotator is right with its skill, and says nothing (-1) now and then."""
    draw = random.Random(seed)
    rows = []
    for _ in range(units):
        truth = draw.choices(range(LABELS), (5, 3, 2))[0]
        said = [truth if draw.random() < skill else draw.randrange(LABELS) for skill in skills]
        rows.append([-1 if draw.random() < missing else label for label in said])
    return rows


def case(seed: int, units: int, skills: list[float], missing: float) -> dict[str, Any]:
    rows = labels(seed, units, skills, missing)
    table = np.array(rows, float)
    weight = [1 + number % 7 for number in range(units)]
    repeated = np.repeat(table, weight, axis=0)
    both = [row for row in rows if row[0] >= 0 and row[1] >= 0]
    return {
        "labels": rows,
        "weight": weight,
        "alpha": alpha(table),
        "alpha_weighted": alpha(repeated),
        "alpha_by_label": [alpha(np.where(table < 0, -1, table == label)) for label in range(LABELS)],
        "kappa": float(cohen_kappa_score([row[0] for row in both], [row[1] for row in both])),
        "dawid_skene": dawid_skene(rows),
    }


def alpha(table: np.ndarray) -> float:
    data = np.where(table < 0, np.nan, table).T
    return float(krippendorff.alpha(reliability_data=data, level_of_measurement="nominal"))


def dawid_skene(rows: list[list[int]]) -> dict[str, Any]:
    said = [(unit, who, label) for unit, row in enumerate(rows) for who, label in enumerate(row) if label >= 0]
    model = DawidSkene(n_iter=1000, tol=-1e9)  # every round: its own criterion ends some fits before they settle
    posterior = model.fit_predict_proba(pandas.DataFrame(said, columns=["task", "worker", "label"]))
    posterior = posterior.reindex(columns=range(LABELS)).sort_index()
    errors = model.errors_  # P(said | truth), a row for each (worker, said), a column for each truth
    return {
        "tasks": posterior.index.tolist(),
        "posterior": posterior.to_numpy().round(8).tolist(),
        "prior": model.priors_.reindex(range(LABELS)).round(8).tolist(),
        "confusion": [
            [[round(float(errors.loc[(who, said), truth]), 8) for said in range(LABELS)] for truth in range(LABELS)]
            for who in range(len(rows[0]))
        ],
    }


if __name__ == "__main__":
    cases = [
        case(1, 60, [0.9, 0.7, 0.8], 0.0),
        case(2, 80, [0.9, 0.7, 0.6, 0.9], 0.2),
        case(3, 120, [0.95, 0.8, 0.8, 0.3, 0.6], 0.3),
    ]
    print(json.dumps(cases))
