"""People's word on a sample and a judge's on all: shares by hand, and intervals that cover under a known truth."""

import numpy as np
import pytest

from perceptdata.diagnosis.attribution import Attribution, Labelled
from perceptdata.diagnosis.audit import audited
from perceptdata.diagnosis.measures import rate

KINDS = ("perception", "reasoning", "knowledge", "calculation", "extraction")
TRUE = (0.5, 0.2, 0.1, 0.15, 0.05)


def labelled(said: str | None, truth: str | None, count: int, start: int = 0) -> list[Labelled]:
    return [Labelled(address=f"{start + at}", group=f"g{start + at}", said=said, truth=truth) for at in range(count)]


def shares(found: Attribution) -> dict[str, float]:
    return {each.kind: each.corrected for each in found.shares if each.corrected}


def drawn(rng: np.random.Generator, many: int, read: int, knows: float) -> list[Labelled]:
    """The judge names the truth with probability `knows`, else a kind at random; the first `read` were read."""
    found = []
    for at in range(many):
        truth = KINDS[rng.choice(5, p=TRUE)]
        said = truth if rng.random() < knows else KINDS[rng.integers(5)]
        found.append(Labelled(address=str(at), group=str(at), said=said, truth=truth if at < read else None))
    return found


def test_people_alone_are_counted() -> None:
    target = [*labelled(None, "knowledge", 30), *labelled(None, "none", 10, 30), *labelled(None, None, 60, 100)]
    found = audited(target)
    assert (found.basis, found.wrong, found.unjudged, found.enough) == ("said by people", 100, 60, True)
    assert shares(found) == {"knowledge": 0.75, "none": 0.25}
    (knowledge,) = (each for each in found.shares if each.kind == "knowledge")
    by_hand = rate([1.0] * 30 + [0.0] * 10, [str(at) for at in range(40)])
    assert (knowledge.low, knowledge.high) == (by_hand.low, by_hand.high)


def test_a_judge_on_all_by_hand() -> None:
    # Of 40 that were read 24 are perception, and the judge names 20 of these and 4 of the 16 others so; of the 60 that
    # were not read it names 48. cov = 20/40 - .6 · .6 = .14 and var = .6 · .4 = .24 (n times, for each of two kinds);
    # λ = .14 / .24 / (1 + 40/60) = .35; the share is .6 + .35 · (.8 - .6) = .67
    target = [
        *labelled("perception", "perception", 20),
        *labelled("reasoning", "perception", 4, 20),
        *labelled("perception", "reasoning", 4, 24),
        *labelled("reasoning", "reasoning", 12, 28),
        *labelled("perception", None, 48, 100),
        *labelled("reasoning", None, 12, 200),
    ]
    found = audited(target)
    assert shares(found) == {"perception": pytest.approx(0.67), "reasoning": pytest.approx(0.33)}
    assert found.confusion == {
        "perception": {"perception": 20, "reasoning": 4},
        "reasoning": {"perception": 4, "reasoning": 12},
    }
    assert found.accuracy is not None
    assert found.accuracy.value == 0.8
    assert found.shares[0].said == pytest.approx(0.72)
    knowledge = found.shares[2]
    assert (knowledge.corrected, knowledge.low) == (0.0, 0.0)
    assert knowledge.high is not None
    assert 0.05 < knowledge.high < 0.12  # Wilson's for 0 of 40


def test_a_judge_who_knows_nothing_changes_nothing() -> None:
    target = [
        *labelled("knowledge", "perception", 20),
        *labelled("knowledge", "reasoning", 20, 20),
        *labelled("knowledge", None, 500, 100),
    ]
    assert shares(audited(target)) == {"perception": 0.5, "reasoning": 0.5}
    assert shares(audited(target[:40])) == {"perception": 0.5, "reasoning": 0.5}  # everything was read


@pytest.mark.parametrize("knows", [0.0, 0.6, 1.0])
def test_intervals_cover_and_a_good_judge_makes_them_short(knows: float) -> None:
    rng = np.random.default_rng(7)
    hits = counted = 0
    width = {"people": 0.0, "both": 0.0}
    for again in range(24):
        target = drawn(rng, 400, 60, knows)
        both, people = audited(target, again), audited([each.model_copy(update={"said": None}) for each in target])
        for one, other, true in zip(both.shares, people.shares, TRUE, strict=True):
            assert one.low is not None
            assert one.high is not None
            assert other.low is not None
            assert other.high is not None
            hits += one.low <= true <= one.high
            counted += 1
            width["both"] += one.high - one.low
            width["people"] += other.high - other.low
    assert hits / counted >= 0.9
    ratio = width["both"] / width["people"]
    assert ratio < {0.0: 1.03, 0.6: 0.9, 1.0: 0.5}[knows]
