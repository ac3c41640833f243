"""Step arithmetic of arXiv 2605.20177, and what cannot be scheduled."""

import pytest

from perceptdata.errors import UsageError
from perceptdata.trainer.core.stages import Block, Stage, cyclic, exhaustive, merged, total

PAPER = [Stage("perception", 90, 15), Stage("text", 375, 15), Stage("visual", 465, 15)]
SMALL = [Stage("a", 6, 2), Stage("b", 1, 1), Stage("c", 6, 3)]  # 3, 1 and 2 steps an epoch


def test_the_papers_steps() -> None:
    assert total(exhaustive(PAPER)) == total(cyclic(PAPER)) == 930
    assert [block.steps for block in cyclic(PAPER)[:3]] == [6, 25, 31]
    assert merged(PAPER) == Stage("merged", 930, 15)


def test_exhaustive_and_cyclic() -> None:
    assert exhaustive(SMALL) == (Block("a", None, 0, 6), Block("b", None, 6, 1), Block("c", None, 7, 6))
    assert cyclic(SMALL) == (
        Block("a", 0, 0, 3),
        Block("b", 0, 3, 1),
        Block("c", 0, 4, 2),
        Block("a", 1, 6, 3),
        Block("c", 1, 9, 2),
        Block("c", 2, 11, 2),
    )
    assert total(cyclic(SMALL)) == total(exhaustive(SMALL)) == 13
    assert exhaustive([]) == cyclic([]) == ()
    assert total(()) == 0


@pytest.mark.parametrize("stage", [Stage("x", 5, None), Stage("x", 5, 2.5), Stage("x", 5, 0.5), Stage("x", 5, 2)])
def test_a_cycle_needs_whole_epochs(stage: Stage) -> None:
    with pytest.raises(UsageError, match="stage x has 5 steps"):
        cyclic([stage])


def test_what_cannot_be_merged() -> None:
    with pytest.raises(UsageError, match=r"stages a and b have 2 and 1 epochs"):
        merged(SMALL)
    with pytest.raises(UsageError, match="stages x and x have no and no epochs"):
        merged([Stage("x", 5)])
    with pytest.raises(UsageError, match="no stage"):
        merged([])
