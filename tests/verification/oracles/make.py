"""How `stored.json` was made: the same made-up labels through other people's packages.

    pip install ppi-python==0.2.3 crowd-kit==1.4.2 scikit-learn==1.9.1 statsmodels && python make.py > stored.json

They weigh half a gigabyte, so that the tests read what they said instead of installing them.
"""

import json
import random
from typing import Any

import numpy as np
import pandas
from crowdkit.aggregation import DawidSkene
from ppi_py import ppi_mean_ci, ppi_mean_pointestimate
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from statsmodels.stats.proportion import proportion_confint

VERDICTS = 3


def powered(seed: int, labelled: int, others: int, truth: float, sens: float, spec: float) -> dict[str, Any]:
    """Labels and verdicts of claims each with an image of its own."""
    draw = random.Random(seed)

    def claim() -> tuple[int, int]:
        true = draw.random() < truth
        return int(true), int(draw.random() < (sens if true else 1 - spec))

    known = [claim() for _ in range(labelled)]
    rest = [claim()[1] for _ in range(others)]
    label, judged, unseen = (np.array(each, float) for each in ([y for y, _ in known], [f for _, f in known], rest))
    said = {}
    for name, lam in (("plain", 1.0), ("half", 0.5), ("tuned", None)):
        point = ppi_mean_pointestimate(label, judged, unseen, lam=lam)
        low, high = ppi_mean_ci(label, judged, unseen, alpha=0.05, lam=lam)
        said[name] = [float(np.ravel(each)[0]) for each in (point, low, high)]
    return {"label": label.tolist(), "judged": judged.tolist(), "others": unseen.tolist(), "said": said}


def votes(seed: int, claims: int, skills: list[float], missing: float) -> dict[str, Any]:
    """Verdict codes of judges, each right with its skill; and what crowd-kit makes of them."""
    draw = random.Random(seed)
    rows = []
    for _ in range(claims):
        truth = draw.choices(range(VERDICTS), (6, 3, 2))[0]
        said = [truth if draw.random() < skill else draw.randrange(VERDICTS) for skill in skills]
        rows.append([-1 if draw.random() < missing else verdict for verdict in said])
    long = [(claim, judge, said) for claim, row in enumerate(rows) for judge, said in enumerate(row) if said >= 0]
    model = DawidSkene(n_iter=1000, tol=-1e9)
    posterior = model.fit_predict_proba(pandas.DataFrame(long, columns=["task", "worker", "label"]))
    posterior = posterior.reindex(columns=range(VERDICTS)).sort_index()
    return {"votes": rows, "claims": [int(each) for each in posterior.index], "supported": posterior[0].tolist()}


def shares() -> list[list[float]]:
    """Hits, size, Wilson's interval, Clopper and Pearson's two-sided one."""
    rows = []
    for hits, size in ((0, 10), (3, 10), (231, 235), (400, 400)):
        wilson = proportion_confint(hits, size, method="wilson")
        exact = proportion_confint(hits, size, method="beta")
        rows.append([float(each) for each in (hits, size, *wilson, *exact)])
    return rows


def curves(seed: int) -> dict[str, Any]:
    """Scores and labels through isotonic regression, and through Platt's logistic curve on his targets."""
    draw = np.random.default_rng(seed)
    score = draw.random(200)
    right = (draw.random(200) < score**2).astype(float)
    k, n = right.sum(), len(right)
    target = np.where(right > 0, (k + 1) / (k + 2), 1 / (n - k + 2))
    both = np.concatenate([score, score])[:, None]
    weighted = LogisticRegression(C=1e12, tol=1e-12, max_iter=10000)
    weighted.fit(both, np.repeat([1, 0], n), sample_weight=np.concatenate([target, 1 - target]))
    at = np.linspace(0.05, 0.95, 7)
    return {
        "score": score.tolist(),
        "right": right.tolist(),
        "at": at.tolist(),
        "isotonic": IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(score, right).predict(at).tolist(),
        "platt": weighted.predict_proba(at[:, None])[:, 1].tolist(),
    }


print(
    json.dumps(
        {
            "powered": [powered(1, 300, 5000, 0.9, 0.92, 0.8), powered(2, 80, 900, 0.6, 0.8, 0.7)],
            "dawid_skene": [votes(3, 120, [0.9, 0.75, 0.6, 0.8], 0.1), votes(4, 60, [0.95, 0.7, 0.7], 0.0)],
            "shares": shares(),
            "curves": curves(5),
        }
    )
)
