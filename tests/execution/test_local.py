"""Any number of workers gives the same bytes; one that dies is named, one that fails keeps its traceback."""

import os
import signal
import subprocess
import sys
import time
import traceback
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from toys import card, environment, write_cards, write_lines

from perceptdata.errors import WorkerError
from perceptdata.execution.local import Local, default_workers
from perceptdata.steps.declared import make_step
from perceptdata.steps.run import Outcome, run_step
from perceptdata.workspace import Workspace

pytestmark = pytest.mark.usefixtures("with_toys")


def build(ws: Workspace, source: Path, workers: int, **options: Any) -> Outcome:
    step = make_step("build", {"use": "toy_cards", "path": source, **options})
    with ws.lock("build"):
        return run_step(ws, "cards", step, Local(workers=workers))


def contents(ws: Workspace) -> dict[str, bytes]:
    """Every file that the manifest names, by path."""
    return {
        file.path: ws.file(file).read_bytes()
        for state in ws.manifest.steps.values()
        for entry in state.current.shards.values()
        for file in entry.files.values()
    }


def test_any_number_of_workers_gives_the_same_bytes(tmp_path: Path) -> None:
    rows = write_cards(tmp_path / "cards", shards=5, rows=8)
    made = {}
    for workers in (1, 2, 4):
        ws = Workspace.create(tmp_path / f"ws{workers}")
        outcome = build(ws, tmp_path / "cards", workers)
        with ws.lock("tag"):
            run_step(ws, "tags", make_step("tag", {"use": "toy_words"}), Local(workers=min(workers, 2)))
        assert outcome.made["examples"] + sum(outcome.rejected.values()) == rows
        made[workers] = contents(ws)
    rooms = {path.rsplit("/", 3)[0] for path in made[1]}
    assert rooms == {"examples", "images", "rejects", "layers/responses", "layers/scores", "layers/spans"}
    assert len(made[1]) == 5 * 6
    assert made[1] == made[2] == made[4]


@pytest.mark.parametrize(("act", "said"), [("exit", "exit code 7"), ("kill", "exit code -9, killed, often for memory")])
def test_a_worker_that_dies_names_its_shard_and_exit_code(tmp_path: Path, act: str, said: str) -> None:
    source = tmp_path / "cards"
    for shard in range(6):
        write_lines(source / f"{shard:02d}.jsonl", [card(shard * 10 + place) for place in range(3)])
    write_lines(source / "04.jsonl", [card(40), card(41, act=f"once-{act}"), card(42)])
    ws = Workspace.create(tmp_path / "ws")
    with pytest.raises(WorkerError) as caught:
        build(ws, source, workers=2)
    assert f"a worker died on shard cards/00004 ({said})" in str(caught.value)
    assert "run the same command again" in str(caught.value)
    assert "\n" not in str(caught.value)
    kept = Workspace(ws.path).manifest.steps["cards"].current.shards
    assert 1 <= len(kept) <= 5
    assert "00004" not in kept
    outcome = build(Workspace(ws.path), source, workers=2)
    assert (outcome.made["examples"], outcome.skipped) == (18, len(kept))


@pytest.mark.parametrize("workers", [1, 2])
def test_a_plugin_s_error_keeps_its_traceback_and_the_other_shards(tmp_path: Path, workers: int) -> None:
    source = tmp_path / "cards"
    for shard in range(4):
        write_lines(source / f"{shard:02d}.jsonl", [card(shard)])
    write_lines(source / "01.jsonl", [card(1, act="raise")])
    ws = Workspace.create(tmp_path / "ws")
    with pytest.raises(ValueError, match=r"the toy broke on 01\.jsonl") as caught:
        build(ws, source, workers)
    told = "".join(traceback.format_exception(caught.value))
    assert "toys.py" in told
    assert "in misbehave" in told
    kept = set(Workspace(ws.path).manifest.steps["cards"].current.shards)
    assert kept >= ({"00000"} if workers == 1 else {"00000", "00002"})
    assert not list(ws.path.rglob("*.part"))
    write_lines(source / "01.jsonl", [card(1)])
    assert build(Workspace(ws.path), source, workers).skipped == len(kept)


def test_one_worker_is_this_process(tmp_path: Path) -> None:
    write_lines(tmp_path / "cards" / "0.jsonl", [card(1, act="raise")])
    with pytest.raises(ValueError, match="the toy broke") as caught:
        build(Workspace.create(tmp_path / "ws"), tmp_path / "cards", 8)  # a single shard needs no pool
    assert [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)][-1] == "misbehave"
    assert default_workers() >= 1


SLOW = """
import sys
from pathlib import Path
from perceptdata.execution.local import Local
from perceptdata.steps.declared import make_step
from perceptdata.steps.run import run_step
from perceptdata.workspace import Workspace
if __name__ == "__main__":
    ws = Workspace.create(sys.argv[1])
    step = make_step("build", {"use": "toy_cards", "path": Path(sys.argv[2]), "pause": 0.02})
    with ws.lock("build"):
        run_step(ws, "cards", step, Local(workers=2), lambda *done: print(*done, flush=True))
"""


def test_workers_end_with_a_killed_parent(tmp_path: Path, toy_site: Path) -> None:
    """Else they would write on beside the run that follows."""
    for shard in range(6):
        write_lines(tmp_path / "cards" / f"{shard}.jsonl", [card(shard * 100 + place) for place in range(40)])
    (tmp_path / "main.py").write_text(SLOW)
    command = [sys.executable, str(tmp_path / "main.py"), str(tmp_path / "ws"), str(tmp_path / "cards")]
    parent = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment(toy_site))
    assert parent.stdout is not None
    while parent.stdout.readline() not in ("2 6 80\n", ""):
        pass
    before = children(parent.pid)
    assert len(before) >= 2
    parent.kill()  # the parent alone
    parent.wait()
    deadline = time.monotonic() + 5
    while any(map(alive, before)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(map(alive, before))
    ws = Workspace(tmp_path / "ws")
    assert build(ws, tmp_path / "cards", 2, pause=0.02).made == {"examples": 240}
    assert pq.read_table(ws.path / "examples").num_rows == 240


def children(pid: int) -> list[int]:
    """The process's spawned workers, by the system's own list."""
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        found += [int(child) for child in (task / "children").read_text().split()]
    return found


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (ProcessLookupError, FileNotFoundError):
        return False


def test_ctrl_c_ends_at_once_and_quietly(tmp_path: Path, toy_site: Path) -> None:
    write_lines(tmp_path / "cards" / "0.jsonl", [card(place) for place in range(80)])
    write_lines(tmp_path / "cards" / "1.jsonl", [card(100)])  # its worker waits for work when the signal comes
    perceptdata = Path(sys.executable).with_name("perceptdata")
    command = [str(perceptdata), "build", "toy_cards", "--source", "cards", "--workers", "2", "--set", "pause=0.1"]
    process = subprocess.Popen(
        command, cwd=tmp_path, env=environment(toy_site), stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    started = tmp_path / "workspace" / "examples"
    deadline = time.monotonic() + 20
    while not started.exists() and len(children(process.pid)) < 3 and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(1.5)  # a worker is reading now
    began = time.monotonic()
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=20)
    assert time.monotonic() - began < 5  # the first shard takes eight seconds
    assert process.returncode == 130
    assert said == "interrupted; what is finished is kept, run the same command again to go on\n"
