"""Who runs the tasks: here, on a Ray cluster, or as a Slurm array. The bytes are the same.

    executor = make_executor("slurm", workers=64, options={"partition": "cpu", "time": "04:00:00"})
    for task, entry in executor.run(tasks):
        …

An executor knows nothing of steps: it sends tasks somewhere and hands back entries as they finish. The workspace has
to be on a file system that all of them see.
"""

from __future__ import annotations

import difflib
import importlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from perceptdata.errors import UsageError
from perceptdata.execution.task import Task
from perceptdata.manifest import ShardEntry
from perceptdata.registry import option_errors

EXECUTORS = {
    "local": "perceptdata.execution.local:Local",
    "ray": "perceptdata.execution.ray:Ray",
    "slurm": "perceptdata.execution.slurm:Slurm",
}


class Executor(BaseModel, ABC):
    """Options as fields. One method to write: `run`. `workers` bounds how many tasks run at once."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    workers: int = Field(default=1, ge=1)

    @abstractmethod
    def run(self, tasks: Sequence[Task]) -> Iterator[tuple[Task, ShardEntry]]:
        """Run all tasks and yield each with its entry as it finishes.

        Raises what a task raises; WorkerError for a worker that died. What was yielded stays done.
        """


def make_executor(
    name: str = "local", workers: int | None = None, options: Mapping[str, Any] | None = None
) -> Executor:
    """The executor of this name. `workers` None is the executor's own idea of how many.

    Raises UsageError for a name or an option that is not there.
    """
    if name not in EXECUTORS:
        near = difflib.get_close_matches(name, EXECUTORS, n=1)
        hint = f"did you mean '{near[0]}'?" if near else f"there are {', '.join(EXECUTORS)}"
        raise UsageError(f"there is no executor '{name}'; {hint}")
    module, _, attribute = EXECUTORS[name].partition(":")
    kind = getattr(importlib.import_module(module), attribute)
    given = {**(options or {}), **({} if workers is None else {"workers": workers})}
    try:
        return kind(**given)
    except ValidationError as error:
        raise UsageError(f"executor {name}: {option_errors(error, kind)}") from None
