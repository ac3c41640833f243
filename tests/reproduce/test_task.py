"""The task: every puzzle right, every trace right, and the labels as wrong as they are said to be."""

import itertools
import random

import pytest
import torch

from benchmarks.reproduce.labels import CLAUSES, with_errors
from benchmarks.reproduce.task import (
    ANSWER,
    BLANK,
    CELLS,
    HARD,
    NAMES,
    NO,
    PERCEPTION,
    RESPONSE,
    SEEN_BY,
    SHORT,
    SLOTS,
    VOCABULARY,
    YES,
    answers,
    dataset,
    hand,
    lengths,
    puzzle,
    response,
    roles,
    solutions,
    solves,
)
from perceptdata.trainer.core import spans


def test_there_are_288_solved_grids_and_each_solves_itself() -> None:
    assert len(solutions()) == 288
    assert all(solves(grid, grid) for grid in solutions())


def test_an_answer_must_keep_what_was_given_and_break_no_rule() -> None:
    solved = (1, 2, 3, 4, 3, 4, 1, 2, 2, 1, 4, 3, 4, 3, 2, 1)
    given = (1, *[0] * 15)
    other = (2, 1, 3, 4, 3, 4, 1, 2, 1, 2, 4, 3, 4, 3, 2, 1)
    assert solves(solved, given)
    assert solves(other, [0] * 16)
    assert not solves(other, given)
    assert not solves((*solved[:-1], 2), given)
    assert not solves((*solved[:-1], 0), given)


def test_every_blank_is_a_naked_single_and_the_trace_says_why() -> None:
    rng = random.Random(3)
    for _ in range(20):
        one = puzzle(rng)
        said = response(one, rng)
        assert len(said) == RESPONSE
        assert max(said) < VOCABULARY - 1
        for cell in range(CELLS):
            step = said[PERCEPTION + cell * SLOTS :][:SLOTS]
            copied, flags = step[1:13], step[13:17]
            assert step[0] == NAMES + cell
            assert copied == [one.given[j] for j in SEEN_BY[cell]]
            seen = {digit for digit, flag in enumerate(flags, start=1) if YES <= flag < NO}
            assert seen == set(copied) - {BLANK}
            assert step[17] == one.solved[cell]
            if one.given[cell] == BLANK:
                assert {1, 2, 3, 4} - seen == {one.solved[cell]}
        assert solves(said[-ANSWER:], one.given)


def test_data_are_repeatable_different_and_keep_away_from_the_banned() -> None:
    one, again = dataset(30, 5, HARD, 6), dataset(30, 5, HARD, 6)
    assert torch.equal(one.pictures, again.pictures)
    assert torch.equal(one.responses, again.responses)
    assert len(set(one.given)) == 30
    other = dataset(30, 5, HARD, 6, banned=one.given, wanted=lambda puzzle: puzzle.given[0] == 1)
    assert not set(one.given) & set(other.given)
    assert {grid[0] for grid in other.given} == {1}
    assert one.first(4).pictures.shape == (4, 64, 64)


def test_hands_differ_and_a_blank_is_empty() -> None:
    assert hand(1, HARD)[0].max() == 0
    assert abs(hand(1, HARD)[1:] - hand(2, HARD)[1:]).max() > 0.1


def test_a_twentieth_of_the_tokens_is_perception() -> None:
    counts = spans.role_counts(roles(dataset(1, 5, HARD, 6).responses))
    assert counts.tolist() == [0, 16, 304, 0]
    assert float(spans.token_share(counts)) == 0.05


def test_free_traces_pass_by_some_of_what_is_given() -> None:
    data = dataset(40, 5, HARD, 6, free=True)
    for given, row, length in zip(data.given, data.responses.tolist(), lengths(data.responses).tolist(), strict=True):
        short = row.count(SHORT)
        assert 0 < short <= sum(digit > 0 for digit in given)
        assert length == 320 - 16 * short
        assert row[length:] == [0] * (320 - length)
        assert solves(row[length - 16 : length], given)
    assert torch.equal(answers(data.responses)[0], data.responses[0, lengths(data.responses)[0] - 16 :][:16])
    assert (roles(data.responses) == spans.NONE).sum(1).tolist() == (320 - lengths(data.responses)).tolist()
    assert answers(data.responses[:, :100]).eq(0).all()  # cut off before the answer
    at_length = dataset(40, 5, HARD, 6)
    assert lengths(at_length.responses).eq(320).all()
    assert torch.equal(answers(at_length.responses), at_length.responses[:, -16:])


def test_label_errors_are_those_that_are_named() -> None:
    responses = dataset(400, 5, HARD, 6).responses
    same, right = with_errors(responses, "", 0)
    assert torch.equal(same, responses)
    assert torch.equal(right, roles(responses))

    _, flipped = with_errors(responses, "flipped=0.3", 0)
    wrong = flipped != right
    edges = torch.tensor([0, *CLAUSES]).cumsum(0)
    by_clause = torch.stack([wrong[:, a:b].float().mean(1) for a, b in itertools.pairwise(edges)])
    assert set(by_clause.unique().tolist()) == {0.0, 1.0}
    assert 0.28 < by_clause.mean() < 0.32

    _, shuffled = with_errors(responses, "shuffled", 0)
    assert (shuffled == spans.PERCEPTION).sum(1).tolist() == [16] * 400
    assert (shuffled[:, :PERCEPTION] == spans.PERCEPTION).float().mean() < 0.08

    others, tags = with_errors(responses, "mismatched", 0)
    assert torch.equal(tags, right)
    assert torch.equal(others[:, PERCEPTION:], responses[:, PERCEPTION:])
    assert torch.equal(others[1:, :PERCEPTION], responses[:-1, :PERCEPTION])
    with pytest.raises(ValueError, match="there is no label error 'typos'"):
        with_errors(responses, "typos", 0)
