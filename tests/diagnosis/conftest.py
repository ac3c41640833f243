"""A workspace of 4x4 Sudokus, and what diagnosing a simulated model on a copy of it gives."""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pytest

from perceptdata.diagnosis.conditions import CONDITIONS, Condition
from perceptdata.diagnosis.diagnosis import Diagnosis
from perceptdata.diagnosis.whole import whole
from perceptdata.steps.declared import make_format, make_step
from perceptdata.steps.diagnose import Asked, diagnose, layer_of
from perceptdata.steps.run import run_step
from perceptdata.workspace import Workspace

from diagnosis.simulated import Simulated  # isort: skip
from llm.server import Server  # isort: skip

FORMAT = {"use": "describe_think_boxed"}


class Found(NamedTuple):
    """What asking did, what it says, its answers, and the model that was asked."""

    asked: Asked
    diagnosis: Diagnosis
    table: pa.Table
    model: Simulated
    ws: Workspace


@pytest.fixture(scope="session")
def grids(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """84 scenes in one shard."""
    folder = tmp_path_factory.mktemp("diagnosis") / "ws"
    ws = Workspace.create(folder)
    with ws.lock("test"):
        rows = {"train_sft": 0, "train_rl": 0, "test": 84}
        run_step(ws, "sudoku", make_step("build", {"use": "sudoku", "size": 4, "rows": rows}))
    return folder


@pytest.fixture(scope="session")
def diagnosed_as(grids: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Found]:
    """`diagnosed_as(conditions, n=2, a_p=0.5)`: options of the step by name, the others are the model's traits."""

    def run(conditions: Sequence[Condition] = CONDITIONS, **traits: Any) -> Found:
        named = ("n", "temperature", "items", "budget")
        options = {"items": 48, **{name: traits.pop(name) for name in named if name in traits}}
        folder = tmp_path_factory.mktemp("asked") / "ws"
        shutil.copytree(grids, folder)
        ws = Workspace(folder)
        model = Simulated.of(ws, **traits)
        with Server(model) as server, ws.lock("test"):
            endpoint = {"urls": [server.url], "model": "m", "retries": 0}
            asked = diagnose(ws, "diag", {"endpoint": endpoint, "format": FORMAT, **options}, conditions)
        layers = {each: layer_of("diag", each) for each in conditions if each not in asked.left_out}
        told = {"continuation": asked.continuation, "left_out": asked.left_out}
        found, table = whole(ws, "diag", layers, make_format(FORMAT), model="m", **told)
        return Found(asked, found, table, model, ws)

    return run
