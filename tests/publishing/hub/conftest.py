from pathlib import Path
from typing import Any

import pytest

from perceptdata.publishing.hub import failure
from perceptdata.publishing.hub.publish import Published, publish
from perceptdata.publishing.hub.target import Target


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The waits between tries, a hundred times as short."""
    monkeypatch.setattr(failure, "WAITS", tuple(seconds / 100 for seconds in failure.WAITS))


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    return tmp_path / "scratch"


@pytest.fixture
def put(hub: Any, scratch: Path) -> Any:
    """`put(release, tag="v1")`: publish it to tester/toys."""

    def call(release: Any, repo: str = "tester/toys", **target: Any) -> Published:
        return publish(release, Target(repo=repo, **target), scratch)

    return call
