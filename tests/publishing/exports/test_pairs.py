"""Right against wrong perception of the same example, in each trainer's shape."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from publishing.exports.conftest import lines, view
from rewards.scenes import FAMILY

from perceptdata import registry
from perceptdata.errors import UsageError
from perceptdata.publishing.exports import pairs
from perceptdata.publishing.exports.pairs import Pairs
from perceptdata.workspace import Workspace

FORM = "describe_think_boxed"
TRAINERS = ("trl", "ms_swift", "llama_factory")


def perceives(row: dict[str, Any], response: str) -> float:
    """The oracle: does the description state the facts."""
    description = response.split("<description>")[1].split("</description>")[0]
    scene = FAMILY.parse(row["facts"])
    assert scene is not None
    return FAMILY.check_perception(description, scene)


def texts(trainer: str, row: dict[str, Any]) -> tuple[str, str]:
    """Chosen and rejected of a DPO row."""
    if trainer == "trl":
        return row["chosen"][0]["content"][0]["text"], row["rejected"][0]["content"][0]["text"]
    if trainer == "ms_swift":
        return row["messages"][-1]["content"], row["rejected_response"]
    return row["chosen"]["value"], row["rejected"]["value"]


def rows_of(folder: Path) -> list[dict[str, Any]]:
    path = folder / "train.parquet"
    return pq.read_table(path).to_pylist() if path.exists() else lines(folder / "train.jsonl")


@pytest.mark.parametrize("trainer", TRAINERS)
def test_the_family_tells_right_from_wrong(scene_ws: Workspace, tmp_path: Path, trainer: Any) -> None:
    Pairs(trainer=trainer, responses="cards", format=FORM).export(view(scene_ws), tmp_path / "out")
    own = {row["id"]: row for row in view(scene_ws)}
    rows = rows_of(tmp_path / "out")
    said = {example: [] for example in own}
    for row in view(scene_ws, text="cards"):
        said[row["id"]].append(row["response"])
    mixed = [example for example, all_ in said.items() if len({perceives(own[example], text) for text in all_}) == 2]
    assert [row["id"] for row in rows] == mixed
    assert len(mixed) > 4
    for row in rows:
        chosen, rejected = texts(trainer, row)
        assert (perceives(own[row["id"]], chosen), perceives(own[row["id"]], rejected)) == (1.0, 0.0)
        assert {chosen, rejected} <= set(said[row["id"]])
        assert len(row["images"]) == 1
        assert row["why"].startswith(f"perception 1 ({row['id']}#cards/")
        assert row["why"].endswith("by the scene")
    record = json.loads((tmp_path / "out" / "export.json").read_text())
    assert record["rows"] + record["skipped"].get("export.no_pair", 0) == 8


@pytest.mark.parametrize("trainer", TRAINERS)
def test_kto_has_both_sides_of_each_pair(scene_ws: Workspace, tmp_path: Path, trainer: Any) -> None:
    options = {"trainer": trainer, "responses": "cards", "format": FORM}
    Pairs(**options).export(view(scene_ws), tmp_path / "dpo")
    Pairs(**options, task="kto").export(view(scene_ws), tmp_path / "kto")
    rows = rows_of(tmp_path / "kto")
    assert [row["label"] for row in rows] == [True, False] * len(rows_of(tmp_path / "dpo"))
    spoken = {
        "trl": lambda row: row["completion"][0]["content"][0]["text"],
        "ms_swift": lambda row: row["messages"][-1]["content"],
        "llama_factory": lambda row: row["conversations"][-1]["value"],
    }[trainer]
    flat = [text for row in rows_of(tmp_path / "dpo") for text in texts(trainer, row)]
    assert [spoken(row) for row in rows] == flat


def test_scores_of_a_step_tell_right_from_wrong(scored_ws: Workspace, tmp_path: Path) -> None:
    Pairs(trainer="ms_swift", responses="cards", scores="cards").export(view(scored_ws), tmp_path / "out")
    (row,) = rows_of(tmp_path / "out")
    assert "\\boxed{1}" in row["messages"][-1]["content"]
    assert "\\boxed{2}" in row["rejected_response"]
    assert row["why"] == (
        "perception 1 (cards/train/1#cards/0) against 0 (cards/train/1#cards/1), by score cards.correct"
    )


def test_more_pairs_an_example(scene_ws: Workspace) -> None:
    one = Pairs(responses="cards", format=FORM).plan(view(scene_ws)).rows
    assert Pairs(responses="cards", format=FORM, per_example=3).plan(view(scene_ws)).rows > one


def test_a_view_of_samples_is_taken_as_it_is(scene_ws: Workspace) -> None:
    sampled = view(scene_ws, text="cards", order="random")
    assert Pairs(format=FORM).plan(sampled).rows == Pairs(responses="cards", format=FORM).plan(view(scene_ws)).rows


def test_llama_factory_is_told_that_rows_are_ranked(scene_ws: Workspace, tmp_path: Path) -> None:
    Pairs(trainer="llama_factory", responses="cards", format=FORM).export(view(scene_ws), tmp_path / "dpo")
    entry = json.loads((tmp_path / "dpo" / "dataset_info.json").read_text())["chosen_train"]
    assert (entry["ranking"], entry["columns"]["chosen"]) == (True, "chosen")
    assert "stage: dpo" in (tmp_path / "dpo" / "train_dpo.yaml").read_text()
    Pairs(trainer="llama_factory", task="kto", responses="cards", format=FORM).export(view(scene_ws), tmp_path / "kto")
    entry = json.loads((tmp_path / "kto" / "dataset_info.json").read_text())["chosen_train"]
    assert entry["columns"]["kto_tag"] == "label"
    assert "ranking" not in entry


def test_what_cannot_be_paired_says_why(scene_ws: Workspace, scored_ws: Workspace, talk_ws: Workspace) -> None:
    with pytest.raises(UsageError, match=r"one response an example.*--set responses=cot"):
        Pairs().plan(view(talk_ws))
    with pytest.raises(UsageError, match="none is both"):
        Pairs(right=0.5, wrong=0.5).plan(view(scene_ws, text="cards"))
    with pytest.raises(UsageError, match=r"export\.no_score .*no family knows its scene"):
        Pairs(responses="cards").plan(view(scored_ws))
    with pytest.raises(UsageError, match="wrote no score 'perception' of texts"):
        Pairs(responses="cards", scores="cards", score="perception").plan(view(scored_ws))
    with pytest.raises(UsageError, match=r"export\.no_pair .*0 right and 2 wrong of 2"):
        Pairs(responses="cards", scores="cards", right=2.0, wrong=1.0).plan(view(scored_ws))


def test_all_samples_of_an_example_come_in_one_batch(scene_ws: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    sampled = view(scene_ws, text="cards", order="random")
    ids = sampled.rows.column("example_id").to_pylist()
    first = list(dict.fromkeys(ids))
    for chunk in (4, 6, 13, 256):  # smaller than an example, one, between two and three, all
        monkeypatch.setattr(pairs, "CHUNK", chunk)
        batches = list(pairs._batches(sampled, "train"))
        assert sorted(np.concatenate(batches).tolist()) == list(range(len(ids)))
        groups = [list(dict.fromkeys(ids[at] for at in batch)) for batch in batches]
        assert [name for group in groups for name in group] == first
        assert all(len(batch) <= max(chunk, 6) for batch in batches)


def test_nobody_else_is_needed_to_find_it() -> None:
    assert registry.load("exporters", "pairs") is Pairs
