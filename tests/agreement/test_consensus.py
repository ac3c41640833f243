"""Dawid-Skene: against crowd-kit's stored answers, a step by hand, votes that are unsure, and what is left open."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from perceptdata.agreement import DawidSkene
from perceptdata.errors import UsageError

STORED = json.loads((Path(__file__).parent / "oracles" / "stored.json").read_text())


@pytest.mark.parametrize("case", STORED, ids=lambda case: f"{len(case['labels'][0])} annotators")
def test_crowd_kit_says_the_same(case: dict[str, Any]) -> None:
    label, theirs = np.array(case["labels"], np.int8), case["dawid_skene"]
    model = DawidSkene.fit(label, 3, faith=0)
    assert model.prior == pytest.approx(np.array(theirs["prior"]), abs=1e-4)
    assert model.confusion == pytest.approx(np.array(theirs["confusion"]), abs=1e-3)
    posterior = model.posterior(label)[theirs["tasks"]]
    assert posterior == pytest.approx(np.array(theirs["posterior"]), abs=1e-3)


def test_a_posterior_by_hand() -> None:
    # Annotator 0 is right nine times in ten, annotator 1 six times in ten. They say 0 and 1:
    # .5·.9·.4 = .18 against .5·.1·.6 = .03; 6/7. Annotator 0 alone: .9. Nobody: the prior.
    model = DawidSkene(
        np.array([0.5, 0.5]), np.array([[[0.9, 0.1], [0.1, 0.9]], [[0.6, 0.4], [0.4, 0.6]]]), np.full((2, 2), 0.5)
    )
    label = np.array([[0, 1], [0, -1], [-1, -1]], np.int8)
    assert model.posterior(label)[:, 0] == pytest.approx([6 / 7, 0.9, 0.5])
    # The leads are 5/7, .8 and 0; whoever says nothing is not given a label even for a margin of 0.
    for margin, decided in {0.0: [0, 0, -1], 0.75: [-1, 0, -1], 0.9: [-1, -1, -1]}.items():
        assert model.decide(label, margin)[0].tolist() == decided


def test_an_unsure_vote_by_hand() -> None:
    # Annotator 0 says 0, half sure: .5·.9 + .5·.6 = .75 against .5·.1 + .5·.6 = .35. Annotator 1 says 1, sure:
    # .4 against .6. Together .75·.4 = .3 against .35·.6 = .21.
    confusion = np.array([[[0.9, 0.1], [0.1, 0.9]], [[0.6, 0.4], [0.4, 0.6]]])
    model = DawidSkene(np.array([0.5, 0.5]), confusion, np.array([[0.6, 0.4], [0.5, 0.5]]))
    label, score = np.array([[0, 1], [0, -1], [0, -1]], np.int8), np.array([[0.5, 1], [0.5, 0.9], [0, 0]])
    # The second by itself .75 / 1.1; the third is a mere guess, so that the prior stands.
    assert model.posterior(label, score)[:, 0] == pytest.approx([0.3 / 0.51, 0.75 / 1.1, 0.5])
    assert model.decide(label, 0.1, score)[0].tolist() == [0, 0, -1]


def test_votes_of_score_one_are_the_plain_model_and_odd_scores_are_cut() -> None:
    label = np.array(STORED[2]["labels"], np.int8)
    plain, sure = DawidSkene.fit(label, 3), DawidSkene.fit(label, 3, np.ones(label.shape))
    assert (plain.confusion == sure.confusion).all()
    odd, cut = np.full(label.shape, 1.7), np.ones(label.shape)
    odd[3], cut[3] = -2.0, 0.0
    odd[4], cut[4] = np.nan, 0.0
    model = DawidSkene.fit(label, 3, odd)
    assert (model.confusion == DawidSkene.fit(label, 3, cut).confusion).all()
    assert (model.posterior(label, odd) == model.posterior(label, cut)).all()


def naive(label: list[list[int]], score: list[list[float]], faith: float, rounds: int) -> list[list[float]]:
    """The same model vote by vote: posteriors after so many rounds."""
    units, annotators = range(len(label)), range(len(label[0]))
    said = [[u for u in units if label[u][r] >= 0] for r in annotators]
    guess = [[sum(label[u][r] == s for u in said[r]) / len(said[r]) for s in range(3)] for r in annotators]
    truth = []
    for u in units:
        counts = [sum(score[u][r] + 1e-6 for r in annotators if label[u][r] == t) for t in range(3)]
        truth.append([count / sum(counts) for count in counts])
    informed = {(u, r, t): score[u][r] for r in annotators for u in said[r] for t in range(3)}
    for _ in range(rounds):
        prior = [sum(truth[u][t] for u in units) / len(label) for t in range(3)]
        table = [[[faith * (0.8 if s == t else 0.1) for s in range(3)] for t in range(3)] for _ in annotators]
        for (u, r, t), share in informed.items():
            table[r][t][label[u][r]] += truth[u][t] * share
        confusion = [[[cell / sum(row) for cell in row] for row in rows] for rows in table]
        for u in units:
            joint = list(prior)
            for r in annotators:
                if label[u][r] >= 0:
                    for t in range(3):
                        known = score[u][r] * confusion[r][t][label[u][r]]
                        vote = known + (1 - score[u][r]) * guess[r][label[u][r]]
                        joint[t] *= vote
                        informed[u, r, t] = known / vote
            truth[u] = [each / sum(joint) for each in joint]
    return truth


def test_the_fit_is_that_of_a_naive_one() -> None:
    label = [row for row in STORED[1]["labels"] if max(row) >= 0]
    draw = np.random.default_rng(0)
    score = draw.integers(0, 11, (len(label), len(label[0]))) / 10
    array = np.array(label, np.int8)
    model = DawidSkene.fit(array, 3, score)
    assert model.posterior(array, score) == pytest.approx(np.array(naive(label, score.tolist(), 5.0, 300)), abs=1e-3)


def test_the_fit_takes_scores_in_tenths_and_the_posterior_as_they_are() -> None:
    label = np.array(STORED[2]["labels"], np.int8)
    score = np.random.default_rng(0).integers(0, 11, label.shape) / 10
    near = np.clip(score + 0.03, 0, 1)
    model = DawidSkene.fit(label, 3, score)
    assert (model.confusion == DawidSkene.fit(label, 3, near).confusion).all()
    assert not np.allclose(model.posterior(label, score), model.posterior(label, near), atol=1e-4)


def test_of_two_good_annotators_that_differ_the_surer_one_is_believed() -> None:
    draw = np.random.default_rng(0)
    truth = draw.choice(3, 4000, p=[0.4, 0.4, 0.2])
    score = draw.random((4000, 3)).round(2)
    informed = draw.random((4000, 3)) < score
    label = np.where(informed, truth[:, None], draw.integers(0, 3, (4000, 3))).astype(np.int8)
    label[:, 2] = np.where(draw.random(4000) < 0.9, -1, label[:, 2])  # the third seldom speaks

    def right(score: np.ndarray | None, share: float) -> float:
        """Of the surest share of the units."""
        posterior = np.sort(DawidSkene.fit(label, 3, score).posterior(label, score), axis=1)
        decided, _ = DawidSkene.fit(label, 3, score).decide(label, 0.0, score)
        surest = np.argsort(posterior[:, 1] - posterior[:, 2], kind="stable")[: int(share * 4000)]
        return float((decided == truth)[surest].mean())

    assert right(score, 1.0) > right(None, 1.0) + 0.05
    assert right(score, 0.5) > right(score, 1.0) + 0.1


def test_one_bad_annotator_is_found_out_without_the_truth() -> None:
    draw = np.random.default_rng(0)
    truth = draw.choice(3, 4000, p=[0.5, 0.3, 0.2])
    noise = draw.integers(0, 3, (4000, 4))
    skill = np.array([0.9, 0.8, 0.7, 0.1])
    label = np.where(draw.random((4000, 4)) < skill, truth[:, None], noise).astype(np.int8)
    model = DawidSkene.fit(label, 3)
    right = [np.trace(each) / 3 for each in model.confusion]
    # Right by skill or by luck: s + (1 - s)/3.
    assert right == pytest.approx(skill + (1 - skill) / 3, abs=0.04)
    decided, _ = model.decide(label, 0.0)
    sure, _ = model.decide(label, 0.9)
    votes = np.stack([(label == code).sum(axis=1) for code in range(3)], axis=1).argmax(axis=1)
    assert (decided == truth).mean() > (votes == truth).mean() + 0.01
    kept = sure >= 0
    assert 0.5 < kept.mean() < 1
    assert (sure == truth)[kept].mean() > (decided == truth).mean()


def test_an_annotator_that_only_knows_one_label_is_believed_in_it() -> None:
    # It says 2 or nothing; wherever it says 2, the others mostly do too.
    said = [[0, 0, -1]] * 40 + [[1, 1, -1]] * 40 + [[2, 2, 2]] * 18 + [[1, 1, 2]] * 2
    model = DawidSkene.fit(np.array(said, np.int8), 3)
    assert model.posterior(np.array([[-1, -1, 2]], np.int8)).argmax() == 2
    assert np.isfinite(model.confusion).all()
    assert model.confusion.sum(axis=2) == pytest.approx(1)


def test_order_and_repetition_of_units_change_nothing() -> None:
    label = np.array(STORED[1]["labels"], np.int8)
    model = DawidSkene.fit(label, 3)
    turned = DawidSkene.fit(label[::-1], 3)
    assert (turned.confusion == model.confusion).all()
    assert (turned.prior == model.prior).all()


def test_no_units_no_opinion() -> None:
    model = DawidSkene.fit(np.empty((0, 3), np.int8), 3)
    assert model.prior == pytest.approx(1 / 3)
    assert model.decide(np.empty((0, 3), np.int8), 0.5)[0].tolist() == []
    open_ones = DawidSkene.fit(np.full((4, 3), -1, np.int8), 3)
    assert open_ones.prior == pytest.approx(1 / 3)


def test_two_annotators_cannot_tell_which_of_them_errs() -> None:
    with pytest.raises(UsageError, match="which of 2 annotators errs cannot be told without a third"):
        DawidSkene.fit(np.array([[0, 1]], np.int8), 3)
