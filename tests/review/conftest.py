"""Judged captions: one workspace that nobody writes to, and copies of it to work in."""

import shutil
from pathlib import Path

import audited
import pytest

from perceptdata.review import Claims, read_claims
from perceptdata.workspace import Workspace


@pytest.fixture(scope="session")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Nobody writes to it."""
    return audited.judged(tmp_path_factory)


@pytest.fixture(scope="session")
def claims(judged: Workspace) -> Claims:
    """What the oracle and the panel say."""
    return read_claims(judged, "caps", ["exact", "panel"])


@pytest.fixture
def ws(judged: Workspace, tmp_path: Path) -> Workspace:
    """A copy."""
    shutil.copytree(judged.path, tmp_path / "ws")
    return Workspace(tmp_path / "ws")
