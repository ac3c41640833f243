"""The reward file beside an export: our checkers on the spot, or the server, in each trainer's signature."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pyarrow.parquet as pq
import pytest
from publishing.exports.conftest import lines, view
from rewards.running import Running
from rewards.scenes import written

from perceptdata.errors import UsageError
from perceptdata.publishing.exports.beside import reward
from perceptdata.publishing.exports.certified import RewardedExport
from perceptdata.publishing.exports.easyr1 import EasyR1
from perceptdata.publishing.exports.gold import example_of
from perceptdata.publishing.exports.ms_swift import MsSwift
from perceptdata.publishing.exports.trl import Trl
from perceptdata.publishing.exports.verl import Verl
from perceptdata.registry import make
from perceptdata.rewards.pool import Pool, Serving
from perceptdata.workspace import Workspace

FORM = "describe_think_boxed"
Rewards = dict[str, Callable[..., Any]]


def exported(ws: Workspace, exporter: Any, folder: Path) -> tuple[list[dict[str, Any]], Rewards]:
    """The rows and the functions of the reward file, as a trainer gets them."""
    exporter.export(view(ws, where="stage = 'visual_reasoning'"), folder)
    path = folder / "train.parquet"
    rows = pq.read_table(path).to_pylist() if path.exists() else lines(folder / "train.jsonl")
    space: dict[str, Any] = {"__name__": "reward"}
    # Under the name of the file that it is a copy of, so that a traceback and the coverage speak of that.
    exec(compile((folder / "reward.py").read_text(), reward.__file__, "exec"), space)
    return rows, space


def responses(row: dict[str, Any], facts: str) -> list[str]:
    """Right, right without perception, wrong, and none."""
    answer = json.loads(row["gold"])["answer"]["text"]
    return [written(facts, answer), written("nothing", answer), written(facts, "1"), ""]


def test_verl_one_by_one_and_together(scene_ws: Workspace, tmp_path: Path) -> None:
    rows, space = exported(scene_ws, Verl(format=FORM), tmp_path / "out")
    info = rows[0]["extra_info"]
    said = responses(info, info["facts"])
    weights = {"outcome": 0.5, "format": 0.1, "perception": 0.4}
    one = [
        space["for_verl"](
            data_source="x", solution_str=text, ground_truth="x", extra_info={**info, "num_turns": 1}, **weights
        )
        for text in said
    ]
    assert [each["score"] for each in one] == pytest.approx([1.0, 0.6, 0.5, 0.0])
    assert [each["perception"] for each in one] == [1.0, 0.0, 1.0, 0.0]
    every = space["for_verl"](
        data_sources=["x"] * 4, solution_strs=said, ground_truths=["x"] * 4, extra_infos=[info] * 4, **weights
    )
    assert every == one
    by_default = space["for_verl"](data_source="x", solution_str=said[2], ground_truth="x", extra_info=info)
    assert (by_default["score"], set(by_default)) == (pytest.approx(0.1), {"score", "scored", "outcome", "format"})


def test_easyr1_reads_the_record_out_of_the_ground_truth(scene_ws: Workspace, tmp_path: Path) -> None:
    rows, space = exported(scene_ws, EasyR1(format=FORM), tmp_path / "out")
    gold = json.loads(rows[0]["answer"])
    said = responses({"gold": rows[0]["answer"]}, gold["facts"])
    inputs = [{"response": text, "response_length": 9, "ground_truth": rows[0]["answer"]} for text in said]
    found = space["for_easyr1"](inputs, outcome=0.6, perception=0.4)
    assert [each["overall"] for each in found] == pytest.approx([1.0, 0.6, 0.4, 0.0])
    with pytest.raises(ValueError, match="export with ground_truth=record"):
        space["for_easyr1"]([{"response": "x", "ground_truth": "42"}])


def test_trl_and_ms_swift_get_columns_by_name(
    scene_ws: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows, space = exported(scene_ws, Trl(task="grpo", format=FORM), tmp_path / "trl")
    said = responses(rows[0], rows[0]["facts"])
    columns = {"gold": [rows[0]["gold"]] * 4, "facts": [rows[0]["facts"]] * 4, "id": [rows[0]["id"]] * 4}
    chats = [[{"role": "assistant", "content": text}] for text in said]
    assert space["for_trl"](prompts=[], completions=chats, **columns) == pytest.approx([1.0, 1.0, 0.1, 0.0])
    blocks = [[{"role": "assistant", "content": [{"type": "text", "text": text}]}] for text in said]
    assert space["for_trl"](completions=blocks, **columns) == space["for_trl"](completions=chats, **columns)

    swift: Any = ModuleType("swift.rewards")
    swift.ORM, swift.orms = object, {}
    monkeypatch.setitem(sys.modules, "swift", ModuleType("swift"))
    monkeypatch.setitem(sys.modules, "swift.rewards", swift)
    exported(scene_ws, MsSwift(task="grpo", format=FORM), tmp_path / "swift")
    found = swift.orms["perceptdata"]()(said, solution=["x"] * 4, **columns)
    assert found == pytest.approx([1.0, 1.0, 0.1, 0.0])


def test_with_an_address_the_server_is_asked(
    scene_ws: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows, space = exported(scene_ws, Verl(format=FORM), tmp_path / "out")
    info = rows[0]["extra_info"]
    said = responses(info, info["facts"])
    serving = Serving(scene_ws.path, "visual_reasoning", make("formats", FORM), {"outcome": 1.0}, {"consensus": 0.5})
    with Pool(serving, 1) as pool:
        server = Running(pool, token="sesame")
        monkeypatch.setenv("PERCEPTDATA_REWARDS", server.url)
        monkeypatch.setenv("PERCEPTDATA_REWARDS_TOKEN", "sesame")
        found = space["for_verl"](solution_strs=said[:2], extra_infos=[info, info])
        server.close()
    assert [each["outcome"] for each in found] == [1.0, 1.0]
    assert "consensus" in found[0]


def test_what_is_not_scored_gets_the_mean_of_its_group_or_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reward, "_so_far", [0.0, 0])
    answers = [("a", 1.0), ("a", 0.0), ("a", None), ("b", None)]
    found = reward.filled([{"example_id": name, "total": total, "parts": {"p": total}} for name, total in answers])
    assert [each["score"] for each in found] == [1.0, 0.0, 0.5, 0.5]
    assert [each["scored"] for each in found] == [1.0, 1.0, 0.0, 0.0]
    assert found[2]["p"] == -1.0


def test_a_run_in_which_nothing_is_scored_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reward, "_so_far", [0.0, 0])
    with pytest.raises(RuntimeError, match="no rollout was scored"):
        reward.filled([{"example_id": "a", "total": None, "parts": {}}])


def test_a_gold_record_gives_the_example_that_scoring_needs(scene_ws: Workspace, tmp_path: Path) -> None:
    rows, _ = exported(scene_ws, EasyR1(), tmp_path / "out")
    made = example_of(json.loads(rows[0]["answer"]))
    own = next(iter(view(scene_ws, where=f"id = '{rows[0]['id']}'").batches(images=False))).to_pylist()[0]
    assert (made.question, made.facts, made.answer.checker is not None) == (own["question"], own["facts"], True)
    assert made.answer.text == own["answer"]["text"]
    with pytest.raises(UsageError, match="was not written by an export"):
        example_of({"id": "x"})


def test_captions_need_a_certificate(scene_ws: Workspace, tmp_path: Path) -> None:
    chosen = view(scene_ws, where="stage = 'visual_reasoning'")
    with pytest.raises(UsageError, match="they have no certificate"):
        Verl(captions="cards").plan(chosen)
    exporter: RewardedExport = Verl(captions="cards", allow_uncertified=True)
    assert any("may be uncertified" in note for note in exporter.plan(chosen).notes)
    exporter.export(chosen, tmp_path / "out")
    infos = [row["extra_info"] for row in pq.read_table(tmp_path / "out" / "train.parquet").to_pylist()]
    assert all(info["captions"] == [info["facts"]] for info in infos)  # the scenes' captions are their facts
    assert {info["captions_certified"] for info in infos} == {False}
