"""The local executor: tasks in this process, or over a pool of spawned workers.

    for task, entry in Local(workers=4).run(tasks):
        …

Results arrive as they finish. One worker runs in this process, so that a debugger and a traceback are at hand. A
worker that dies (killed, out of memory, a crash in a library) ends the run with a sentence that names its shard and
exit code; what was finished stays finished.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import tempfile
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from pydantic import Field

from perceptdata.errors import WorkerError
from perceptdata.execution.executor import Executor
from perceptdata.execution.task import Task, run_shard
from perceptdata.manifest import ShardEntry


def default_workers() -> int:
    """As many workers as this process may use cores."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Local(Executor):
    """This machine: `workers` processes, as many as there are cores unless said."""

    workers: int = Field(default_factory=default_workers, ge=1)

    def run(self, tasks: Sequence[Task]) -> Iterator[tuple[Task, ShardEntry]]:
        """One worker runs in this process; more are spawned, and end with it."""
        workers = min(self.workers, len(tasks))
        if workers <= 1:
            for task in tasks:
                yield task, run_shard(task)
            return
        with tempfile.TemporaryDirectory(prefix="perceptdata-") as desk:
            yield from _run_pool(tasks, workers, Path(desk))


def _run_pool(tasks: Sequence[Task], workers: int, desk: Path) -> Iterator[tuple[Task, ShardEntry]]:
    waiting = list(reversed(tasks))
    running: dict[Future[ShardEntry], Task] = {}
    processes: dict[int, multiprocessing.Process] = {}
    failure: BaseException | None = None
    pool = ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"), initializer=_settle_in)
    try:
        while running or waiting:
            # Only a little ahead of the workers: a failure then loses little, and memory holds few tasks.
            while waiting and len(running) < 2 * workers:
                task = waiting.pop()
                running[pool.submit(_run_noted, task, desk)] = task
                processes.update(getattr(pool, "_processes", None) or {})
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                task = running.pop(future)
                if future.cancelled():
                    continue
                error = future.exception()
                if error is None:
                    yield task, future.result()
                elif failure is None:
                    # What is under way is still finished and kept; nothing new is begun.
                    failure = error
                    waiting.clear()
                    for other in running:
                        other.cancel()
    except BrokenProcessPool as error:  # noticed while handing out a task
        failure = error
    except BaseException:  # Ctrl-C, or whoever takes the results gave up: nobody waits for the rest
        for process in processes.values():
            process.kill()
        raise
    finally:
        pool.shutdown(cancel_futures=True)
    if isinstance(failure, BrokenProcessPool):
        raise WorkerError(_obituary(processes, desk)) from failure
    if failure is not None:
        raise failure


def _settle_in() -> None:
    """A worker leaves Ctrl-C to its parent, and ends with it however that ends.

    One that outlived a killed parent would go on writing beside the run that follows.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _run_noted(task: Task, desk: Path) -> ShardEntry:
    """Run the task with a note on the desk that names its shard: what is left when a worker dies."""
    note = desk / str(os.getpid())
    note.write_text(f"{task.step}/{task.shard}", encoding="utf-8")
    entry = run_shard(task)
    note.unlink()
    return entry


def _obituary(processes: dict[int, multiprocessing.Process], desk: Path) -> str:
    for process in processes.values():
        process.join(timeout=5)
    # The pool ends the survivors with SIGTERM, so the one to name is the one that ended in another way.
    codes = {pid: process.exitcode for pid, process in processes.items()}
    first = [pid for pid, code in codes.items() if code not in (0, -15, None)] or list(codes)
    said = []
    for pid in first:
        note = desk / str(pid)
        shard = note.read_text(encoding="utf-8") if note.exists() else "no shard"
        code = codes[pid]
        said.append(f"a worker died on shard {shard} (exit code {code}{_meaning(code)})")
    return (
        "; ".join(said)
        + ". Finished shards are kept: run the same command again, with fewer --workers if memory ran out"
    )


def _meaning(code: int | None) -> str:
    return {-9: ", killed, often for memory", -11: ", segmentation fault", -15: ", terminated"}.get(code or 0, "")
