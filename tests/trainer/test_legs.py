"""From a plan to its runs: rows, orders and steps."""

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from perceptdata.errors import UsageError
from perceptdata.trainer.core.curriculum import Row
from perceptdata.trainer.legs import Chosen, choose, lay_out
from perceptdata.trainer.plan import Plan
from perceptdata.trainer.rows import read_rows

Tiny = Callable[[str], Path]
NAMES = ("perception", "textual_reasoning", "visual_reasoning")
# arXiv 2605.20177: 6, 25 and 31 whole batches of 512 prompts; 512 x 5 rollouts are 8 devices x 4 x 80
COUNTS = dict(zip(NAMES, (3300, 13_000, 16_195), strict=True))
PAPER = {"epochs": 15, "batch": 4, "accumulate": 80}
DEVICES = 8


def plan(**more: Any) -> Plan:
    stages = [{"name": name} for name in NAMES]
    declared = {"model": "m", "rows": "view", "out": "out", "method": "seeing_to_thinking", "options": PAPER}
    return Plan.of({**declared, "stages": stages, **more})


def counted(counts: Mapping[str, int] = COUNTS) -> dict[str, Chosen]:
    """Rows that exist as numbers alone, one stage behind the other in the view."""
    found, first = {}, 0
    for rank, (name, count) in enumerate(counts.items()):
        places = range(first, first + count)
        found[name] = Chosen(tuple(places), tuple(Row(str(place), rank) for place in places), count, {"bad": 1})
        first += count
    return found


def test_the_papers_steps() -> None:
    legs = lay_out(plan(), counted(), DEVICES)
    assert [leg.steps for leg in legs] == [15 * 6, 15 * 25, 15 * 31]
    assert sum(leg.steps for leg in legs) == 930
    assert [leg.name for leg in legs] == ["1-perception", "2-textual_reasoning", "3-visual_reasoning"]
    assert [leg.model for leg in legs] == ["m", "out/1-perception/model", "out/2-textual_reasoning/model"]
    assert [leg.rows for leg in legs] == list(COUNTS.values())
    assert [leg.method.planned_steps(leg.rows, DEVICES) for leg in legs] == [leg.steps for leg in legs]


def test_the_papers_four_updates_a_rollout_batch() -> None:
    """The paper counts rollout batches; its mini-batches of 128 prompts make four optimiser steps of each."""
    legs = lay_out(plan(options={**PAPER, "accumulate": 20, "updates": 4}), counted(), DEVICES)
    assert sum(leg.steps for leg in legs) == 4 * 930


def test_a_cycle_is_an_epoch_of_each() -> None:
    legs = lay_out(plan(schedule="cyclic", options={**PAPER, "epochs": 2, "seed": 3}), counted(), DEVICES)
    assert [(leg.stage, leg.steps) for leg in legs] == 2 * list(zip(NAMES, (6, 25, 31), strict=True))
    assert [leg.method.seed for leg in legs] == [3, 3, 3, 4, 4, 4]
    assert all(leg.method.planned_steps(leg.rows, DEVICES) == leg.steps for leg in legs)
    assert legs[3].name == "4-perception"
    assert legs[3].model == "out/3-visual_reasoning/model"
    every = lay_out(plan(schedule="cyclic"), counted(), DEVICES)
    assert (len(every), sum(leg.steps for leg in every), every[0].name) == (45, 930, "01-perception")


def test_merged_has_as_many_steps() -> None:
    """32,495 rows alone would be 63 whole batches an epoch."""
    (leg,) = lay_out(plan(schedule="merged"), counted(), DEVICES)
    assert (leg.name, leg.steps, leg.rows, leg.rejected) == ("merged", 930, 32_495, {"bad": 3})
    assert leg.method.planned_steps(leg.rows, DEVICES) == 930
    assert sorted(leg.places) == list(range(32_495))
    assert (leg.model, leg.out) == ("m", Path("out/merged"))


def test_merged_stages_must_not_share_rows() -> None:
    chosen = counted(dict.fromkeys(NAMES, 600))
    with pytest.raises(UsageError, match="two stages share rows"):
        lay_out(plan(schedule="merged"), {**chosen, "perception": chosen["visual_reasoning"]}, DEVICES)


def test_another_order_begins_elsewhere() -> None:
    legs = lay_out(plan(order=["visual_reasoning", "perception"]), counted(), DEVICES)
    assert [(leg.name, leg.steps) for leg in legs] == [("1-visual_reasoning", 465), ("2-perception", 90)]
    assert [leg.model for leg in legs] == ["m", "out/1-visual_reasoning/model"]


def test_a_stage_can_begin_with_a_model_of_its_own() -> None:
    stages = [{"name": "perception"}, {"name": "visual_reasoning", "model": "other"}]
    assert [leg.model for leg in lay_out(plan(stages=stages), counted(), DEVICES)] == ["m", "other"]


RATES = {"p0": 0.1, "p1": 0.9, "v0": 1.0, "v1": 0.5}


@pytest.mark.parametrize(
    ("curriculum", "order"),
    [
        ({"difficulty": "meta.rate"}, ["v0", "p1", "v1", "p0"]),
        ({"difficulty": "meta.rate", "capability": True}, ["p1", "p0", "v0", "v1"]),
        ({"capability": True}, ["p1", "p0", "v0", "v1"]),  # ties by SHA-256 of seed and name
        ({"capability": True, "seed": 1}, ["p1", "p0", "v1", "v0"]),
        ({"seed": 1}, ["v1", "p1", "p0", "v0"]),
        (None, ["v1", "p0", "v0", "p1"]),  # the view's; the trainer shuffles it
    ],
)
def test_the_four_arms(curriculum: dict[str, Any] | None, order: list[str]) -> None:
    names = ["v1", "p0", "v0", "p1"]  # as they lie in the view
    chosen = {
        stage: Chosen(places, tuple(Row(names[at], rank, RATES[names[at]]) for at in places), 2, {})
        for rank, (stage, places) in enumerate({"perception": (1, 3), "visual_reasoning": (0, 2)}.items())
    }
    stages = [{"name": name} for name in chosen]
    found = plan(method="sft", options={}, stages=stages, schedule="merged", curriculum=curriculum)
    (leg,) = lay_out(found, chosen)
    assert [names[place] for place in leg.places] == order
    assert leg.method.order == ("random" if curriculum is None else "view")


@pytest.fixture
def real(tiny: Tiny, cards: Path) -> dict[str, Any]:
    return {"model": str(tiny("qwen3_vl")), "rows": str(cards), "method": "sft", "options": {"epochs": 1}}


def test_rows_are_chosen_by_stage_and_counted_as_they_can_be_trained_on(real: dict[str, Any], cards: Path) -> None:
    chosen = choose(plan(**real))
    assert {name: (len(each.places), each.kept) for name, each in chosen.items()} == {
        "perception": (4, 3),
        "textual_reasoning": (4, 4),
        "visual_reasoning": (4, 4),
    }
    assert chosen["perception"].rejected == {"text.missing": 1}
    stages = read_rows(cards)["stage"]
    assert {stages[place] for place in chosen["perception"].places} == {"perception"}
    known = {name: {"kept": 7, "rejected": {}} for name in chosen}
    assert choose(plan(**real), known)["perception"].kept == 7


def test_a_stage_with_rows_of_its_own_takes_them_all(real: dict[str, Any], graphs: Path) -> None:
    own = {"name": "own", "rows": str(graphs)}
    assert len(choose(plan(**real, stages=[own]))["own"].places) == len(read_rows(graphs))


def rewritten(view: Path, to: Path, change: Callable[[pa.Table], pa.Table]) -> Path:
    """A copy of an exported view with another table in it."""
    shutil.copytree(view, to)
    (path,) = (to / "data").glob("*.parquet")
    pq.write_table(change(pq.read_table(path)), path)
    return to


def test_a_stage_without_rows_is_refused(real: dict[str, Any], cards: Path, tmp_path: Path) -> None:
    view = rewritten(cards, tmp_path / "view", lambda table: table.filter(pc.field("stage") != "perception"))
    with pytest.raises(
        UsageError, match=r"stage perception has no rows in .*: it has textual_reasoning 4, visual_reasoning 4"
    ):
        choose(plan(**{**real, "rows": str(view)}))


def test_pass_rates_from_a_file(real: dict[str, Any], cards: Path, tmp_path: Path) -> None:
    path = tmp_path / "rates.json"
    found = plan(**real, curriculum={"difficulty": str(path)}, stages=[{"name": "visual_reasoning"}])
    ids = [row["id"] for row in read_rows(cards) if row["stage"] == "visual_reasoning"]
    path.write_text(json.dumps([{"id": each, "pass_rate": at / 4} for at, each in enumerate(ids)]))
    (leg,) = lay_out(found, choose(found))
    assert [read_rows(cards)[place]["id"] for place in leg.places] == ids[::-1]  # easy rows first
    path.write_text(json.dumps([{"id": ids[0], "pass_rate": 0.5}]))
    with pytest.raises(UsageError, match="has the pass rate None; measure difficulty first"):
        lay_out(found, choose(found))
    path.write_text("{}x")
    with pytest.raises(UsageError, match=r"is neither meta.KEY nor a JSON file .* perceptdata sql"):
        choose(found)


def test_pass_rates_from_the_rows(real: dict[str, Any], cards: Path, tmp_path: Path) -> None:
    def rate(table: pa.Table) -> pa.Table:
        metas = pa.array([json.dumps({"rate": at / 20}) for at in range(len(table))])
        return table.set_column(table.column_names.index("meta"), "meta", metas)

    view = rewritten(cards, tmp_path / "view", rate)
    ours = {**real, "rows": str(view), "stages": [{"name": "visual_reasoning"}]}
    found = plan(**ours, curriculum={"difficulty": "meta.rate"})
    (leg,) = lay_out(found, choose(found))
    assert list(leg.places) == sorted(leg.places, reverse=True)
    found = plan(**ours, curriculum={"difficulty": "meta.other"})
    with pytest.raises(UsageError, match="has the pass rate None"):
        lay_out(found, choose(found))
