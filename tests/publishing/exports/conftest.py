"""Workspaces whose rows have what exports stumble over: several images, earlier turns, choices, markers."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rewards.scenes import write_scenes
from toys import card, picture, write_lines

from perceptdata.packs import ImageStore
from perceptdata.steps.declared import make_step
from perceptdata.steps.run import run_step
from perceptdata.view import View, ViewSpec
from perceptdata.workspace import Workspace

THOUGHT = "<think>\nI see 7 here. Then it is {0}.\n</think>\n\n\\boxed{{{0}}}"
TALK: list[dict[str, Any]] = [
    {"question": "What is 0 + 0?"},
    {"question": "<image>What is 1?", "images": ["1.png"]},
    {"question": "Left <image>, right <image>: what is 2?", "images": ["2.png", "1.png"]},
    {
        "question": "And <image>?",
        "images": ["3.png", "1.png"],
        "history": [{"role": "user", "text": "<image>What is it?"}, {"role": "assistant", "text": "A box."}],
    },
    {
        "question": "<image>Which?",
        "images": ["1.png"],
        "choices": ["a cup", "a hat"],
        "answer": {"text": "a hat", "kind": "choice", "index": 1},
        "facts": "There is a hat.",
        "facts_quality": "reference",
    },
    {"question": "What has no response?", "response": None},
    {"question": "What is said of <video>?"},
    {"question": "<image>What?", "images": ["4.png"], "response": "I see <image> in the text. Then it is 7."},
]


def talk(number: int) -> dict[str, Any]:
    more = TALK[number]
    return card(
        number,
        **{"group": f"g{number}", "response": THOUGHT.format(number), "stage": _stage(more), "split": "train", **more},
    )


def _stage(more: dict[str, Any]) -> str:
    return "visual_reasoning" if "images" in more else "textual_reasoning"


def built(site: Path, folder: Path, write: Callable[[Path], None], tag: bool = True) -> Workspace:
    write(folder / "cards")
    ws = Workspace.create(folder / "ws")
    with pytest.MonkeyPatch.context() as patch, ws.lock("test"):
        patch.syspath_prepend(site)
        run_step(ws, "cards", make_step("build", {"use": "toy_cards", "path": folder / "cards"}))
        if tag:
            run_step(ws, "tags", make_step("tag", {"use": "toy_words"}))
    return ws


def write_talk(folder: Path) -> None:
    folder.mkdir(parents=True)
    for number in range(1, 5):
        (folder / f"{number}.png").write_bytes(picture(number))
    rows = [talk(number) for number in range(len(TALK))]
    write_lines(folder / "rows.jsonl", [*rows, talk(1) | {"key": "100", "group": "g100", "split": "test"}])


@pytest.fixture(scope="session")
def talk_ws(toy_site: Path, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The rows of `TALK` in split train, and row 1 again in split test; its texts are tagged."""
    return built(toy_site, tmp_path_factory.mktemp("talk"), write_talk)


@pytest.fixture(scope="session")
def scene_ws(toy_site: Path, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Eight Sudoku tasks with six rollouts each."""
    return built(toy_site, tmp_path_factory.mktemp("scenes"), lambda folder: write_scenes(folder, count=8), tag=False)


def view(ws: Workspace, name: str = "chosen", **spec: Any) -> View:
    return View(ws, name, ViewSpec.model_validate(spec))


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def image_of(store: ImageStore, row: dict[str, Any], place: int) -> bytes:
    """The bytes of an image of a view's row."""
    return store[row["image_info"][place]["sha256"]].to_pybytes()


def number(name: str) -> int:
    """The key of a row, by its id."""
    return int(name.rpartition("/")[2])


@pytest.fixture(scope="session")
def scored_ws(toy_site: Path, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """One row with two tries, the first right."""
    tries = [{"text": THOUGHT.format(1), "score": 1.0}, {"text": THOUGHT.format(2), "score": 0.0}]
    rows = [card(1, split="train", response=None, responses=tries)]
    return built(
        toy_site, tmp_path_factory.mktemp("scored"), lambda folder: write_lines(folder / "rows.jsonl", rows), tag=False
    )


@pytest.fixture(scope="session")
def many_ws(toy_site: Path, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """One row with 27 choices."""
    choices = [f"c{place}" for place in range(27)]
    rows = [card(1, split="train", choices=choices, answer={"text": "c1", "kind": "choice", "index": 1})]
    return built(
        toy_site, tmp_path_factory.mktemp("many"), lambda folder: write_lines(folder / "rows.jsonl", rows), tag=False
    )
