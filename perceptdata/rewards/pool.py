"""The pool behind the reward server: processes that hold the examples and the mixture, and score what they are sent.

    with Pool(Serving(workspace, "rl", form, {"outcome": 0.9}), workers=2) as pool:
        await pool.score([Asked.of({"example_id": "geo/train/7", "response": "…"})])

A process reads the view once, when it starts; a request sends ids and texts. Rollouts of one example are never parted,
since a surrogate may compare them. A process that dies (of a plugin's fault, or for want of memory) costs the rollouts
that it had, and is replaced.
"""

from __future__ import annotations

import asyncio
import multiprocessing
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import ceil
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

from perceptdata.errors import PerceptDataError, UsageError
from perceptdata.example import Example
from perceptdata.formats import Format
from perceptdata.llm.reply import writable
from perceptdata.plugins import Rollout
from perceptdata.rewards.mixture import Mixture
from perceptdata.rewards.rollouts import examples_by_id
from perceptdata.workspace import Workspace

FEWEST = 16  # rollouts that are worth a trip to another process
Answer = dict[str, Any]


class Asked(NamedTuple):
    """A row of a request; `fault` says why it is none."""

    example_id: str | None
    response: str
    fault: str | None = None

    @classmethod
    def of(cls, row: Any) -> Asked:
        """A row as it came. Lone surrogates, which JSON can spell and no text holds, are replaced."""
        known, said = (row.get("example_id"), row.get("response")) if isinstance(row, dict) else (None, None)
        name = known if isinstance(known, str) else None
        if name is None or not isinstance(said, str):
            return cls(name, "", "a rollout is an object with two texts, example_id and response")
        return cls(name, writable(said))


@dataclass(frozen=True)
class Serving:
    """What is served: the mixture's rewards and surrogates, over the examples of a view."""

    workspace: Path
    view: str
    form: Format
    rewards: Mapping[str, float]
    surrogates: Mapping[str, float] = field(default_factory=dict)
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @cached_property
    def mixture(self) -> Mixture:
        """Made once a process. Raises UsageError for what cannot be made."""
        return Mixture.of(
            self.rewards, self.form, surrogates=self.surrogates, options=self.options, workspace=self.workspace
        )

    @cached_property
    def examples(self) -> dict[str, Example]:
        """Read once a process. Raises UsageError for a view without rows."""
        found = examples_by_id(Workspace(self.workspace), self.view)
        if not found:
            raise UsageError(f"view '{self.view}' of {self.workspace} has no rows to score answers to")
        return found

    def score(self, rows: Sequence[Asked]) -> list[Answer]:
        """An answer a row, in order."""
        known = [self._rollout(row) for row in rows]
        totals = iter(self.mixture.score([each for each in known if isinstance(each, Rollout)]))
        answers = []
        for row, each in zip(rows, known, strict=True):
            if not isinstance(each, Rollout):
                answers.append(refused(row, each))
                continue
            total, parts = next(totals)
            answers.append(
                {
                    "example_id": row.example_id,
                    "total": total,
                    "parts": {name: scored.value for name, scored in parts.items()},
                    "unscored": [name for name, scored in parts.items() if scored.value is None],
                    "reason": {name: scored.reason for name, scored in parts.items() if scored.reason},
                }
            )
        return answers

    def _rollout(self, row: Asked) -> Rollout | str:
        if row.fault is not None or row.example_id is None:
            return row.fault or "a rollout names its example"
        example = self.examples.get(row.example_id)
        if example is None:
            return f"there is no example '{row.example_id}' in view '{self.view}'"
        return Rollout(example, row.response)


def refused(row: Asked, why: str) -> Answer:
    """The answer to a row that cannot be scored at all."""
    return {"example_id": row.example_id, "total": None, "parts": {}, "unscored": ["total"], "reason": {"total": why}}


class Pool:
    """`workers` processes. Use it as a context."""

    def __init__(self, serving: Serving, workers: int) -> None:
        self._serving, self._workers = serving, workers
        self._processes = self._started()
        self._restarts = 0

    def _started(self) -> ProcessPoolExecutor:
        # Forked processes would inherit the loop's sockets and half of any library's threads.
        context = multiprocessing.get_context("spawn")
        plain = replace(self._serving)  # without what was read here: a process reads the examples itself
        return ProcessPoolExecutor(self._workers, mp_context=context, initializer=_begin, initargs=(plain,))

    def begin(self) -> None:
        """Start every process. All is made here first, so that what is declared wrongly is told at once."""
        with self._serving.mixture:
            len(self._serving.examples)
        list(self._processes.map(_score, [[]] * self._workers))

    def about(self) -> dict[str, Any]:
        """What is served, for people."""
        serving = self._serving
        return {
            "view": serving.view,
            "examples": len(serving.examples),
            "weights": {**serving.rewards, **serving.surrogates},
            "marks": serving.mixture.stamps,
            "workers": self._workers,
            "restarts": self._restarts,
        }

    async def score(self, rows: Sequence[Asked]) -> list[Answer]:
        """An answer a row, in order."""
        places = _parted(rows, self._workers)
        loop, processes = asyncio.get_running_loop(), self._processes
        parts = [
            loop.run_in_executor(processes, _score, [rows[place] for place in chosen]) for chosen in places if chosen
        ]
        found: dict[int, Answer] = {}
        for chosen, answers in zip(places, await asyncio.gather(*parts, return_exceptions=True), strict=True):
            if isinstance(answers, BaseException):
                answers = [refused(rows[place], self._excuse(answers, processes)) for place in chosen]
            found |= zip(chosen, answers, strict=True)
        return [found[place] for place in range(len(rows))]

    def _excuse(self, error: BaseException, processes: ProcessPoolExecutor) -> str:
        """Why rollouts have no answer. Raises what is no fault of theirs."""
        if isinstance(error, BrokenProcessPool):
            if processes is self._processes:
                self._restarts += 1
                self._processes = self._started()
                processes.shutdown(wait=False)
            return "a scoring process died; send it again"
        if isinstance(error, PerceptDataError):
            return str(error)
        raise error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._processes.shutdown(cancel_futures=True)


def _parted(rows: Sequence[Asked], parts: int) -> list[list[int]]:
    """Places of rows in at most `parts` lists of about one length; rows of one example stay together."""
    size = max(FEWEST, ceil(len(rows) / parts))
    groups: dict[str | None, list[int]] = {}
    for place, row in enumerate(rows):
        groups.setdefault(row.example_id, []).append(place)
    found: list[list[int]] = [[]]
    for places in groups.values():
        if len(found[-1]) >= size:
            found.append([])
        found[-1] += places
    return [places for places in found if places]


_HERE: dict[str, Serving] = {}


def _begin(serving: Serving) -> None:
    """In a process: take what is served, and read the examples before the first request does."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group: the server decides when to stop
    len(serving.examples)
    _HERE["serving"] = serving


def _score(rows: Sequence[Asked]) -> list[Answer]:
    return _HERE["serving"].score(rows)
