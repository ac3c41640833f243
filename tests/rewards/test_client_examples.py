"""The files that other trainers load, against the real server."""

import runpy
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from rewards.conftest import DESCRIBE
from rewards.running import Running
from rewards.scenes import written

from perceptdata.example import Example
from perceptdata.rewards.pool import Pool, Serving

IDS = ["cards/train/0", "cards/train/0", "nobody", "cards/train/1", "cards/train/2"]


@pytest.fixture(scope="module")
def running(scene_ws: Path) -> Iterator[Running]:
    serving = Serving(scene_ws, "visual_reasoning", DESCRIBE, {"outcome": 0.9, "format": 0.1}, {"consensus": 0.5})
    with Pool(serving, 1) as pool:
        made = Running(pool, token="sesame")
        yield made
        made.close()


@pytest.fixture
def responses(running: Running, tasks: dict[str, Example], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """To `IDS`: right, wrong, of a row that is not there, alone in its group, and no answer at all."""
    monkeypatch.setenv("PERCEPTDATA_REWARDS", running.url)
    monkeypatch.setenv("PERCEPTDATA_REWARDS_TOKEN", "sesame")
    first = tasks["cards/train/0"]
    alone = tasks["cards/train/1"]
    right, wrong = written(first.facts or "", first.answer.text), written(first.facts or "", "1")
    return [right, wrong, right, written(alone.facts or "", alone.answer.text), ""]


def load(root: Path, name: str) -> dict[str, Any]:
    return runpy.run_path(str(root / "examples" / "rewards" / name))


@pytest.fixture
def for_verl(root: Path) -> Any:
    """As verl gets it: from the file alone. What it has scored so far is its own."""
    return runpy.run_path(str(root / "perceptdata" / "publishing" / "exports" / "beside" / "reward.py"))["for_verl"]


def test_verl_all_at_once(for_verl: Any, responses: list[str]) -> None:
    """`data_sources`, `solution_strs`, … in the plural: what its batch manager gives."""
    found = for_verl(
        data_sources=["own"] * 5,
        solution_strs=responses,
        ground_truths=["x"] * 5,
        extra_infos=[{"id": name} for name in IDS],
    )
    mean = (1.5 + 0.6 + 0.0) / 3  # of all so far, for who is alone in a group that was not scored
    assert [each["score"] for each in found] == pytest.approx([1.5, 0.6, mean, mean, 0.0])
    assert [each["scored"] for each in found] == [1.0, 1.0, 0.0, 0.0, 1.0]
    assert found[0]["outcome"] == 1.0
    assert found[3]["consensus"] == -1.0  # not scored: alone


def test_verl_one_by_one(for_verl: Any, responses: list[str]) -> None:
    """In the singular: what its reward loop gives. A group of one has no consensus, so nothing has a total."""
    with pytest.raises(RuntimeError, match="no rollout was scored"):
        for_verl(data_source="own", solution_str=responses[0], ground_truth="x", extra_info={"id": IDS[0]})
    empty = for_verl(
        data_source="own",
        solution_str=responses[4],
        ground_truth="x",
        extra_info={"id": IDS[4]},
        reward_router_address=None,
        reward_model_tokenizer=None,
    )
    assert (empty["score"], empty["scored"]) == (0.0, 1.0)


def test_verl_without_gold_and_without_a_server(for_verl: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PERCEPTDATA_REWARDS", raising=False)
    with pytest.raises(ValueError, match="extra_info needs `gold`, as an export writes it; or `id`, with a server"):
        for_verl(data_source="own", solution_str="x", ground_truth="x", extra_info={"id": IDS[0]})


def test_swift(root: Path, responses: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    swift: Any = ModuleType("swift.rewards")
    swift.ORM, swift.orms = object, {}
    monkeypatch.setitem(sys.modules, "swift", ModuleType("swift"))
    monkeypatch.setitem(sys.modules, "swift.rewards", swift)
    load(root, "swift_reward.py")
    found = swift.orms["perceptdata"]()(responses, id=IDS, solution=["x"] * 5)
    assert found == pytest.approx([1.5, 0.6, None, None, 0.0])


def test_easyr1(root: Path, responses: list[str]) -> None:
    score = load(root, "easyr1_reward.py")["compute_score"]
    given = [{"response": text, "ground_truth": name} for text, name in zip(responses, IDS, strict=True)]
    found = score(given)
    assert [each["overall"] for each in found] == pytest.approx([1.5, 0.6, 0.0, 0.0, 0.0])
    assert found[4] == {"overall": 0.0, "outcome": 0.0, "format": 0.0, "consensus": 0.0}
