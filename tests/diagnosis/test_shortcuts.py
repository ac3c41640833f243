"""Answers without looking, and traces that peek."""

import pyarrow as pa
import pytest

from perceptdata.diagnosis.shortcuts import shortcuts

from diagnosis.answering import answers, ones  # isort: skip


def test_what_is_lost_without_the_picture() -> None:
    table = pa.concat_tables([answers("image", ones(80, 100)), answers("blank", ones(30, 100))])
    found = shortcuts(table)
    (blank,) = found.losses
    assert (blank.condition, blank.accuracy.value) == ("blank", 0.3)
    assert blank.change is not None
    assert blank.change.difference == pytest.approx(-0.5)
    assert found.reads == "unknown"
    assert found.peeking is None


@pytest.mark.parametrize(
    ("left", "of", "said"),
    [
        (30, 100, "peeks at the picture"),
        (99, 100, "reads the description"),
        (88, 100, "cannot be told: it may peek at the picture"),
        (9, 10, "too few"),
    ],
)
def test_peeking(left: int, of: int, said: str) -> None:
    table = pa.concat_tables([answers("oracle", ones(90 * of // 100, of)), answers("oracle_blank", ones(left, of))])
    assert shortcuts(table).reads == said


def test_prior_and_counter_prior() -> None:
    prior = ["aligned"] * 10 + ["counter"] * 20 + [None] * 10
    found = shortcuts(answers("image", ones(15, 40), prior=prior))
    assert found.aligned is not None
    assert found.counter is not None
    assert (found.aligned.value, found.counter.value) == (1.0, 0.25)
    assert shortcuts(answers("image", ones(15, 40))).aligned is None
