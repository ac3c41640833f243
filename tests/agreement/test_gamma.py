"""Gamma: what is drawn, pooling and sampling by hand; and, where it is installed, pygamma-agreement itself."""

import logging
import sys
from importlib.util import find_spec
from math import isnan

import numpy as np
import pytest
from agreement.coding import coded

from perceptdata.agreement.gamma import MOST, Drawn, gamma, pooled, seeded
from perceptdata.errors import UsageError

TEXTS = ["Aa. Bb.", "Cc. Dd. Ee.", "Ff."]
ONE = ["PPPRRRR", "PPPPPPPRRRR", "PPP"]
OTHER = ["PPPRRRR", "PPPRRRRRRRR", "---"]

library = pytest.mark.skipif(
    find_spec("pygamma_agreement") is None, reason="pygamma-agreement (extra `gamma`, 0.6 GB) is not installed"
)


def count(seen: list[tuple[Drawn, Drawn]]) -> object:
    """A disorder that a person can follow: spans that the other has not, of all spans; what it was given is kept."""

    def disorders(first: Drawn, second: Drawn) -> tuple[float, float, float]:
        seen.append((first, second))
        return len(set(first) ^ set(second)), len(first) + len(second), (len(first) + len(second)) / 2

    return disorders


def test_spans_are_runs_on_non_space_characters() -> None:
    seen: list[tuple[Drawn, Drawn]] = []
    found = pooled(coded(TEXTS, one=ONE, other=OTHER), count(seen), texts=9, bootstraps=0, seed=0)
    assert seen == [
        ([(0, 3, 0), (3, 6, 1)], [(0, 3, 0), (3, 6, 1)]),
        ([(0, 6, 0), (6, 9, 1)], [(0, 3, 0), (3, 9, 1)]),
        ([(0, 3, 0)], []),
    ]
    # Observed 0 + 4 + 1 of expected 4 + 4 + 1.
    assert found["one~other"].estimate.value == pytest.approx(1 - 5 / 9)
    assert isnan(found["one~other"].estimate.low)
    assert (found["one~other"].texts, found["one~other"].too_long) == (3, 0)


def test_texts_are_drawn_by_the_seed_and_long_ones_are_counted_out() -> None:
    long = "Aa. Bb. " * (MOST // 2 + 1)
    drawn = ("PPPPRRRR" * (MOST // 2 + 1))[: len(long)]
    texts = [*["Aa. Bb."] * 20, long, "Cc."]
    one = [*["PPPRRRR"] * 20, drawn, None]
    other = [*["PPPOOOO"] * 10, *["PPPRRRR"] * 10, "P" * len(long), "PPP"]
    given = coded(texts, one=one, other=other)
    values = set()
    for seed in range(5):
        found = pooled(given, count([]), texts=5, bootstraps=50, seed=seed)["one~other"]
        assert found == pooled(given, count([]), texts=5, bootstraps=50, seed=seed)["one~other"]
        assert (found.texts, found.too_long) == (5, 1)
        assert found.estimate.low <= found.estimate.value <= found.estimate.high
        values.add(found.estimate.value)
    assert len(values) > 1
    everything = pooled(given, count([]), texts=99, bootstraps=0, seed=0)["one~other"]
    assert everything.texts == 20
    assert everything.estimate.value == pytest.approx(0.75)  # half of the texts differ in one span of two


def test_every_pair_has_a_number_and_nothing_drawn_has_none() -> None:
    found = pooled(coded(["Aa."], one=["---"], other=["---"], third=[None]), count([]), 9, 20, 0)
    assert list(found) == ["one~other", "one~third", "other~third"]
    assert all(isnan(each.estimate.value) and each.texts == 0 for each in found.values())
    assert found["one~other"].to_json() == {"value": None, "low": None, "high": None, "texts": 0, "too_long": 0}


def test_one_same_span_each_is_agreement_though_chance_would_draw_it_too() -> None:
    found = pooled(coded(["Aa."], one=["PPP"], other=["PPP"]), lambda first, second: (0, 0, 1), 9, 0, 0)
    assert found["one~other"].estimate.value == 1


def test_without_the_extra_the_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pygamma_agreement", None)
    with pytest.raises(UsageError, match=r"gamma needs the extra `gamma`; install perceptdata\[gamma\]"):
        gamma(coded(TEXTS, one=ONE, other=OTHER))


def test_numpy_is_seeded_inside_and_as_it_was_outside_and_only_the_solver_is_silent(
    caplog: pytest.LogCaptureFixture,
) -> None:
    np.random.seed(7)
    expected = np.random.random(2).tolist()
    np.random.seed(7)
    before = np.random.random()
    with seeded(3):
        assert np.random.random() == np.random.RandomState(3).random_sample()
        logging.warning("CBC solver not installed. Using GLPK.")
        logging.warning("something else")
    assert [before, np.random.random()] == expected
    logging.warning("CBC solver not installed. Using GLPK.")
    assert [record.getMessage()[:9] for record in caplog.records] == ["something", "CBC solve"]


@library
def test_the_library_is_seeded_and_leaves_numpy_and_the_log_alone(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    given = coded(TEXTS * 3, one=ONE * 3, other=OTHER * 3)
    np.random.seed(7)
    untouched = np.random.random()
    np.random.seed(7)
    with caplog.at_level(logging.WARNING):
        first = gamma(given, texts=9, bootstraps=20, seed=1)
    assert np.random.random() == untouched
    assert caplog.records == []
    assert capfd.readouterr().out == ""
    assert gamma(given, texts=9, bootstraps=20, seed=1) == first
    assert -1 < first["one~other"].estimate.value < 1


@library
def test_the_library_calls_the_same_the_same_and_moved_borders_better_than_other_labels() -> None:
    text, drawn = ["abcdefgh ijklmnop qrstuvwx." * 2] * 6, "PPPPPPPPPRRRRRRRRROOOOOOOOO" * 2
    moved, other = drawn.replace("PPPR", "RRRR"), drawn.replace("O", "P")
    same = gamma(coded(text, one=[drawn] * 6, other=[drawn] * 6))["one~other"].estimate.value
    near = gamma(coded(text, one=[drawn] * 6, other=[moved] * 6))["one~other"].estimate.value
    far = gamma(coded(text, one=[drawn] * 6, other=[other] * 6))["one~other"].estimate.value
    assert same == 1
    assert same > near > far
