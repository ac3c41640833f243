"""Samples: strata, allocation, and which claims are read by whom."""

import numpy as np
import pytest

from perceptdata.errors import UsageError
from perceptdata.verification.sample import TRAP, Strata, add_disputed, allocate, assign, pick, stratify


def strata() -> Strata:
    slices = ["photo"] * 60 + ["chart"] * 40
    verdicts = np.zeros((100, 3), np.int8)
    verdicts[::5, 2] = 1  # every fifth claim is in dispute
    return stratify(slices, verdicts)


def test_strata_are_slices_and_disputes() -> None:
    found = strata()
    assert found.slice == ("chart", "chart", "photo", "photo")
    assert found.disputed.tolist() == [False, True, False, True]
    assert found.population.tolist() == [32, 8, 48, 12]
    assert found.code[:2].tolist() == [3, 2]


def test_silence_is_no_dispute_and_bands_follow_the_score() -> None:
    verdicts = np.array([[0, -1], [0, 0], [0, 1], [-1, 0]], np.int8)
    found = stratify(["a"] * 4, verdicts, score=np.array([0.1, 0.2, 0.8, 0.9]), bands=2)
    assert found.disputed[found.code].tolist() == [False, False, True, False]
    assert found.code[0] == found.code[1] != found.code[3]
    with pytest.raises(UsageError, match="one entry for each accepted claim"):
        stratify(["a"], verdicts)


def test_allocation_is_even_and_leaves_no_stratum_out() -> None:
    # 10 of 1000: rates of 1 %, at least: ceil(9), ceil(.95), ceil(.05)
    assert allocate(np.array([900, 95, 5]), 10).tolist() == [9, 1, 1]
    assert allocate(np.array([3, 2]), 50).tolist() == [3, 2]
    assert allocate(np.array([100, 100]), 20).tolist() == [10, 10]


def test_disputes_are_added_up_to_a_budget() -> None:
    found = strata()
    take = allocate(found.population, 10)
    assert take.tolist() == [4, 1, 5, 2]
    assert add_disputed(take, found, 100).tolist() == [4, 8, 5, 12]
    # seventeen are left, 7 and 10: of five more, 2.06 and 2.94
    assert add_disputed(take, found, 5).tolist() == [4, 3, 5, 5]
    assert add_disputed(take, found, 0).tolist() == take.tolist()


def test_every_claim_is_as_likely_as_any() -> None:
    found = stratify(["a"] * 30, np.zeros((30, 1), np.int8))
    image = np.repeat(np.arange(6), [1, 9, 5, 5, 5, 5])
    chosen = pick(found, np.array([10]), image, seed=1, runs=6000)
    assert all(len(set(row)) == 10 for row in chosen.tolist())
    share = np.bincount(chosen.ravel(), minlength=30) / 6000
    # each of thirty with probability 1/3; four standard errors and a half
    assert np.abs(share - 1 / 3).max() < 4.5 * np.sqrt(2 / 9 / 6000)


def test_images_repeat_only_where_there_are_too_few() -> None:
    found = stratify(["a"] * 400, np.zeros((400, 1), np.int8))
    image = np.repeat(np.arange(100), 4)
    spread = pick(found, np.array([100]), image, seed=0)[0]
    assert len(set(image[spread].tolist())) == 100
    crowded = pick(found, np.array([200]), image, seed=0)[0]
    assert len(set(image[crowded].tolist())) == 100
    assert len(set(crowded.tolist())) == 200


def test_the_seed_decides() -> None:
    found, image = strata(), np.arange(100)
    take = allocate(found.population, 30)
    assert (pick(found, take, image, 5) == pick(found, take, image, 5)).all()
    assert (pick(found, take, image, 5) != pick(found, take, image, 6)).any()
    assert np.bincount(found.code[pick(found, take, image, 5)[0]]).tolist() == take.tolist()


def test_readers_take_turns_and_some_claims_are_read_twice() -> None:
    items = assign(np.arange(100, 150), traps=12, doubled=0.2, readers=2, seed=3)
    assert items == assign(np.arange(100, 150), traps=12, doubled=0.2, readers=2, seed=3)
    claims = [item.claim for item in items if item.claim != TRAP]
    assert len(claims) == 60
    twice = {claim for claim in claims if claims.count(claim) == 2}
    assert len(twice) == 10
    assert all({item.reader for item in items if item.claim == claim} == {0, 1} for claim in twice)
    assert sorted(item.trap for item in items if item.claim == TRAP) == list(range(12))
    assert [sum(item.reader == who for item in items if item.claim == TRAP) for who in (0, 1)] == [6, 6]
    places = [at for at, item in enumerate(items) if item.claim == TRAP]
    assert places != list(range(len(items) - 12, len(items)))  # mixed in, not at the end


def test_one_reader_reads_nothing_twice() -> None:
    assert len(assign(np.arange(5), traps=2, doubled=0, readers=1, seed=0)) == 7
    with pytest.raises(UsageError, match="1 readers cannot read"):
        assign(np.arange(5), traps=2, doubled=0.2, readers=1, seed=0)
