"""The leakage rate, by hand."""

import numpy as np
import pytest

from perceptdata.diagnosis.palr import palr
from perceptdata.errors import UsageError


def test_by_hand() -> None:
    # two tokens. Token 0: pull |-1 + 2| = 1, answer [-1 + 3]_+ = 2, picture [-1 + 2]_+ = 1.
    # Token 1: pull |-1 + 3| = 2, answer [-1 + .5]_+ = 0, picture [-1 + 2]_+ = 1.
    found = palr([-2, -3], [-1, -1], [[-3, -0.5]], [-2, -2], [True, True], {"think": [True, True], "first": [1, 0]})
    assert found["think"] == pytest.approx(2 / (2 + 1 + 2))
    assert found["first"] == pytest.approx(2 / 3)
    assert found["all"] == found["think"]


def test_where_the_teacher_never_sees_the_answer_nothing_leaks() -> None:
    found = palr([-2, -3], [-1, -1], [[-3, -3]], [-2, -2], [False, False], {"description": [True, True]})
    assert found["description"] == 0.0


def test_several_wrong_answers_are_averaged_as_probabilities() -> None:
    wrong = [np.log([0.1]), np.log([0.3])]  # mean .2
    found = palr(np.log([0.2]), np.log([0.4]), wrong, np.log([0.1]), [True], {"x": [True]})
    answer, picture = np.log(0.4 / 0.2), np.log(0.4 / 0.1)
    assert found["x"] == pytest.approx(answer / (answer + picture))


def test_tokens_that_nothing_teaches_do_not_count() -> None:
    assert palr([-1], [-2], [[-9]], [-9], [True], {"x": [False]}) == {"x": 0.0, "all": 0.0}
    assert palr([-1], [-2], [[-9]], [-9], [True], {}) == {"all": 0.0}


def test_wrong_use() -> None:
    with pytest.raises(UsageError, match="one at least"):
        palr([-1], [-1], [], [-1], [True], {})
    with pytest.raises(UsageError, match=r"differ in length: \[1, 2\]"):
        palr([-1], [-1, -2], [[-1]], [-1], [True], {})
