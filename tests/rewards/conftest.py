"""Workspaces with rollouts: Sudoku scenes, and described pictures."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from llm.server import Say, Server
from rewards.scenes import CUPS, write_cups, write_scenes

from perceptdata import registry
from perceptdata.example import Example
from perceptdata.rewards.rollouts import examples_by_id
from perceptdata.steps.declared import make_step
from perceptdata.steps.run import run_step
from perceptdata.workspace import Workspace

DESCRIBE = registry.make("formats", "describe_think_boxed")


@pytest.fixture(scope="session")
def scene_ws(toy_site: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """16 Sudoku tasks of six rollouts, each with its facts as a caption, and a counting question an image."""
    return _built(toy_site, tmp_path_factory.mktemp("scenes"), write_scenes)


@pytest.fixture(scope="session")
def cup_ws(toy_site: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three pictures, the first two captioned, with a question each."""
    return _built(toy_site, tmp_path_factory.mktemp("cups"), write_cups)


def _built(site: Path, folder: Path, write: Callable[[Path], None]) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(site)
        write(folder / "cards")
        ws = Workspace.create(folder / "ws")
        with ws.lock("test"):
            run_step(ws, "cards", make_step("build", {"use": "toy_cards", "path": folder / "cards"}))
    return folder / "ws"


@pytest.fixture
def built(toy_site: Path, tmp_path: Path) -> Callable[[Callable[[Path], None]], Path]:
    """`built(write)`: a workspace of the cards that `write` leaves in a folder."""
    return lambda write: _built(toy_site, tmp_path, write)


@pytest.fixture(scope="session")
def cups(cup_ws: Path) -> list[Example]:
    """Their examples, in order."""
    known = examples_by_id(Workspace(cup_ws))
    return [known[f"cards/train/{number}"] for number in range(len(CUPS))]


@pytest.fixture(scope="session")
def tasks(scene_ws: Path) -> dict[str, Example]:
    """The Sudoku workspace's examples, by id."""
    return examples_by_id(Workspace(scene_ws))


@pytest.fixture
def judge() -> Iterator[Callable[..., tuple[Server, dict[str, Any]]]]:
    """`judge(script)`: a server, and the endpoint's options that ask it."""
    opened: list[Server] = []

    def start(script: Callable[[dict[str, Any], int], Say]) -> tuple[Server, dict[str, Any]]:
        opened.append(Server(script).__enter__())
        return opened[-1], {"urls": [opened[-1].url], "model": "m", "retries": 0}

    yield start
    for each in opened:
        each.__exit__(None, None, None)
