"""Dawid-Skene: against crowd-kit's stored answers, a step by hand, and what is left open."""

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
    model = DawidSkene(np.array([0.5, 0.5]), np.array([[[0.9, 0.1], [0.1, 0.9]], [[0.6, 0.4], [0.4, 0.6]]]))
    label = np.array([[0, 1], [0, -1], [-1, -1]], np.int8)
    assert model.posterior(label)[:, 0] == pytest.approx([6 / 7, 0.9, 0.5])
    # The leads are 5/7, .8 and 0; whoever says nothing is not given a label even for a margin of 0.
    for margin, decided in {0.0: [0, 0, -1], 0.75: [-1, 0, -1], 0.9: [-1, -1, -1]}.items():
        assert model.decide(label, margin)[0].tolist() == decided


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
