"""Judged captions: one workspace that nobody writes to, and copies of it to work in."""

import shutil
from pathlib import Path

import audited
import pytest
from review import reading

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


@pytest.fixture(scope="session")
def _traces(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return reading.build(tmp_path_factory.mktemp("traces") / "ws")


@pytest.fixture
def traces(_traces: Workspace, tmp_path: Path) -> Workspace:
    """A copy of a workspace of two dozen tagged traces."""
    shutil.copytree(_traces.path, tmp_path / "traces")
    return Workspace(tmp_path / "traces")
