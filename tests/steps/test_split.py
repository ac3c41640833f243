"""Split: shares by whole groups; no group and no near duplicate crosses; what is there keeps its side."""

from pathlib import Path

import pytest
from curation.cards import built, known, run
from toys import card, write_lines

from perceptdata.errors import UsageError
from perceptdata.view import View, ViewSpec
from perceptdata.workspace import Workspace

pytestmark = pytest.mark.usefixtures("with_toys")
INTO = {"train": 0.5, "test": 0.5}


@pytest.fixture
def ws(tmp_path: Path) -> Workspace:
    made = built(tmp_path)
    run(made, "near", "dedup")
    return made


def sides(ws: Workspace, step: str = "sides") -> dict[int, str]:
    return {number: row["meta"]["split"] for number, row in known(ws, step).items()}


def test_no_group_and_no_near_duplicate_crosses(ws: Workspace) -> None:
    """Over many draws; without the clusters some of them would tear near duplicates apart."""
    clusters = {number: row["meta"].get("cluster", number) for number, row in known(ws, "near").items()}
    groups = {int(row["id"].rpartition("/")[2]): row["group"] for row in ws.examples().to_table().to_pylist()}
    torn = 0
    for seed in range(8):
        run(ws, "sides", "split", into=INTO, seed=seed, **{"from": "near"})
        drawn = sides(ws)
        for together in (clusters, groups):
            assert len({(together[number], side) for number, side in drawn.items()}) == len(set(together.values()))
        run(ws, "loose", "split", into=INTO, seed=seed)
        loose = sides(ws, "loose")
        torn += len({(clusters[number], side) for number, side in loose.items()}) > len(set(clusters.values()))
    assert torn > 0


def test_a_view_takes_the_sides(ws: Workspace) -> None:
    run(ws, "sides", "split", into=INTO, seed=3, **{"from": "near"})
    view = View(ws, "v", ViewSpec(splits="sides", where="near.kept"))
    drawn = sides(ws)
    for row in view.rows.to_pylist():
        assert row["split"] == drawn[int(row["example_id"].rpartition("/")[2])]
    before = view.fingerprint
    run(ws, "sides", "split", into=INTO, seed=4, **{"from": "near"})
    assert View(ws, "v", ViewSpec(splits="sides", where="near.kept")).fingerprint != before
    with pytest.raises(UsageError, match="there is no split step 'near'"):
        len(View(ws, "w", ViewSpec(splits="near")))


def test_shares_hold_and_rows_keep_their_side(tmp_path: Path) -> None:
    """2,000 groups at 0.8: the standard error is 18 rows."""
    write_lines(tmp_path / "cards" / "a.jsonl", [card(number) for number in range(2000)])
    ws = Workspace.create(tmp_path / "ws")
    run(ws, "cards", "build", use="toy_cards", path=tmp_path / "cards")
    run(ws, "sides", "split", into={"train": 0.8, "test": 0.2})
    drawn = sides(ws)
    assert abs(sum(side == "train" for side in drawn.values()) - 1600) < 72
    write_lines(tmp_path / "more" / "a.jsonl", [card(number) for number in range(2000, 2100)])
    run(ws, "more", "build", use="toy_cards", path=tmp_path / "more")
    run(ws, "sides", "split", into={"train": 0.8, "test": 0.2})
    again = sides(ws)
    assert len(again) == 2100
    assert {number: again[number] for number in drawn} == drawn
    # The same draw as a view's own fractions, where nothing joins groups.
    fractions = View(ws, "f", ViewSpec(splits={"train": 0.8, "test": 0.2}))
    assert (
        fractions.rows.column("split").to_pylist()
        == View(ws, "s", ViewSpec(splits="sides")).rows.column("split").to_pylist()
    )


def test_it_wants_a_dedup_step_that_is_done(ws: Workspace) -> None:
    with pytest.raises(UsageError, match="'cards' is no finished dedup step"):
        run(ws, "sides", "split", into=INTO, **{"from": "cards"})
    with pytest.raises(UsageError, match="into"):
        run(ws, "sides", "split", into={"a b": 1.0})
