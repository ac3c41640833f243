"""Algebra in processes that can be killed: is this expression equal to that one?

    with Algebra(workers=2) as algebra:
        algebra.compare("x^2-1", "(x-1)(x+1)")        # "equal"

The library that computes (math-verify, over sympy) may take forever, fill the memory or crash on what a model wrote,
and guards itself with a signal that only a main thread may set. So it runs in plain subprocesses: any thread may ask,
from any kind of process; a pair that takes too long costs its worker, which is replaced, and nothing else. Workers are
started when first needed and replaced after `recycle` pairs, since sympy remembers everything.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from queue import LifoQueue
from types import TracebackType
from typing import Literal, Self, cast, get_args

from perceptdata.errors import WorkerError

Outcome = Literal["equal", "different", "gold_unreadable", "answer_unreadable", "failed", "died", "timeout"]

_SCRIPT = Path(__file__).with_name("worker.py")
_START = 120.0  # seconds; importing sympy on a busy machine


class Algebra:
    """`workers` processes; `seconds` of CPU time a pair, and five times that by the clock; `megabytes` each.

    CPU time, so that a busy machine does not change verdicts.
    """

    def __init__(self, workers: int = 1, seconds: int = 5, megabytes: int = 2048, recycle: int = 2000) -> None:
        self._workers, self._seconds, self._megabytes, self._recycle = workers, seconds, megabytes, recycle
        self._places: LifoQueue[_Worker | None] = LifoQueue()
        for _ in range(workers):
            self._places.put(None)

    @property
    def workers(self) -> int:
        """How many pairs are compared at once."""
        return self._workers

    def compare(self, gold: str, answer: str) -> Outcome:
        """What came of one pair of LaTeX texts. Waits for a free worker; safe from any thread.

        Raises WorkerError where no worker can be started.
        """
        worker = self._places.get()
        try:
            if worker is None:
                worker = _Worker(self._seconds, self._megabytes)
            outcome = worker.ask(gold, answer, 5.0 * self._seconds)
            if outcome in ("timeout", "died") or worker.asked >= self._recycle:
                worker.end()
                worker = None
            return outcome
        except BaseException:
            if worker is not None:
                worker.end()
                worker = None
            raise
        finally:
            self._places.put(worker)

    def close(self) -> None:
        """End the workers, those at work when they are done. Asked again, they start anew."""
        for worker in [self._places.get() for _ in range(self._workers)]:
            if worker is not None:
                worker.end()
            self._places.put(None)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Worker:
    """One process and the pipes to it."""

    def __init__(self, seconds: int, megabytes: int) -> None:
        # -P: the script's folder must not come before the standard library, which has a module `numbers` too.
        command = [sys.executable, "-P", str(_SCRIPT), str(seconds), str(megabytes)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0
        )
        self.asked = 0
        if self._answer(_START) != "ready":
            self.end()
            raise WorkerError(
                f"the algebra process ended with exit code {self._process.returncode} before it was ready; "
                'is math-verify there? `python -c "import math_verify"`'
            )

    def ask(self, gold: str, answer: str, seconds: float) -> Outcome:
        """Send a pair and wait. After `timeout` or `died` the worker is of no more use."""
        self.asked += 1
        try:
            assert self._process.stdin is not None
            self._process.stdin.write(json.dumps({"gold": gold, "answer": answer}).encode() + b"\n")
        except BrokenPipeError:
            return "died"
        said = self._answer(seconds)
        if said in get_args(Outcome):
            return cast(Outcome, said)
        return "timeout" if said is None or self._process.wait() == -signal.SIGXCPU else "died"

    def _answer(self, seconds: float) -> str | None:
        """One line, "" where the process has ended, None where the time has passed."""
        assert self._process.stdout is not None
        pipe = self._process.stdout.fileno()
        poll = select.poll()
        poll.register(pipe, select.POLLIN | select.POLLHUP)
        until, line = time.monotonic() + seconds, b""
        while not line.endswith(b"\n"):
            if not poll.poll(max(0.0, until - time.monotonic()) * 1000):
                return None
            piece = os.read(pipe, 4096)
            if not piece:
                return ""
            line += piece
        return str(json.loads(line))

    def end(self) -> None:
        """Kill it and take leave of it."""
        self._process.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()
        self._process.wait()
