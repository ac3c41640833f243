"""One workspace for the tests of this folder, which they read only."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import releases

from perceptdata.workspace import Workspace


@pytest.fixture(scope="session")
def published_ws(toy_site: Path, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return releases.make(toy_site, tmp_path_factory.mktemp("release"))


@pytest.fixture
def publish(tmp_path: Path) -> Callable[..., Path]:
    """`publish(ws, "name", views=("sft",))`: the folder of a release."""
    return lambda ws, name="out", **spec: releases.publish(ws, tmp_path / name, **dict[str, Any](spec))
