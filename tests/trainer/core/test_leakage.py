"""The leakage rate, by hand."""

import math

import pytest
import torch

from perceptdata.errors import UsageError
from perceptdata.trainer.core.leakage import averaged, contributions, palr, rate


def logs(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


def mask(*values: int) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.bool)


def test_by_hand() -> None:
    # two tokens. Token 0: pull |-1 + 2| = 1, answer [-1 + 3]_+ = 2, picture [-1 + 2]_+ = 1.
    # Token 1: pull |-1 + 3| = 2, answer [-1 + .5]_+ = 0, picture [-1 + 2]_+ = 1.
    given = (logs(-2, -3), logs(-1, -1), logs(-3, -0.5)[None], logs(-2, -2), mask(1, 1))
    found = palr(*given, {"think": mask(1, 1), "first": mask(1, 0)})
    assert found["think"] == pytest.approx(2 / (2 + 1 + 2), abs=1e-8)
    assert found["first"] == pytest.approx(2 / 3, abs=1e-8)
    assert found["all"] == found["think"]
    parts = contributions(*given[:2], averaged(given[2]), *given[3:])
    assert parts.tolist() == [[2, 1], [0, 2]]
    assert parts.dtype == torch.float64


def test_sums_of_pieces_are_the_whole() -> None:
    """As micro-batches and ranks add up; and in float32 as in float64."""
    draw = torch.Generator().manual_seed(0)
    student, teacher, elsewhere, *wrong = -torch.rand(5, 40, dtype=torch.float64, generator=draw)
    sees, all_ = torch.rand(40, generator=draw) > 0.4, torch.ones(40, dtype=torch.bool)
    whole = palr(student, teacher, torch.stack(wrong), elsewhere, sees, {"x": all_})["x"]
    narrow = [each.float() for each in (student, teacher, averaged(torch.stack(wrong)), elsewhere)]
    pieces = [
        contributions(*(each[part] for each in (*narrow, sees))).sum(dim=0) for part in (slice(0, 13), slice(13, 40))
    ]
    assert float(rate(sum(pieces, torch.zeros(2)))) == pytest.approx(whole, rel=1e-5)
    assert 0 < whole < 1


def test_where_the_teacher_never_sees_the_answer_nothing_leaks() -> None:
    found = palr(logs(-2, -3), logs(-1, -1), logs(-3, -3)[None], logs(-2, -2), mask(0, 0), {"description": mask(1, 1)})
    assert found["description"] == 0.0


def test_several_wrong_answers_are_averaged_as_probabilities() -> None:
    wrong = torch.stack([logs(0.1).log(), logs(0.3).log()])  # mean .2
    found = palr(logs(0.2).log(), logs(0.4).log(), wrong, logs(0.1).log(), mask(1), {"x": mask(1)})
    answer, picture = math.log(0.4 / 0.2), math.log(0.4 / 0.1)
    assert found["x"] == pytest.approx(answer / (answer + picture))


def test_tokens_that_nothing_teaches_do_not_count() -> None:
    given = (logs(-1), logs(-2), logs(-9)[None], logs(-9), mask(1))
    assert palr(*given, {"x": mask(0)}) == {"x": 0.0, "all": 0.0}
    assert palr(*given, {}) == {"all": 0.0}


def test_batches_are_told_as_rows_are() -> None:
    given = (logs(-2, -3), logs(-1, -1), logs(-3, -0.5)[None], logs(-2, -2), mask(1, 1))
    rows = tuple(torch.stack([each, each], dim=-2) for each in given)
    found = palr(*rows, {"x": torch.ones(2, 2, dtype=torch.bool)})
    assert found == pytest.approx(palr(*given, {"x": mask(1, 1)}), abs=1e-8)


def test_wrong_use() -> None:
    with pytest.raises(UsageError, match="one at least"):
        palr(logs(-1), logs(-1), torch.zeros(0, 1), logs(-1), mask(1), {})
    with pytest.raises(UsageError, match=r"differ in shape: \[\(1,\), \(2,\)\]"):
        palr(logs(-1), logs(-1, -2), logs(-1)[None], logs(-1), mask(1), {})
