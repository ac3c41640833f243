"""Ray itself, started here: the same bytes as local, and what happens when a task or a worker fails."""

from pathlib import Path

import pytest
from toys import card, write_cards, write_lines

from perceptdata.errors import UsageError, WorkerError
from perceptdata.execution.executor import Executor
from perceptdata.execution.local import Local
from perceptdata.execution.ray import Ray
from perceptdata.steps.declared import make_step
from perceptdata.steps.run import Outcome, run_step
from perceptdata.workspace import Workspace

pytestmark = [pytest.mark.services, pytest.mark.usefixtures("with_toys")]


def build(ws: Workspace, source: Path, executor: Executor) -> Outcome:
    with ws.lock("build"):
        return run_step(ws, "cards", make_step("build", {"use": "toy_cards", "path": source}), executor)


def contents(ws: Workspace) -> dict[str, bytes]:
    entries = ws.manifest.steps["cards"].current.shards.values()
    return {file.path: ws.file(file).read_bytes() for entry in entries for file in entry.files.values()}


def test_the_same_bytes(tmp_path: Path) -> None:
    write_cards(tmp_path / "cards", shards=5, rows=8)
    here, there = Workspace.create(tmp_path / "here"), Workspace.create(tmp_path / "there")
    build(here, tmp_path / "cards", Local(workers=1))
    outcome = build(there, tmp_path / "cards", Ray(workers=2))
    assert outcome.shards == 5
    assert contents(there) == contents(here)


def test_a_task_that_fails_raises_its_own_error_and_the_rest_is_kept(tmp_path: Path) -> None:
    write_cards(tmp_path / "cards", shards=2, rows=2)
    write_lines(tmp_path / "cards" / "zz.jsonl", [card(900, act="raise")])
    ws = Workspace.create(tmp_path / "ws")
    with pytest.raises(ValueError, match=r"the toy broke on zz\.jsonl"):
        build(ws, tmp_path / "cards", Ray(workers=1))
    assert len(Workspace(ws.path).manifest.steps["cards"].current.shards) == 2


def test_a_worker_that_dies_is_tried_again_and_then_named(tmp_path: Path) -> None:
    write_lines(tmp_path / "cards" / "a.jsonl", [card(1, act="exit")])
    with pytest.raises(WorkerError, match=r"a Ray worker died on shard cards/00000, 1 retries included"):
        build(Workspace.create(tmp_path / "ws"), tmp_path / "cards", Ray(retries=1))


def test_a_cluster_that_is_not_there(tmp_path: Path) -> None:
    write_cards(tmp_path / "cards", shards=1, rows=1)
    with pytest.raises(UsageError, match="Ray could not be reached at auto"):
        build(Workspace.create(tmp_path / "ws"), tmp_path / "cards", Ray(address="auto"))
