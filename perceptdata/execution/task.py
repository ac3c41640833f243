"""The task: what one worker does alone. Picklable, and complete in itself.

    entry = run_shard(Task(root, step_name, version, shard, digest, about, work))

`work` is the step's own description of the shard: an object with one method, `run(writer)`. A cluster executor needs
nothing more than `run_shard` and a way to send tasks.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from perceptdata.manifest import ShardEntry
from perceptdata.shard import ShardWriter


class Work(Protocol):
    """What makes the content of one shard. Must pickle; must depend on its own fields alone."""

    def run(self, writer: ShardWriter) -> None:
        """Write the shard's rows."""


@dataclass(frozen=True, slots=True)
class Task:
    """One shard to make. `digest` fingerprints its input; `about` is the example shard it speaks of."""

    root: Path
    step: str
    version: str
    shard: str
    digest: str
    about: str
    work: Work


def run_shard(task: Task) -> ShardEntry:
    """Make one shard: write its files, and return what the manifest says of them."""
    with _few_collections(), ShardWriter(task.root, task.step, task.version, task.shard) as writer:
        task.work.run(writer)
    return writer.entry(task.digest, task.about)


@contextmanager
def _few_collections() -> Iterator[None]:
    """Rows are trees: they die when they are written, and looking for cycles among them so often costs a tenth."""
    young, *older = gc.get_threshold()
    gc.set_threshold(max(young, 10_000) if young else 0, *older)
    try:
        yield
    finally:
        gc.set_threshold(young, *older)
