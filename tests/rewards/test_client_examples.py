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


def test_verl(root: Path, responses: list[str]) -> None:
    score = load(root, "verl_reward.py")["compute_score"]
    found = score(["own"] * 5, responses, ["x"] * 5, [{"id": name} for name in IDS])
    assert [each["score"] for each in found] == pytest.approx([1.5, 0.6, 0.0, 0.0, 0.0])
    assert [each["scored"] for each in found] == [1.0, 1.0, 0.0, 0.0, 1.0]
    assert found[0]["outcome"] == 1.0
    assert found[3]["consensus"] == -1.0  # not scored: alone


def test_verl_gives_what_is_missing_the_mean_of_its_group(root: Path, responses: list[str]) -> None:
    score = load(root, "verl_reward.py")["compute_score"]
    score.__globals__["ask"] = lambda rollouts: [
        {"total": total, "parts": {"outcome": total}} for total in (1.0, 0.5, None)
    ]
    found = score(["own"] * 3, ["x"] * 3, ["x"] * 3, [{"id": "a"}] * 3)
    assert [each["score"] for each in found] == [1.0, 0.5, 0.75]


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
