"""Ray: one task, one shard, on whatever nodes a cluster has.

    perceptdata tag --executor ray --executor-set address=auto --workers 64

Ray Core alone: it sends a task somewhere, tries again where a node dies, and knows what a task needs. Data never pass
through it: tasks read and write files of the workspace, which all nodes have to see under the same path.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import Field

from perceptdata.errors import UsageError, WorkerError
from perceptdata.execution.executor import Executor
from perceptdata.execution.local import default_workers
from perceptdata.execution.task import Task, run_shard
from perceptdata.manifest import ShardEntry


class Ray(Executor):
    """`address` names a running cluster (`auto` for the one of this node); without, Ray is started here and ended.

    `cpus`, `gpus` and `memory_gb` are what one task needs. `retries` counts how often a task whose worker or node died
    is begun again; what a task itself raises is not tried again.
    """

    workers: int = Field(default_factory=default_workers, ge=1)
    address: str | None = None
    cpus: float = Field(default=1.0, gt=0)
    gpus: float = Field(default=0.0, ge=0)
    memory_gb: float | None = Field(default=None, gt=0)
    retries: int = Field(default=2, ge=0)

    def run(self, tasks: Sequence[Task]) -> Iterator[tuple[Task, ShardEntry]]:
        """At most `workers` tasks at once, whatever the cluster has."""
        if not tasks:
            return
        ray = _import_ray()
        started = not ray.is_initialized()
        if started:
            self._start(ray)
        try:
            yield from self._run(ray, tasks)
        finally:
            if started:
                ray.shutdown()

    def _start(self, ray: Any) -> None:
        # Workers import plugins as this process does, from wherever it found them.
        paths = os.pathsep.join(path for path in sys.path if path)
        common = {"logging_level": "error", "log_to_driver": False}
        try:
            if self.address is None:
                count = max(default_workers(), round(self.workers * self.cpus))
                environment = {"env_vars": {"PYTHONPATH": paths}}
                ray.init(num_cpus=count, include_dashboard=False, runtime_env=environment, **common)
            else:
                ray.init(address=self.address, **common)
        except (ConnectionError, RuntimeError, ValueError) as error:
            where = "here" if self.address is None else f"at {self.address}"
            raise UsageError(f"Ray could not be reached {where}: {' '.join(str(error).split())[:300]}") from error

    def _run(self, ray: Any, tasks: Sequence[Task]) -> Iterator[tuple[Task, ShardEntry]]:
        memory = {} if self.memory_gb is None else {"memory": int(self.memory_gb * 2**30)}
        remote = ray.remote(num_cpus=self.cpus, num_gpus=self.gpus, max_retries=self.retries, **memory)(run_shard)
        waiting = list(reversed(tasks))
        running: dict[Any, Task] = {}
        failure: BaseException | None = None
        try:
            while running or (waiting and failure is None):
                while waiting and len(running) < self.workers and failure is None:
                    task = waiting.pop()
                    running[remote.remote(task)] = task
                ready, _ = ray.wait(list(running), num_returns=1)
                for reference in ready:
                    task = running.pop(reference)
                    try:
                        entry = ray.get(reference)
                    except ray.exceptions.RayTaskError as error:
                        # What is under way is still finished and kept; nothing new is begun.
                        failure = failure or error.cause or error
                    except ray.exceptions.RayError as error:
                        failure = failure or WorkerError(
                            f"a Ray worker died on shard {task.step}/{task.shard}, {self.retries} retries included "
                            f"({type(error).__name__}). Finished shards are kept: run the same command again, with "
                            "memory_gb or fewer --workers if memory ran out"
                        )
                    else:
                        yield task, entry
        except BaseException:  # Ctrl-C, or whoever takes the results gave up: nobody waits for the rest
            for reference in running:
                ray.cancel(reference, force=True)
            raise
        if failure is not None:
            raise failure


def _import_ray() -> Any:
    try:
        import ray
    except ImportError as error:
        raise UsageError(f"this needs Ray ({error.name} is missing): pip install 'perceptdata[ray]'") from error
    return ray
