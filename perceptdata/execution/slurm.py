"""Slurm: shards as the elements of an array job, each with a marker when it is done.

    perceptdata tag --executor slurm --workers 200 --executor-set partition=cpu --executor-set time=04:00:00

    <workspace>/cache/slurm/<step>/<hash8>/
        array-<n>.sh               the generated script, to look at and to submit by hand
        array-<n>.json             which shards it makes, and the job's number once it is submitted
        <shard>-<input>.task       what one element does
        <shard>-<input>.done       the manifest entry of a shard that is made
        <shard>-<input>.failed     why one is not
        <n>-<element>.log          what an element printed

The array goes on without the process that submitted it: run the same command again and it takes up what is done, waits
for what still runs, and submits only the rest. The workspace has to be on a file system that all nodes see.
"""

from __future__ import annotations

import json
import pickle
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from pydantic import Field

from perceptdata.errors import UsageError, WorkerError
from perceptdata.execution.executor import Executor
from perceptdata.execution.task import Task, run_shard
from perceptdata.manifest import ShardEntry, write_atomically

GONE = 3
"""How many looks in a row must miss a job in the queue before it counts as ended: accounting lags."""


class Slurm(Executor):
    """`workers` elements run at once. Most else becomes `#SBATCH` lines; `extra` are lines of your own, unmarked.

    `setup` is shell that each element runs first (modules, an environment); `python` the interpreter, this one unless
    said. `retries` counts how often shards whose element vanished are submitted again. `poll` is in seconds.
    """

    workers: int = Field(default=64, ge=1)
    partition: str | None = None
    account: str | None = None
    time: str = "04:00:00"
    memory: str = "8G"
    cpus: int = Field(default=1, ge=1)
    gpus: int = Field(default=0, ge=0)
    extra: tuple[str, ...] = ()
    setup: str = ""
    python: str = sys.executable
    retries: int = Field(default=2, ge=0)
    poll: float = Field(default=10.0, gt=0)

    def run(self, tasks: Sequence[Task]) -> Iterator[tuple[Task, ShardEntry]]:
        """Submit what no earlier array made or still makes, and hand out entries as markers appear."""
        if not tasks:
            return
        folder = _folder(tasks[0])
        folder.mkdir(parents=True, exist_ok=True)
        left = {_stem(task): task for task in tasks}
        for stem, task in left.items():
            (folder / f"{stem}.failed").unlink(missing_ok=True)
            _drop_stale(folder / f"{stem}.done", task.root)
        jobs = _running(folder)
        covered = {stem for _, stems in jobs for stem in stems}
        tries = self.retries
        if begun := [stem for stem in left if stem not in covered and not (folder / f"{stem}.done").exists()]:
            jobs.append(self._submit(folder, {stem: left[stem] for stem in begun}))
        missed = 0
        while left:
            yield from _finished(folder, left)
            if failed := [stem for stem in left if (folder / f"{stem}.failed").exists()]:
                raise WorkerError(_complaint(folder, failed))
            if not left:
                return
            missed = 0 if any(_queued(number) for number, _ in jobs) else missed + 1
            if missed >= GONE:
                yield from _finished(folder, left)
                if left and not tries:
                    raise WorkerError(_vanished(folder, list(left)))
                if left:
                    tries -= 1
                    jobs, missed = [self._submit(folder, left)], 0
            time.sleep(self.poll)

    def _submit(self, folder: Path, tasks: dict[str, Task]) -> tuple[str, list[str]]:
        for stem, task in tasks.items():
            write_atomically(folder / f"{stem}.task", pickle.dumps(task))
        number = len(list(folder.glob("array-*.sh")))
        script, record = folder / f"array-{number}.sh", folder / f"array-{number}.json"
        stems = list(tasks)
        write_atomically(script, self._script(folder, number, len(stems)).encode())
        write_atomically(record, json.dumps({"job": None, "shards": stems}).encode())
        job = _asked(["sbatch", "--parsable", str(script)]).strip().partition(";")[0]
        write_atomically(record, json.dumps({"job": job, "shards": stems}).encode())
        return job, stems

    def _script(self, folder: Path, number: int, elements: int) -> str:
        said = {
            "job-name": f"perceptdata-{folder.parent.name}",
            "array": f"0-{elements - 1}%{self.workers}",
            "partition": self.partition,
            "account": self.account,
            "time": self.time,
            "mem": self.memory,
            "cpus-per-task": self.cpus,
            "gpus-per-task": self.gpus or None,
            "output": folder / f"{number}-%a.log",
        }
        lines = [f"#SBATCH --{name}={value}" for name, value in said.items() if value is not None]
        lines += [f"#SBATCH {line}" for line in self.extra]
        run = [self.python, "-m", "perceptdata.execution.slurm", str(folder / f"array-{number}.json")]
        setup = [self.setup] if self.setup else []
        return "\n".join(["#!/bin/bash", *lines, *setup, f'{shlex.join(run)} "$SLURM_ARRAY_TASK_ID"', ""])


def _folder(task: Task) -> Path:
    return task.root.absolute() / "cache" / "slurm" / task.step / task.version


def _stem(task: Task) -> str:
    return f"{task.shard}-{task.digest[:12]}"


def _finished(folder: Path, left: dict[str, Task]) -> Iterator[tuple[Task, ShardEntry]]:
    """Take the shards that have a marker out of `left`.

    A marker goes before its entry is handed out: one that outlived it could be taken for the same shard made anew.
    """
    for stem in [stem for stem in left if (folder / f"{stem}.done").exists()]:
        entry = ShardEntry.model_validate_json((folder / f"{stem}.done").read_bytes())
        for ending in ("done", "task"):
            (folder / f"{stem}.{ending}").unlink(missing_ok=True)
        yield left.pop(stem), entry


def _drop_stale(marker: Path, root: Path) -> None:
    """Remove a marker that speaks of files which are no more."""
    if marker.exists():
        entry = ShardEntry.model_validate_json(marker.read_bytes())
        if not all((root / file.path).exists() for file in entry.files.values()):
            marker.unlink()


def _running(folder: Path) -> list[tuple[str, list[str]]]:
    """The arrays of an earlier run that the queue still has: number, and their shards."""
    found = []
    for path in sorted(folder.glob("array-*.json")):
        record = json.loads(path.read_bytes())
        if record["job"] and _queued(record["job"]):
            found.append((record["job"], record["shards"]))
    return found


def _queued(job: str) -> bool:
    """Whether the queue has any element of the job. One that it has forgotten is an error to squeue, and gone."""
    done = subprocess.run(["squeue", "--noheader", "--jobs", job], check=False, capture_output=True, text=True)
    return done.returncode == 0 and bool(done.stdout.strip())


def _asked(command: Sequence[str]) -> str:
    try:
        done = subprocess.run(command, check=False, capture_output=True, text=True)
    except FileNotFoundError:
        raise UsageError(f"there is no {command[0]} here: --executor slurm is for a cluster's login node") from None
    if done.returncode:
        said = " ".join(f"{done.stderr} {done.stdout}".split())
        raise UsageError(f"{command[0]} refused the array {command[-1]}: {said[:400] or 'no reason given'}")
    return done.stdout


def _complaint(folder: Path, failed: Sequence[str]) -> str:
    first = (folder / f"{failed[0]}.failed").read_text(encoding="utf-8").strip()
    return (
        f"{len(failed)} shards failed; {failed[0]}: {first.splitlines()[-1]} (all of it in "
        f"{folder / f'{failed[0]}.failed'}). Finished shards are kept: mend it and run the same command again"
    )


def _vanished(folder: Path, stems: Sequence[str]) -> str:
    return (
        f"the queue has nothing left and {len(stems)} shards are not made, {stems[0]} the first: their elements were "
        f"killed or never began; the logs in {folder} may say why. Run the same command again with more memory or time"
    )


def run_element(record: Path, element: int) -> int:
    """What one element of an array does: make its shard and leave a marker."""
    stem = json.loads(record.read_bytes())["shards"][element]
    folder = record.parent
    if (folder / f"{stem}.done").exists() or not (folder / f"{stem}.task").exists():
        return 0  # an earlier array made it
    task: Task = pickle.loads((folder / f"{stem}.task").read_bytes())
    try:
        entry = run_shard(task)
    except Exception:
        import traceback

        write_atomically(folder / f"{stem}.failed", traceback.format_exc().encode())
        return 1
    write_atomically(folder / f"{stem}.done", entry.model_dump_json().encode())
    return 0


if __name__ == "__main__":
    sys.exit(run_element(Path(sys.argv[1]), int(sys.argv[2])))
