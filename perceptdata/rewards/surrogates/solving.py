"""The solving process: a family's exact solver, on scenes that a model made up, where it may be killed.

    with Solving() as solving:
        solving.solve(family, text)              # "715694382/249831756/…"; None: no solution, or none in time
        solving.check(family, text, answer)      # 1.0: right for that scene

A scene that a model perceived wrongly may have no solution, or so many clues missing that an exact solver would search
for hours. So it is solved in a process of its own, whose CPU time the kernel bounds: a busy machine changes no verdict.
What cannot be solved within `seconds` is not the puzzle that was drawn, whose solution takes milliseconds.
"""

from __future__ import annotations

import json
import random
import resource
import select
import subprocess
import sys
import threading
import time
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from perceptdata.errors import WorkerError
from perceptdata.plugins import Family

START = 120.0  # seconds by the clock; importing on a busy machine
_CLOCK = 20.0  # so many times its CPU time a scene may take by the clock: a process may wait, not hang


class Solving:
    """One process, started when first needed. Safe from any thread; one scene at a time."""

    def __init__(self, seconds: int = 2) -> None:
        self._seconds = seconds
        self._process: subprocess.Popen[str] | None = None
        self._lock = threading.Lock()

    def solve(self, family: Family[Any], text: str) -> str | None:
        """The answer for the scene that a text states."""
        found = self._ask(family, text, None)
        return found if isinstance(found, str) else None

    def check(self, family: Family[Any], text: str, answer: str) -> float | None:
        """What an answer is worth for the scene that a text states; None where that cannot be told."""
        found = self._ask(family, text, answer)
        return float(found) if isinstance(found, int | float) else None

    def _ask(self, family: Family[Any], text: str, answer: str | None) -> object:
        options = family.model_dump(mode="json", exclude_defaults=True)
        line = json.dumps({"family": family.name, "options": options, "text": text, "answer": answer})
        with self._lock:
            process = self._process or self._started()
            try:
                assert process.stdin is not None  # both are pipes
                process.stdin.write(line + "\n")
                process.stdin.flush()
                said = self._line(process, self._seconds * _CLOCK)
            except BrokenPipeError:
                said = ""
            if not said:
                self._end()
                return None
            return json.loads(said)

    def _started(self) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", __name__, str(self._seconds)]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, encoding="utf-8")
        if not self._line(self._process, START):
            self._end()
            raise WorkerError("the solving process does not start; run `perceptdata doctor`")
        return self._process

    @staticmethod
    def _line(process: subprocess.Popen[str], seconds: float) -> str:
        """What the process says next; "" where it ended or took too long."""
        assert process.stdout is not None
        ready, _, _ = select.select([process.stdout], [], [], seconds)
        return process.stdout.readline() if ready else ""

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.communicate()

    def close(self) -> None:
        """End the process; asked again, it starts anew."""
        with self._lock:
            self._end()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def serve(seconds: int) -> None:
    """Answer until the input ends, which it does when the parent is gone."""
    from perceptdata import registry

    print(json.dumps("ready"), flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        with suppress(ValueError, OSError):  # systems without this limit leave it to the parent's clock
            used = int(time.process_time()) + seconds + 1
            resource.setrlimit(resource.RLIMIT_CPU, (used, resource.getrlimit(resource.RLIMIT_CPU)[1]))
        family = registry.make("families", asked["family"], asked["options"])
        print(json.dumps(_found(family, asked["text"], asked["answer"])), flush=True)


def _found(family: Family[Any], text: str, answer: str | None) -> str | float | None:
    scene = family.parse(text)
    if scene is None:
        return None
    try:
        if answer is None:
            return family.solve(scene, random.Random(0)).answer
        return family.check(answer, scene)
    except Exception:  # a family is anybody's code, and promises nothing for scenes that it did not make
        return None


if __name__ == "__main__":
    serve(int(sys.argv[1]))
