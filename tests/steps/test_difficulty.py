"""Difficulty: pass rates by hand, unscored with a reason, and the orders that views make of them."""

from pathlib import Path
from typing import Any

import pytest
from curation.cards import known, run
from toys import card, write_lines

from perceptdata.errors import UsageError
from perceptdata.trainer.core.curriculum import Row, arrange
from perceptdata.view import View, ViewSpec
from perceptdata.workspace import Workspace

pytestmark = pytest.mark.usefixtures("with_toys")
STAGE_OF = ("perception", "textual_reasoning", "visual_reasoning")
RIGHT = {0: 4, 1: 0, 2: 2, 3: 2, 4: 1, 5: 3, 6: 2, 7: 4, 8: 2}  # of four tries
CAPABILITY = {"perception": 0, "textual_reasoning": 1, "visual_reasoning": 2}


def tried(number: int, tries: int = 4) -> dict[str, Any]:
    texts = [{"text": f"{number if at < RIGHT[number] else 99}"} for at in range(tries)]
    return card(number, stage=STAGE_OF[number % 3], responses=texts)


@pytest.fixture
def ws(tmp_path: Path) -> Workspace:
    rows = [*map(tried, RIGHT), card(20, stage="perception")]
    for start in (0, 4, 8):
        write_lines(tmp_path / "cards" / f"{start}.jsonl", rows[start : start + 4])
    made = Workspace.create(tmp_path / "ws")
    run(made, "cards", "build", use="toy_cards", path=tmp_path / "cards")
    run(made, "pass", "score", **{"from": "cards"})
    return made


def test_it_is_the_share_of_right_tries(ws: Workspace) -> None:
    outcome = run(ws, "hard", "difficulty", **{"from": "pass"})
    assert outcome.made == {"layers/scores": 10}
    found = known(ws, "hard")
    assert {number: found[number]["value"] for number in RIGHT} == {
        number: right / 4 for number, right in RIGHT.items()
    }
    assert found[2]["meta"] == {"tries": 4, "judged": 4}
    assert (found[20]["value"], found[20]["unscored"]) == (None, "difficulty.no_try")


def test_too_few_tries_are_no_measure(ws: Workspace) -> None:
    run(ws, "hard", "difficulty", least=5, **{"from": "pass"})
    found = known(ws, "hard")
    assert (found[2]["value"], found[2]["unscored"]) == (None, "difficulty.too_few")


def test_it_needs_scores(ws: Workspace) -> None:
    run(ws, "tags", "tag", use="toy_words")
    with pytest.raises(UsageError, match="step 'tags' has no scores"):
        run(ws, "hard", "difficulty", **{"from": "tags"})


def places(ws: Workspace, **spec: Any) -> list[int]:
    found = View(ws, "v", ViewSpec(where="hard.n = 1", **spec)).rows.column("example_id").to_pylist()
    return [int(each.rpartition("/")[2]) for each in found]


@pytest.mark.parametrize(
    ("order", "difficulty", "capability"),
    [
        ("difficulty", True, False),
        ("capability+difficulty", True, True),
        ("capability+random", False, True),
        ("random", False, False),
    ],
)
def test_the_four_arms_of_the_curriculum(ws: Workspace, order: str, difficulty: bool, capability: bool) -> None:
    """As the trainer's own arrangement, but for how ties fall: each place has the same rate and stage."""
    run(ws, "hard", "difficulty", **{"from": "pass"})
    rows = [Row(str(number), CAPABILITY[STAGE_OF[number % 3]], RIGHT[number] / 4) for number in RIGHT]
    expected = [rows[at] for at in arrange(rows, difficulty, capability)]
    made = [rows[number] for number in places(ws, order=order)]
    assert sorted(made) == sorted(rows)
    if difficulty:
        assert [row.pass_rate for row in made] == [row.pass_rate for row in expected]
    if capability:
        assert [row.stage for row in made] == [row.stage for row in expected]
    draws = {tuple(places(ws, order=order, seed=seed)) for seed in range(6)}
    assert len(draws) > 1  # ties, and all where nothing else orders them, fall by the seed
    assert places(ws, order=order, seed=5) == places(ws, order=order, seed=5)


def test_hardest_first(ws: Workspace) -> None:
    run(ws, "hard", "difficulty", **{"from": "pass"})
    assert [RIGHT[number] for number in places(ws, order="difficulty desc")] == sorted(RIGHT.values())


def test_the_view_follows_the_rates(ws: Workspace) -> None:
    with pytest.raises(UsageError, match="needs pass rates"):
        View(ws, "v", ViewSpec(order="difficulty")).fingerprint  # noqa: B018
    run(ws, "hard", "difficulty", **{"from": "pass"})
    before = View(ws, "v", ViewSpec(order="difficulty")).fingerprint
    run(ws, "hard", "difficulty", least=4, **{"from": "pass"})
    assert View(ws, "v", ViewSpec(order="difficulty")).fingerprint != before
    run(ws, "harder", "difficulty", **{"from": "pass"})
    with pytest.raises(UsageError, match=r"by hard or harder; say which: order: hard\.rate desc"):
        View(ws, "v", ViewSpec(order="capability+difficulty")).fingerprint  # noqa: B018
    assert View(ws, "v", ViewSpec(order="hard.rate desc")).fingerprint
