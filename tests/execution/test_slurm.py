"""An array job against a queue that keeps Slurm's promises on one machine (`queue/stand_in.py`)."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from toys import card, environment, write_lines

from perceptdata.errors import UsageError, WorkerError
from perceptdata.execution.executor import make_executor
from perceptdata.execution.local import Local
from perceptdata.execution.slurm import Slurm
from perceptdata.steps.declared import make_step
from perceptdata.steps.run import Outcome, run_step
from perceptdata.workspace import Workspace

STAND_IN = Path(__file__).parent / "queue" / "stand_in.py"


@pytest.fixture
def queue(tmp_path: Path, toy_site: Path, with_toys: None, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a queue whose commands stand on the path."""
    folder, commands = tmp_path / "queue", tmp_path / "commands"
    folder.mkdir()
    commands.mkdir()
    for verb in ("sbatch", "squeue"):
        command = commands / verb
        command.write_text(f'#!/bin/sh\nexec {sys.executable} {STAND_IN} {verb} "$@"\n')
        command.chmod(0o755)
    monkeypatch.setenv("QUEUE", str(folder))
    monkeypatch.setenv("PATH", f"{commands}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", environment(toy_site)["PYTHONPATH"])
    return folder


def write_rows(folder: Path, shards: int, rows: int) -> None:
    """Shards without a common id, so that no closing pass makes any of them again."""
    for shard in range(shards):
        write_lines(folder / f"{shard}.jsonl", [card(shard * 100 + row) for row in range(rows)])


def build(ws: Workspace, source: Path, executor: Slurm | Local) -> Outcome:
    with ws.lock("build"):
        return run_step(ws, "cards", make_step("build", {"use": "toy_cards", "path": source}), executor)


def contents(ws: Workspace) -> dict[str, bytes]:
    entries = ws.manifest.steps["cards"].current.shards.values()
    return {file.path: ws.file(file).read_bytes() for entry in entries for file in entry.files.values()}


def test_an_array_makes_the_same_bytes(queue: Path, tmp_path: Path) -> None:
    write_rows(tmp_path / "cards", 3, 5)
    here, there = Workspace.create(tmp_path / "here"), Workspace.create(tmp_path / "there")
    build(here, tmp_path / "cards", Local(workers=1))
    outcome = build(there, tmp_path / "cards", Slurm(workers=2, poll=0.05, partition="cpu", extra=("--nice=10",)))
    assert contents(there) == contents(here)
    assert (outcome.shards, outcome.skipped) == (3, 0)
    (script,) = (tmp_path / "there" / "cache").rglob("array-0.sh")
    text = script.read_text()
    assert "#SBATCH --array=0-2%2\n" in text
    assert "#SBATCH --partition=cpu\n" in text
    assert "#SBATCH --nice=10\n" in text
    assert "gpus" not in text
    assert not list(script.parent.glob("*.done"))  # the manifest has taken them over
    assert build(there, tmp_path / "cards", Slurm(poll=0.05)).skipped == 3
    assert len(list(queue.glob("job-*"))) == 1


def test_elements_that_vanish_are_submitted_again(queue: Path, tmp_path: Path) -> None:
    write_rows(tmp_path / "cards", 3, 2)
    (queue / "kill-1").touch()
    outcome = build(Workspace.create(tmp_path / "ws"), tmp_path / "cards", Slurm(poll=0.05))
    assert outcome.shards == 3
    assert len(list(queue.glob("job-*"))) == 2
    assert "--array=0-0%" in next((tmp_path / "ws").rglob("array-1.sh")).read_text()


def test_a_queue_that_never_delivers_is_named(queue: Path, tmp_path: Path) -> None:
    write_rows(tmp_path / "cards", 2, 2)
    (queue / "kill-0").touch()
    with pytest.raises(WorkerError, match=r"1 shards are not made, 00000-.* the first"):
        build(Workspace.create(tmp_path / "ws"), tmp_path / "cards", Slurm(poll=0.05, retries=0))


def test_a_failing_shard_keeps_its_traceback_and_the_others(queue: Path, tmp_path: Path) -> None:
    write_rows(tmp_path / "cards", 1, 2)
    write_lines(tmp_path / "cards" / "zz.jsonl", [card(900, act="raise")])
    ws = Workspace.create(tmp_path / "ws")
    with pytest.raises(WorkerError, match=r"1 shards failed; 00001-.*Error"):
        build(ws, tmp_path / "cards", Slurm(poll=0.05))
    assert "Traceback" in next((tmp_path / "ws").rglob("*.failed")).read_text()
    assert list(Workspace(ws.path).manifest.steps["cards"].current.shards) == ["00000"]
    write_lines(tmp_path / "cards" / "zz.jsonl", [card(900)])
    assert build(Workspace(ws.path), tmp_path / "cards", Slurm(poll=0.05)).skipped == 1


DRIVER = """
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from perceptdata.execution.slurm import Slurm
from perceptdata.steps.declared import make_step
from perceptdata.steps.run import run_step
from perceptdata.workspace import Workspace
ws = Workspace.create(sys.argv[1])
step = make_step("build", {"use": "toy_cards", "path": Path(sys.argv[2])})
with ws.lock("build"):
    run_step(ws, "cards", step, Slurm(poll=60.0))
"""


def test_an_array_goes_on_without_the_process_that_submitted_it(queue: Path, tmp_path: Path) -> None:
    write_rows(tmp_path / "cards", 3, 2)
    (tmp_path / "driver.py").write_text(DRIVER)
    words = [sys.executable, str(tmp_path / "driver.py"), str(tmp_path / "ws"), str(tmp_path / "cards")]
    driver = subprocess.Popen(words)
    deadline = time.monotonic() + 30
    while not list((tmp_path / "ws").rglob("*.done")) and time.monotonic() < deadline:
        time.sleep(0.05)
    driver.send_signal(signal.SIGKILL)
    driver.wait()
    outcome = build(Workspace(tmp_path / "ws"), tmp_path / "cards", Slurm(poll=0.05))
    assert outcome.shards == 3
    assert len(list(queue.glob("job-*"))) == 1


def test_what_sbatch_refuses_is_told(queue: Path, tmp_path: Path) -> None:
    write_rows(tmp_path / "cards", 1, 1)
    with pytest.raises(UsageError, match=r"sbatch refused the array .*invalid partition specified: closed"):
        build(Workspace.create(tmp_path / "ws"), tmp_path / "cards", Slurm(partition="closed"))


def test_without_slurm_it_says_so(tmp_path: Path, with_toys: None, monkeypatch: pytest.MonkeyPatch) -> None:
    write_rows(tmp_path / "cards", 1, 1)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match="there is no sbatch here"):
        build(Workspace.create(tmp_path / "ws"), tmp_path / "cards", Slurm())


def test_executors_are_made_by_name() -> None:
    assert make_executor(workers=3) == Local(workers=3)
    assert make_executor("slurm", options={"time": "01:00:00"}) == Slurm(time="01:00:00")
    with pytest.raises(UsageError, match="there is no executor 'slrm'; did you mean 'slurm'"):
        make_executor("slrm")
    with pytest.raises(UsageError, match=r"executor slurm: .*tme"):
        make_executor("slurm", options={"tme": 1})


def test_verbs_take_an_executor(queue: Path, tmp_path: Path, cli: Callable[..., Any]) -> None:
    write_rows(tmp_path / "cards", 2, 2)
    words = ("--executor", "slurm", "--executor-set", "poll=0.05", "--workers", "7")
    said = cli("build", "toy_cards", "--source", tmp_path / "cards", "-w", tmp_path / "ws", *words)
    assert said.code == 0, said.err
    assert "%7" in next((tmp_path / "ws").rglob("array-0.sh")).read_text()
    said = cli("build", "toy_cards", "--source", tmp_path / "cards", "-w", tmp_path / "ws", "--executor", "slrm")
    assert (said.code, "did you mean 'slurm'?" in said.err) == (2, True)
