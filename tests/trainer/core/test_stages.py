"""Step arithmetic of arXiv 2605.20177, orders, and where a run goes on."""

import pytest

from perceptdata.errors import UsageError
from perceptdata.trainer.core.stages import (
    DAMPED,
    Block,
    Place,
    Settings,
    Stage,
    cyclic,
    exhaustive,
    locate,
    merged,
    orders,
    total,
)

# 3,300 perception, 13,000 text and 16,195 visual examples: 6 + 25 + 31 steps an epoch at 512
PAPER = [
    Stage("perception", 3300, 512, 15),
    Stage("text", 13_000, 512, 15, train=("projector", "language", "head"), settings=DAMPED),
    Stage("visual", 16_195, 512, 15),
]
SMALL = [Stage("a", 7, 2, 2), Stage("b", 4, 4, 1), Stage("c", 9, 4, 3)]  # 3, 1 and 2 steps an epoch


def test_the_papers_steps() -> None:
    assert [stage.steps_per_epoch for stage in PAPER] == [6, 25, 31]
    assert [stage.steps for stage in PAPER] == [90, 375, 465]
    assert total(exhaustive(PAPER)) == total(cyclic(PAPER)) == 930


def test_the_merged_baseline_has_as_many_steps() -> None:
    # 32,495 rows would be 63 whole batches: what the stages leave over must not become a step
    mixed = merged(PAPER)
    assert (mixed.steps_per_epoch, mixed.steps, mixed.rows) == (62, 930, 31_744)
    assert total(exhaustive([mixed])) == 930
    assert mixed.settings == Settings()


def test_exhaustive_and_cyclic() -> None:
    a, b, c = SMALL
    assert exhaustive(SMALL) == (
        Block(a, 0, 0, 3),
        Block(a, 1, 3, 3),
        Block(b, 0, 6, 1),
        Block(c, 0, 7, 2),
        Block(c, 1, 9, 2),
        Block(c, 2, 11, 2),
    )
    assert [(block.stage.name, block.epoch) for block in cyclic(SMALL)] == [
        *[("a", 0), ("b", 0), ("c", 0)],
        *[("a", 1), ("c", 1), ("c", 2)],
    ]
    assert total(cyclic(SMALL)) == total(exhaustive(SMALL)) == 13
    assert exhaustive([]) == cyclic([]) == ()
    assert total(()) == 0


def test_every_order() -> None:
    found = ["".join(stage.name for stage in order) for order in orders(SMALL)]
    assert found == ["abc", "acb", "bac", "bca", "cab", "cba"]


@pytest.mark.parametrize("make", [exhaustive, cyclic])
def test_every_step_has_one_place(make: type) -> None:
    plan = make(SMALL)
    places = [locate(plan, step) for step in range(total(plan))]
    assert places == [Place(at, done) for at, block in enumerate(plan) for done in range(block.steps)]
    assert locate(plan, total(plan)) is None
    for step in (-1, total(plan) + 1):
        with pytest.raises(UsageError, match="another plan"):
            locate(plan, step)


def test_damping_is_the_papers() -> None:
    assert (DAMPED.learning_rate, DAMPED.kl, DAMPED.clip_low, DAMPED.clip_high) == (3e-7, 5e-2, 0.15, 0.15)
    assert (DAMPED.grad_norm, DAMPED.warmup) == (0.5, 0.05)
    assert (Settings().learning_rate, Settings().kl, Settings().grad_norm) == (1e-6, 1e-2, 1.0)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"rows": 511}, "511 rows do not fill one batch of 512"),
        ({"epochs": 0}, "epochs 0"),
        ({"batch": 0}, "batch is 0"),
        ({"train": ()}, "trains"),
        ({"train": ("tower",)}, "'tower'"),
    ],
)
def test_senseless_stages_are_refused(options: dict, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        Stage(**{"name": "one", "rows": 1000, "batch": 512} | options)


def test_what_cannot_be_merged() -> None:
    with pytest.raises(UsageError, match="a and b differ"):
        merged(SMALL)
    with pytest.raises(UsageError, match="no stage"):
        merged([])
